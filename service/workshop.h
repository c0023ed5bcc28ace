/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "protocol/workshop.h"
#include "service/types.h"

/*
 * An overlay of kind "workshop": which items it is to hold, and what is known of those that it holds. What is wanted is the overlay's source,
 * text of lines "ID" and "pin ID REVISION"; what is known comes from builds, the manifests of left4me-workshop, and is kept with each version.
 */

#define WORKSHOP_WANTED_MAX 1000U /* items and collections that somebody names */
#define WORKSHOP_CACHE_AGE \
        (14U * 24U * 3600U) /* seconds that a file which nothing links stays in the cache */

struct Workshop {
        GPtrArray *ids;         /* char *: wanted, in their order */
        GHashTable *pins;       /* id -> revision */
        WorkshopList *contents; /* of the current version; NULL for none */
        WorkshopList *seen;     /* what the Workshop had when it was last asked; NULL for never */
};

Workshop *workshop_new(void);
Workshop *workshop_free(Workshop *w);

/* Takes ids and pins out of a source; what is not of that form, nobody wrote, and is left out. */
void workshop_read_source(Workshop *w, const char *source);
char *workshop_write_source(const Workshop *w);

/* Whether the Workshop had something newer than the version has, when it was last asked; not for what is pinned. */
bool workshop_has_update(const Workshop *w);

/* Makes what the overlay knows follow the store: after the start, a build, another current version. */
void workshop_reload(Overlay *o);

/* Sets the items; ids are valid, and each there once. Errors: Busy, NoSpace. */
int workshop_set_items(Overlay *o, GStrv ids, sd_bus_error *error);

/* Holds an item of the current version at what that has, or lets it go. Errors: NoSuchItem, Busy, NoSpace. */
int workshop_pin(Overlay *o, const char *id, bool pin, sd_bus_error *error);

/* What the Workshop says and the version has, as one word for the bus: a WorkshopState, or "outdated". */
const char *workshop_item_state(const Workshop *w, const WorkshopItem *item);

/* Queues a build of each such overlay that makes a new version only if the Workshop has news, and cleans the cache. paths gets the jobs'
 * object paths. Errors: LimitsExceeded, NoSpace; what was queued before stays. */
int workshop_refresh(Manager *m, GStrvBuilder *paths, sd_bus_error *error);

/* For the kind (overlay-kinds.h). */
int workshop_describe(const Overlay *o, const Job *j, int fd, GKeyFile *job);
int workshop_read_result(int fd, char **ret_details);
char *workshop_summary(const char *details);
