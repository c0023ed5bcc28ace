/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/nft.h"
#include "service/object.h"
#include "service/shield-config.h"

/*
 * What servers get of the packets that anybody may send them: what is asked for, which is stored, a part of the firewall's table
 * (shield-rules.h), and the journal's records of who goes over a limit.
 */

enum {
        SHIELD_PROP_MODE = 1U << 0,
        SHIELD_PROP_STATE = 1U << 1,
        SHIELD_PROP_LIMITS = 1U << 2,
};

typedef struct ShieldLog ShieldLog;

struct Shield {
        Object object; /* first */
        ShieldConfig config;
        ShieldLog *log;
};

Shield *shield_new(Manager *m);
Shield *shield_free(Shield *s);

/* Reads what was stored. */
int shield_load(Shield *s);

/* Stores it and puts it into force; ends r. On failure here r stays the caller's. */
int shield_configure(Shield *s, const ShieldConfig *c, Request *r, sd_bus_error *error);

/* What the firewall says of itself is another than before. */
void shield_firewall_changed(Shield *s);

/* "active", "off", or what is wrong. */
const char *shield_state(const Shield *s);

/* For Check. */
void shield_check(const Shield *s, GPtrArray *findings);

/* Its part of the firewall's table. */
void shield_put(Manager *m, NftBatch *b);

/* -- shield-log.c -- */

/* Listens to the rules. Without the kernel's help there are no records, and shield_log_trouble() says why. */
ShieldLog *shield_log_new(Manager *m);
ShieldLog *shield_log_free(ShieldLog *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ShieldLog, shield_log_free)
/* NULL: none. */
const char *shield_log_trouble(const ShieldLog *l);

/* -- shield-figures.c -- */

typedef struct ShieldFigure {
        char source[64]; /* as shield_source_to_text() has it */
        uint16_t port;
        ShieldKind kind;
        uint64_t packets, bytes;
        uint64_t last; /* usec since 1970 */
} ShieldFigure;

/* figures: of ShieldFigure, those with most packets first; the counters are the firewall's. r < 0: it could not be read. */
typedef void (*ShieldFigures)(int r, const char *why, GArray *figures, void *userdata);

void shield_get_figures(Shield *s, ShieldFigures done, void *userdata);
