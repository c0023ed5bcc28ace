/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A game server's remote console, in the main loop of the test: the ways in which one lets somebody in, or does not. */

#include <gio/gio.h>
#include <stdbool.h>

typedef enum RconManner {
        RCON_ANSWERS,         /* as srcds */
        RCON_IN_PIECES,       /* byte by byte */
        RCON_AND_GOES_ON,     /* the answer, and more after it at once */
        RCON_WITHOUT_VALUE,   /* no empty value before the answer */
        RCON_SILENT,          /* takes the connection, and loads a map */
        RCON_DROPS,           /* closes it at once, as for a banned address */
        RCON_DROPS_LATER,     /* closes it when the password has come */
        RCON_BABBLES,         /* speaks something else */
        RCON_TOO_LONG,        /* a packet that nobody accepts */
        RCON_ANSWERS_ANOTHER, /* another request than the one that was sent */
} RconManner;

typedef struct RconServer {
        GSocketService *service;
        GPtrArray *connections;
        guint16 port;
        RconManner manner;
        char *password; /* what it accepts; NULL: nothing */
        guint accepted; /* connections */
        guint tries;    /* passwords that came */
        char *last;     /* the last of them */
} RconServer;

/* What RCON_AND_GOES_ON sends behind its answer: a packet. */
#define RCON_MORE "more"

/* Listens on a port of GamePorts= that is free on this machine. */
RconServer *rcon_server_new(void);
void rcon_server_free(RconServer *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RconServer, rcon_server_free)

/* Nobody is let in any more; who is in stays. */
void rcon_server_close(RconServer *s);
