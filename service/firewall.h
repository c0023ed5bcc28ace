/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/nft.h"

/*
 * The table `inet left4me`. It is made in one transaction when left4med starts, when somebody has changed or deleted it, and when the rules
 * of one of its parts change; in between only the elements of its sets follow the servers that start and stop. left4med's end leaves it as
 * it is. Where the host's own policy is to drop, accept rules go into its own chains besides (firewall-host.h).
 *
 * A part of the table (marks, RCON, shield, ...) is one function in a file of its own, named in firewall-rules.c. It is called with a batch
 * that has the table and the sets below and nothing else, and adds chains, sets, counters and rules; it looks up what it needs to know in the
 * manager. When that changes: firewall_remake(), and firewall_settle() for who waits. Packets are never without the table meanwhile, but
 * what the packets themselves put into sets is gone; counters made with firewall_add_counter() keep their values.
 */

#define FIREWALL_TABLE "left4me"

/* Sets. Of the servers that run or are about to: their ports, those of them whose RCON is open to the outside, and port -> counter
 * "server-NAME". */
#define FIREWALL_PORTS "ports"
#define FIREWALL_RCON "rcon"
#define FIREWALL_COUNTERS "server-counters"
/* The cgroups of l4d2-game.slice and l4d2-build.slice, which have this level: for nft_load_cgroup() and nft_lookup(), where packets leave.
 * Empty as long as the slice is not there. */
#define FIREWALL_GAMES "games"
#define FIREWALL_BUILDS "builds"
#define FIREWALL_SLICE_LEVEL 2U

/* A server that runs or is about to. */
typedef struct OpenPort {
        char *name;
        uint16_t port;
        bool rcon;
} OpenPort;

typedef struct FirewallCounter {
        uint64_t packets, bytes;
} FirewallCounter;

/* r < 0: the table is not in force, why says why. -ECANCELED: left4med ends. What the host's own chain refuses, firewall_state() tells alone:
 * the table does its work without it. */
typedef void (*FirewallDone)(int r, const char *why, void *userdata);

/* Never fails: without nf_tables servers run all the same. */
Firewall *firewall_new(Manager *m);
Firewall *firewall_free(Firewall *f);

/* What systemd says of the servers is known: from now on the table follows it. */
void firewall_start(Firewall *f);

/* A server may run now, or run no more. */
void firewall_look(Firewall *f, Instance *i);

/* The rules of a part changed; left4me.conf changed. */
void firewall_remake(Firewall *f);
void firewall_reload(Firewall *f);

/* Calls done when all that was told before is in force or cannot be; at once if it is. */
void firewall_settle(Firewall *f, FirewallDone done, void *userdata);

/* The same for what concerns builds: the cgroup of their slice is looked for again. */
void firewall_settle_builds(Firewall *f, FirewallDone done, void *userdata);

/* Whether what builds send to this host itself is dropped; after firewall_settle_builds(). Else r < 0, and why not. */
int firewall_guards_builds(const Firewall *f, const char **ret_why);

/* "active", or what is wrong. */
const char *firewall_state(const Firewall *f);
/* name -> OpenPort, as in force; sorted. */
GTree *firewall_open_ports(const Firewall *f);

/* For questions and subscriptions of others; NULL where the kernel has no netfilter. */
Netlink *firewall_netlink(Firewall *f);

/* -- firewall-counters.c -- */

/* Reads all counters of the table; then firewall_counter() has them. */
void firewall_read_counters(Firewall *f, FirewallDone done, void *userdata);
/* As last read, zeros for one that there is not. */
FirewallCounter firewall_counter(const Firewall *f, const char *name);
/* "server-NAME" */
char *firewall_counter_name(const char *server);

/* For the parts: a counter that goes on where it was before the table was made anew. */
void firewall_add_counter(Firewall *f, NftBatch *b, const char *name);

/* -- firewall-rules.c -- */

/* The part of firewall-builds.c. */
void firewall_put_builds(Manager *m, NftBatch *b);

/* Sets and parts, into a batch that makes the table anew. */
void firewall_put_rules(Manager *m, NftBatch *b);
