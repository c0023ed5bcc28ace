/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "service/manager.h"
#include "service/object.h"

void object_init(Object *o, Manager *m, const ObjectType *type, const char *name) {
        *o = (Object){ .manager = m, .type = type };
        if (sd_bus_path_encode(type->prefix, name, &o->path) < 0)
                g_error("out of memory");
}

void object_done(Object *o) {
        g_ptr_array_remove_fast(o->manager->changed, o);
        free(o->path);
        o->path = NULL;
}

void object_show(Object *o) {
        o->shown = true;
        o->changed = 0;
        (void) sd_bus_emit_object_added(o->manager->bus, o->path);
}

void object_hide(Object *o) {
        o->shown = false;
        /* The standard interfaces go with ours: GetManagedObjects() lists them too. The object is still to be found now. */
        (void) sd_bus_emit_object_removed(o->manager->bus, o->path);
}

void object_changed(Object *o, uint32_t bits) {
        if (!o->shown || bits == 0)
                return;

        if (o->changed == 0)
                g_ptr_array_add(o->manager->changed, o);
        o->changed |= bits;
        (void) sd_event_source_set_enabled(o->manager->flush_source, SD_EVENT_ONESHOT);
}

static void object_flush(Object *o) {
        char *names[33];
        size_t n = 0;

        for (unsigned bit = 0; o->type->properties[bit]; bit++)
                if (o->changed & (1U << bit))
                        names[n++] = (char *) (uintptr_t) o->type->properties[bit];

        names[n] = NULL;
        o->changed = 0;
        if (o->shown)
                (void) sd_bus_emit_properties_changed_strv(
                        o->manager->bus, o->path, o->type->interface, names);
}

void objects_flush(Manager *m) {
        for (unsigned i = 0; i < m->changed->len; i++)
                object_flush(m->changed->pdata[i]);

        g_ptr_array_set_size(m->changed, 0);
}

static gboolean add_path(gpointer key, gpointer value, gpointer userdata) {
        const Object *o = value;

        g_ptr_array_add(userdata, strdup(o->path));
        return FALSE;
}

int objects_list_paths(GTree *objects, char ***ret) {
        GPtrArray *paths = g_ptr_array_new();

        g_tree_foreach(objects, add_path, paths);
        g_ptr_array_add(paths, NULL);
        *ret = (char **) g_ptr_array_free(paths, FALSE);
        return 1;
}
