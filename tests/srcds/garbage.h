/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers that no server should give, one kind after the other, for clients to survive. */
#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/a2s.h"
#include "types.h"

typedef struct Garbage {
        bool a2s;
        bool rcon;
        int kind;   /* -1: each in turn */
        unsigned n; /* how many there were */
        uint64_t random;
} Garbage;

void garbage_set(Server *s, const char *what, int kind);
bool garbage_a2s(Server *s, const Peer *peer, const A2sRequest *request);
bool garbage_rcon(Server *s, GByteArray *out, int32_t id);
