/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From what somebody wants, ids of items and collections, to items with all that the Workshop says about them. */

#include <glib.h>

#include "workshop-answers.h"
#include "workshop-http.h"

/* One of the list, in the order in which it was asked for, what a collection brings in its place. */
typedef struct ResolvedItem {
        char *id;
        bool wanted;     /* asked for by itself, and not only by a collection */
        bool collection; /* it is one, and has no file */
        ItemAnswer *answer;
} ResolvedItem;

/* *ret: of ResolvedItem, each id once; the caller's. The answers are in *ret_answers, which has to live as long. */
int workshop_resolve(HttpClient *client, const char *const *ids, GPtrArray **ret, GPtrArray **ret_answers,
        GError **error);
