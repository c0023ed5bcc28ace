/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* All objects of the service with their properties, as they were at one moment. */

typedef struct {
        char *name;
        char *path;
        GVariant *properties;
} Object;

typedef struct {
        GPtrArray *instances, *overlays; /* of Object, by name */
        GPtrArray *jobs;                 /* of Object, newest first */
} Inventory;

Inventory *inventory_load(Cli *cli, GError **error);
Inventory *inventory_free(Inventory *inventory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Inventory, inventory_free)

Object *inventory_find(GPtrArray *objects, const char *name);
GVariant *inventory_get_all(Cli *cli, const char *path, const char *interface, GError **error);
