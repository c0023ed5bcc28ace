/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "inventory.h"
#include "json.h"
#include "table.h"

/* Objects on a line each, or in a JSON array. */

typedef struct {
        const TableColumn *columns;
        unsigned n_columns;
        void (*add)(Table *table, const Object *object);
        JsonObject *(*json)(const Object *object); /* NULL: its properties */
} Listing;

int listing_show(Cli *cli, GPtrArray *objects, const Listing *listing);
