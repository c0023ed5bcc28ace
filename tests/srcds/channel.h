/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connected players, as far as the network sees them: they ask for a challenge (q, A), bring it back with their wish to be
 * let in (k, B), and from then on a datagram comes from each some 30 times a second, and one goes to each with every tick.
 *
 * A datagram of theirs: its number and the number of the last one of ours, each 4 bytes, and what fills it up.
 * One of ours: its number, the number of the last one of theirs, how many have come of theirs, 4 bytes each, the
 * realtime clock in nanoseconds, 8 bytes; all little endian. It takes the place of the game's own format. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net.h"
#include "types.h"

#define CHANNELS_MAX 64

typedef struct Channel {
        Peer peer;
        uint64_t heard_ms; /* when something came last */
        uint32_t sent;
        uint32_t number; /* of the last datagram that came */
        uint32_t received;
} Channel;

typedef struct Channels {
        Channel channels[CHANNELS_MAX];
        size_t n;
} Channels;

/* Whether the datagram was one of a player's; all that is no query is offered to it. */
bool channel_take(Server *s, const Peer *peer, const uint8_t *data, size_t size);
void channel_tick(Server *s);
