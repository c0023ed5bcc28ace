/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The game port: one number for UDP (game, queries) and TCP (RCON). */
#pragma once

#include <stdbool.h>

typedef struct Net {
        int udp;
        int tcp; /* bound from the start, listening only once there is an RCON password */
        bool listening;
        char ip[16];
        unsigned port;
} Net;

/* Binds `port`, or one of the next ones unless `strict`. `ip` NULL or empty: the address of the interface
 * that leads out, as the engine picks one. -EADDRINUSE and -EADDRNOTAVAIL are what a caller has to
 * expect. */
int net_open(Net *n, const char *ip, unsigned port, bool strict);
void net_close(Net *n);
int net_listen(Net *n);
void net_unlisten(Net *n); /* the port stays taken */
