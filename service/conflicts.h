/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/claims.h"
#include "service/stack.h"
#include "service/types.h"

/*
 * What two layers of a stack both bring: of the same map, plugin or gamedata only the upper one's is seen, which is seldom what was
 * meant. Versions are scanned one slice a turn of the event loop, and what was found is kept.
 */

typedef struct Conflict {
        const Claim *claim; /* the topmost layer's */
        GPtrArray *layers;  /* const char *: names of overlays, topmost first */
} Conflict;

/* r 0: conflicts is an array of Conflict, by kind and path, good until the callback returns. -E2BIG: there is too much to compare;
 * -ECANCELED: the manager ends; or what a scan failed with. */
typedef void (*ConflictsDone)(int r, const GArray *conflicts, void *userdata);

int conflicts_new(Manager *m, Conflicts **ret);
Conflicts *conflicts_free(Conflicts *c);

/* Compares the layers of a stack. done is called later, exactly once. -EBUSY: too many wait already. */
int conflicts_find(Conflicts *c, const Stack *stack, ConflictsDone done, void *userdata);
