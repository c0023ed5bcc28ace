/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/tree-diff.h"
#include "service/types.h"

/* Comparisons of two versions of an overlay, under way in slices beside everything else. The versions stay while they are compared. */

/* changes: TreeChange, sorted; NULL when it failed: with -E2BIG for too many, -ENOENT when the overlay went away, -ECANCELED when
 * the manager ends. */
typedef void (*ComparisonDone)(Manager *m, const GArray *changes, int r, void *userdata);

/* done is called exactly once if this succeeds, and never from here. Errors: NoSuchVersion, LimitsExceeded. */
int comparison_new(
        const Overlay *o, uint32_t a, uint32_t b, ComparisonDone done, void *userdata, sd_bus_error *error);

/* Calls each with both versions of all that are under way. */
void comparisons_foreach(
        Manager *m, void (*each)(const char *overlay, uint32_t version, void *userdata), void *userdata);

/* For the end: they end with it. */
void comparisons_cancel(Manager *m);
