/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Server queries (A2S) on the UDP side of the game port. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net.h"
#include "types.h"

#define QUERY_ADDRESSES 2048 /* whose rate is known; the engine's START_TREE_SIZE */

/* What an address has asked in the current window. */
typedef struct QueryRate {
        uint32_t address;   /* its key; 0: of all together */
        uint64_t window_ms; /* when the window began */
        unsigned count;
} QueryRate;

typedef struct Query {
        uint64_t secret; /* of the challenges */
        uint32_t reply_id;
        QueryRate all;
        QueryRate rates[QUERY_ADDRESSES];
        size_t n_rates;

        unsigned received; /* datagrams that are queries */
        unsigned answered; /* challenges included */
        unsigned limited;  /* dropped because of sv_max_queries_* */
        unsigned loopback; /* dropped because of their address */
} Query;

void query_init(Query *q);
void query_serve(Server *s, int fd);
/* A number for whoever really has that address, good for a minute or two. */
uint32_t query_challenge(const Server *s, const Peer *peer);
bool query_challenge_is_right(const Server *s, const Peer *peer, uint32_t challenge);
