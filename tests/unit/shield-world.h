/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/netlink.h"
#include "service/nflog.h"
#include "service/shield-rules.h"

/*
 * A network namespace with a server in it, the shield's rules in its kernel, and an interface by which packets arrive (game-link.h): what the
 * server gets, what is counted and what is reported.
 */

#define PORT 27015
#define OTHER_PORT 27016 /* of a server as well */
#define SEEN_MAX 4096U

typedef struct World {
        sd_event *event;
        Netlink *netlink;
        NfLog *log;
        int link, sockets[2]; /* of the server: IPv4, IPv6 */
        unsigned ended;
        int r;
        uint64_t counters[_SHIELD_KIND_MAX][_SHIELD_COUNTER_MAX];
        GString *sources;
        unsigned n_keys;
        uint8_t family;
        GPtrArray *reports;
} World;

/* Whether this machine allows one; makes the network namespace. */
bool world_can_be(void);

/* For g_test_add(). */
void world_set_up(World *w, gconstpointer data);
void world_tear_down(World *w, gconstpointer data);

/* As the firewall does it: the table is made anew, the counters go on. */
void world_put(World *w, const ShieldConfig *c);

/* How many datagrams the server has had since the last time. which: 0 by IPv4, 1 by IPv6. */
unsigned world_received(World *w, unsigned which);

/* Reads w->counters; and the packets of one of them. */
void world_read_counters(World *w);
uint64_t world_counted(World *w, ShieldKind kind, ShieldCounter counter);

/* How many keys a meter has; the lines of those that are sources are in w->sources. */
unsigned world_keys(World *w, const char *meter, uint8_t family);
const char *world_sources(World *w, uint8_t family);

/* "" if there is none: reports are there as soon as the packet is. */
const char *world_next_report(World *w);
