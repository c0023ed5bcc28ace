/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The game port: one number for UDP (game, queries) and TCP (RCON). */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "types.h"

typedef struct Net {
        int udp;
        int udp6; /* once it was asked for: the game has none */
        int tcp;  /* bound from the start, listening only once there is an RCON password */
        bool listening;
        char ip[16];
        unsigned port;
} Net;

/* Binds `port`, or one of the next ones unless `strict`. `ip` NULL or empty: the address of the interface
 * that leads out, as the engine picks one. -EADDRINUSE and -EADDRNOTAVAIL are what a caller has to
 * expect. */
int net_open(Net *n, const char *ip, unsigned port, bool strict);
void net_close(Net *n);
int net_open_ipv6(Net *n); /* the same port */
int net_listen(Net *n);
void net_unlisten(Net *n); /* the port stays taken */

/* Who sent a datagram, and from which of our sockets an answer has to go. */
struct Peer {
        int fd;
        union {
                struct sockaddr any;
                struct sockaddr_in in;
                struct sockaddr_in6 in6;
        } address;
};

bool peer_equal(const Peer *a, const Peer *b); /* with their ports */
bool peer_is_loopback(const Peer *p);
uint32_t peer_key(const Peer *p); /* of the address alone; IPv4: the address, in network order */
void peer_send(const Peer *p, const void *data, size_t size);
