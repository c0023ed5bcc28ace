/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/shaper-config.h"
#include "service/tc.h"

/*
 * From what the kernel has and what is asked for to what must be said to the kernel. Pure: looked at, and said, is elsewhere
 * (service/shaper.c). Several rounds may be needed, since a link that is made gets its number from the kernel: one plans, says it, looks
 * again, until there is nothing left to say.
 */

/* What the kernel has. */
typedef struct TcSnapshot {
        GArray *links;   /* TcLink */
        GArray *qdiscs;  /* TcQdisc */
        GArray *filters; /* TcFilter: of the ingress of the links that are asked about */
} TcSnapshot;

typedef struct ShaperWish {
        const char *interface;
        const ShaperConfig *config; /* NULL: whatever we set is to go */
        bool known;                 /* what has our handle is ours: we have set it before */
        const char *other;          /* who else was told to manage it, in words; NULL for nobody */
} ShaperWish;

typedef enum ShaperPlan {
        SHAPER_DONE,    /* it is as it is to be */
        SHAPER_SAY,     /* the messages bring it nearer */
        SHAPER_ABSENT,  /* there is no such interface */
        SHAPER_FOREIGN, /* somebody else manages it: *ret_why */
} ShaperPlan;

void tc_snapshot_init(TcSnapshot *s);
void tc_snapshot_clear(TcSnapshot *s);
const TcLink *tc_snapshot_find(const TcSnapshot *s, const char *name);
const TcQdisc *tc_snapshot_root(const TcSnapshot *s, int link);
bool tc_snapshot_has_ingress(const TcSnapshot *s, int link);

/* The device that what comes in goes through: "l4i-" and the interface's name, or what tells it from others when it is too long. */
char *shaper_ifb_name(const char *interface);

ShaperPlan shaper_plan(const ShaperWish *w, const TcSnapshot *s, GByteArray *messages, char **ret_why);
