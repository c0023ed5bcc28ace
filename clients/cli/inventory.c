/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "dbus/names.h"
#include "inventory.h"

static void object_free(gpointer data) {
        Object *object = data;

        g_free(object->name);
        g_free(object->path);
        g_clear_pointer(&object->properties, g_variant_unref);
        g_free(object);
}

Inventory *inventory_free(Inventory *inventory) {
        if (!inventory)
                return NULL;

        g_ptr_array_unref(inventory->instances);
        g_ptr_array_unref(inventory->overlays);
        g_ptr_array_unref(inventory->jobs);
        g_free(inventory);
        return NULL;
}

static int compare_names(gconstpointer a, gconstpointer b) {
        const Object *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

static int compare_jobs(gconstpointer a, gconstpointer b) {
        const Object *const *x = a, *const *y = b;
        gint64 m = g_ascii_strtoll((*x)->name, NULL, 10), n = g_ascii_strtoll((*y)->name, NULL, 10);

        return m < n ? 1 : m > n ? -1 : 0;
}

/* Takes the properties of the one interface that tells what an object is. */
static void add_object(Inventory *inventory, const char *path, GVariant *interfaces) {
        const struct {
                const char *prefix, *interface;
                GPtrArray *objects;
        } kinds[] = {
                { LEFT4ME_INSTANCE_PREFIX, LEFT4ME_INSTANCE_INTERFACE, inventory->instances },
                { LEFT4ME_OVERLAY_PREFIX, LEFT4ME_OVERLAY_INTERFACE, inventory->overlays },
                { LEFT4ME_JOB_PREFIX, LEFT4ME_JOB_INTERFACE, inventory->jobs },
        };
        unsigned i;

        for (i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_autofree char *name = client_path_name(kinds[i].prefix, path);
                GVariant *properties;
                Object *object;

                if (!name)
                        continue;
                properties = g_variant_lookup_value(interfaces, kinds[i].interface, G_VARIANT_TYPE_VARDICT);
                if (!properties)
                        continue;

                object = g_new0(Object, 1);
                object->name = g_steal_pointer(&name);
                object->path = g_strdup(path);
                object->properties = properties;
                g_ptr_array_add(kinds[i].objects, object);
        }
}

Inventory *inventory_load(Cli *cli, GError **error) {
        const ClientCall call = {
                .path = LEFT4ME_ROOT_PATH,
                .interface = "org.freedesktop.DBus.ObjectManager",
                .method = "GetManagedObjects",
                .reply = "(a{oa{sa{sv}}})",
        };
        g_autoptr(GVariant) reply = NULL, interfaces = NULL;
        g_autoptr(GVariantIter) iter = NULL;
        Inventory *inventory;
        const char *path;

        reply = cli_call(cli, &call, error);
        if (!reply)
                return NULL;

        inventory = g_new0(Inventory, 1);
        inventory->instances = g_ptr_array_new_with_free_func(object_free);
        inventory->overlays = g_ptr_array_new_with_free_func(object_free);
        inventory->jobs = g_ptr_array_new_with_free_func(object_free);

        g_variant_get(reply, "(a{oa{sa{sv}}})", &iter);
        while (g_variant_iter_loop(iter, "{&o@a{sa{sv}}}", &path, &interfaces))
                add_object(inventory, path, interfaces);

        g_ptr_array_sort(inventory->instances, compare_names);
        g_ptr_array_sort(inventory->overlays, compare_names);
        g_ptr_array_sort(inventory->jobs, compare_jobs);
        return inventory;
}

Object *inventory_find(GPtrArray *objects, const char *name) {
        guint i;

        for (i = 0; i < objects->len; i++) {
                Object *object = g_ptr_array_index(objects, i);

                if (g_str_equal(object->name, name))
                        return object;
        }

        return NULL;
}

/* The properties of one object, an a{sv}. */
GVariant *inventory_get_all(Cli *cli, const char *path, const char *interface, GError **error) {
        const ClientCall call = {
                .path = path,
                .interface = "org.freedesktop.DBus.Properties",
                .method = "GetAll",
                .arguments = g_variant_new("(s)", interface),
                .reply = "(a{sv})",
        };
        g_autoptr(GVariant) reply = cli_call(cli, &call, error);

        return reply ? g_variant_get_child_value(reply, 0) : NULL;
}
