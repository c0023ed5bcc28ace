/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>

#include "service/types.h"

/*
 * What the shield lets through: pure values, their names on the bus and in the database. The rules that act on them are in
 * shield-rules.c.
 *
 * The kinds are those of connectionless packets (the first four bytes are 0xff), told apart by the fifth, and what no client sends. A
 * limit is a token bucket: `burst` packets at once, `rate` of them a second over time.
 */

typedef enum ShieldMode {
        SHIELD_OFF,
        SHIELD_COUNT, /* everything is counted and written down, nothing dropped */
        SHIELD_ON,
        _SHIELD_MODE_MAX,
        _SHIELD_MODE_INVALID = -EINVAL,
} ShieldMode;

typedef enum ShieldKind {
        SHIELD_INFO,      /* 'T' */
        SHIELD_PLAYERS,   /* 'U' */
        SHIELD_RULES,     /* 'V' */
        SHIELD_CHALLENGE, /* 'W', which nobody needs any more */
        SHIELD_CONNECT, /* 'q' and 'k': the two steps of joining (a lobby's reservation begins with 'q' as well) */
        SHIELD_LOBBY, /* reservations and pings: 'n', 'i', '!', '$', 'Y', 0 */
        SHIELD_OTHER,
        _SHIELD_LIMITED_MAX,
        SHIELD_EMPTY = _SHIELD_LIMITED_MAX, /* no payload */
        SHIELD_MALFORMED,                   /* too short, too long, in fragments */
        _SHIELD_KIND_MAX,
        _SHIELD_KIND_INVALID = -EINVAL,
} ShieldKind;

typedef struct ShieldLimit {
        uint32_t source_rate, source_burst; /* of one address, to one port */
        uint32_t port_rate, port_burst;     /* of all addresses together, to one port */
} ShieldLimit;

typedef struct ShieldConfig {
        ShieldMode mode;
        uint32_t maximum_length; /* of a datagram's payload, bytes */
        ShieldLimit limits[_SHIELD_LIMITED_MAX];
} ShieldConfig;

/* How long a source is remembered after its last packet, seconds. No bucket takes longer to fill, so to be forgotten is no gain. */
#define SHIELD_MEMORY 60U

/* "off", "count", "on". */
const char *shield_mode_to_string(ShieldMode mode);
ShieldMode shield_mode_from_string(const char *text);

/* "info", "players", "rules", "challenge", "connect", "lobby", "other", "empty", "malformed". */
const char *shield_kind_to_string(ShieldKind kind);
ShieldKind shield_kind_from_string(const char *text);

/* The fifth bytes of a kind, *ret_n of them; 0 is one like any other. NULL for a kind that has none of its own. */
const char *shield_kind_bytes(ShieldKind kind, size_t *ret_n);

/* The defaults. */
void shield_config_init(ShieldConfig *c);

/* The numbers by their names, such as "InfoSourceRate": NULL for a name that there is not, and past the last index. */
uint32_t *shield_config_number(ShieldConfig *c, const char *name);
char *shield_config_number_name(unsigned index);

/* -EINVAL with *ret_why, which names the number and the rule. */
int shield_config_check(const ShieldConfig *c, char **ret_why);

bool shield_config_equal(const ShieldConfig *a, const ShieldConfig *b);

/* As the database keeps it: the mode, and what differs from the defaults. What is not understood there, or not valid, is the default. */
char *shield_config_to_text(const ShieldConfig *c);
void shield_config_from_text(const char *text, ShieldConfig *ret);
