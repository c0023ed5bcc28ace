/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * What instances, overlays and jobs have in common: a path on the bus, and the news that some of their properties changed. News is
 * gathered and told once per turn of the event loop, and always before an answer that it led to.
 */

typedef struct ObjectType {
        const char *interface;
        const char *prefix; /* of the object path */
        const char *const
                *properties; /* those that change, NULL-terminated; bit n of `changed` means properties[n] */
} ObjectType;

typedef struct Object {
        Manager *manager;
        const ObjectType *type;
        char *path;
        uint32_t changed;
        bool shown;
} Object;

/* name is escaped into the path. */
void object_init(Object *o, Manager *m, const ObjectType *type, const char *name);
void object_done(Object *o);

/* Tells the bus that the object is there, or gone. */
void object_show(Object *o);
void object_hide(Object *o);

/* Notes that the properties of these bits changed. */
void object_changed(Object *o, uint32_t bits);

/* Tells all that was noted. */
void objects_flush(Manager *m);

/* The paths of all objects in a tree, as sd-bus' node enumerators give them; the caller's. */
int objects_list_paths(GTree *objects, char ***ret);
