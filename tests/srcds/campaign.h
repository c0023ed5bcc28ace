/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Campaigns: which map follows which, as the mission files say. */
#pragma once

#include <stddef.h>

typedef struct Campaign {
        char *name;
        char **maps; /* of co-op, in order; never none */
        size_t n;
} Campaign;

typedef struct Campaigns {
        Campaign *campaigns; /* in the order in which they were found */
        size_t n;
} Campaigns;

/* One mission file. What is no mission, or has no map for co-op, adds nothing. */
void campaigns_add(Campaigns *c, const void *text, size_t size);
void campaigns_sort(Campaigns *c); /* those so far, by their first maps */
void campaigns_done(Campaigns *c);

/* The next chapter; after the last one the first of the next campaign, around to the first one. NULL: the map is
 * in none. */
const char *campaigns_next_map(const Campaigns *c, const char *map);
