/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "inventory.h"
#include "json.h"
#include "table.h"

/* Objects on a line each, or in a JSON array. */

typedef struct {
        size_t objects; /* which: offsetof() of an array of Inventory */
        const TableColumn *columns;
        unsigned n_columns;
        void (*add)(Table *table, const Object *object);
        JsonObject *(*json)(const Object *object);    /* NULL: its properties */
        void (*totals)(Cli *cli, GPtrArray *objects); /* below the table, at a terminal; NULL: nothing */
} Listing;

/* All that a verb without options does that lists them. */
int listing_run(Cli *cli, char **words, const Listing *listing);
