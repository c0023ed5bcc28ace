/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Brings files of the Workshop into the cache, a few at a time. A file in there has its name only when it is whole, and is never written
 * again: versions link it. What is on its way is NAME.part, which whoever comes next goes on with; a lock says that somebody does. */

#include <stdio.h>

#include "progress.h"
#include "protocol/workshop.h"
#include "workshop-http.h"

typedef struct Fetch {
        const char *url;
        uint64_t expected; /* bytes, 0 for not told */
        WorkshopItem *
                item; /* source, size, title and campaigns are set when the file is there; a state other than current when the
                             * item cannot be had, with the reason */
        char *name; /* in the cache */
        char *reason;
} Fetch;

Fetch *fetch_new(WorkshopItem *item, const char *url, uint64_t expected);
void fetch_free(Fetch *fetch); /* takes NULL */

/* 1: the cache has the file already, and the item knows it; 0: it has not. */
int fetch_from_cache(int cache, Fetch *fetch, GError **error);

/* Copies a file that came by another way into the cache. The item knows it, or why it is none. */
int fetch_from_file(int cache, int from, Fetch *fetch, GError **error);

/* Fetches all of fetches (of Fetch). Fails for what is nobody's item: no network, no room. */
int fetch_all(int cache, Http *http, const GPtrArray *fetches, FILE *out, GError **error);
