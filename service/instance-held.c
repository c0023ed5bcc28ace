/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus-error.h"
#include "service/instance-internal.h"
#include "service/overlay.h"

/* Which version of each of its layers a server takes at its next start: the current one, unless it is held at another. */

uint32_t instance_wanted_version(const Instance *i, const Overlay *o) {
        uint32_t held = GPOINTER_TO_UINT(g_hash_table_lookup(i->config->held, o->name));

        return held > 0 ? held : o->current;
}

static bool in_stack(const InstanceConfig *c, const char *overlay) {
        return g_str_equal(c->game, overlay) || g_strv_contains((const char *const *) c->overlays, overlay);
}

void instance_forget_held(InstanceConfig *c, const InstanceConfig *old) {
        GHashTableIter iter;
        gpointer name, version;

        g_hash_table_iter_init(&iter, c->held);
        while (g_hash_table_iter_next(&iter, &name, &version))
                if (!in_stack(c, name) && g_hash_table_lookup(old->held, name) == version)
                        g_hash_table_iter_remove(&iter);
}

int instance_check_held(Manager *m, const InstanceConfig *c, sd_bus_error *error) {
        GHashTableIter iter;
        gpointer name, version;
        int r = 0;

        g_hash_table_iter_init(&iter, c->held);
        while (r >= 0 && g_hash_table_iter_next(&iter, &name, &version)) {
                uint32_t number = GPOINTER_TO_UINT(version);

                if (!in_stack(c, name))
                        r = sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                                "Held: the overlay '%s' is not in the stack.", (const char *) name);
                else
                        r = overlay_check_version(overlay_find(m, name), &number, error);
        }

        return r;
}

bool instance_held_equal(const InstanceConfig *a, const InstanceConfig *b) {
        GHashTableIter iter;
        gpointer name, version;

        if (g_hash_table_size(a->held) != g_hash_table_size(b->held))
                return false;

        g_hash_table_iter_init(&iter, a->held);
        while (g_hash_table_iter_next(&iter, &name, &version))
                if (g_hash_table_lookup(b->held, name) != version)
                        return false;

        return true;
}

void instance_rename_held(Instance *i, const char *from, const char *to) {
        gpointer version = g_hash_table_lookup(i->config->held, from);

        if (!version)
                return;

        (void) g_hash_table_replace(i->config->held, g_strdup(to), version);
        (void) g_hash_table_remove(i->config->held, from);
        object_changed(&i->object, INSTANCE_HELD);
}
