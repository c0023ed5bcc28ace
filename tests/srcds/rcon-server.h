/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The remote console: connections on the TCP side of the game port. */
#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>

#include "types.h"

#define RCON_CONNECTIONS_MAX 64

typedef struct RconConnection {
        int fd;
        struct sockaddr_in peer;
        bool authenticated;
        bool waits; /* for the gap between two packets to be over */
        bool dead;  /* closed by the next rcon_sweep(): its own command may still run */
        GByteArray *in;
        GByteArray *out;
} RconConnection;

typedef struct Rcon {
        RconConnection *connections[RCON_CONNECTIONS_MAX];
        size_t n;
} Rcon;

size_t rcon_fill_poll(
        const Rcon *r, struct pollfd *fds); /* at most RCON_CONNECTIONS_MAX of them, in order */
void rcon_accept(Server *s);
void rcon_serve(Server *s, RconConnection *c, short events);
void rcon_drop_all(Rcon *r); /* marks them */
void rcon_sweep(Rcon *r);
void rcon_done(Rcon *r);
