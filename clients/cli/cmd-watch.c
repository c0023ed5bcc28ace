/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* watch: every change as it comes, on a line of its own. */

#include "change.h"
#include "dbus/names.h"
#include "format.h"
#include "json.h"
#include "left4me-proxies.h"
#include "props.h"
#include "verbs.h"

static const struct {
        const char *type, *prefix, *interface;
} types[] = {
        { "instance", LEFT4ME_INSTANCE_PREFIX, LEFT4ME_INSTANCE_INTERFACE },
        { "overlay", LEFT4ME_OVERLAY_PREFIX, LEFT4ME_OVERLAY_INTERFACE },
        { "job", LEFT4ME_JOB_PREFIX, LEFT4ME_JOB_INTERFACE },
};

/* What a proxy has cached, an a{sv}. */
static GVariant *cached_properties(GDBusProxy *proxy) {
        g_auto(GStrv) names = g_dbus_proxy_get_cached_property_names(proxy);
        GVariantDict dict;
        char **name;

        g_variant_dict_init(&dict, NULL);
        for (name = names; name && *name; name++) {
                g_autoptr(GVariant) value = g_dbus_proxy_get_cached_property(proxy, *name);

                if (value)
                        g_variant_dict_insert_value(&dict, *name, value);
        }

        return g_variant_ref_sink(g_variant_dict_end(&dict));
}

static void print_event(
        Cli *cli, const char *event, const char *type, const char *name, GVariant *properties) {
        JsonObject *object = json_object_new();

        json_object_set_int_member(object, "time", g_get_real_time());
        json_object_set_string_member(object, "event", event);
        json_object_set_string_member(object, "type", type);
        json_object_set_string_member(object, "name", name);
        if (properties)
                json_object_set_object_member(object, "properties", json_from_dictionary(properties));
        json_print_line(cli, json_node_object(object));
}

static void print_words(Cli *cli, const char *type, const char *name, const char *words) {
        g_autoptr(GDateTime) now = g_date_time_new_now_local();
        g_autofree char *time = g_date_time_format(now, "%H:%M:%S");

        terminal_printf(&cli->out, "%s  %s %s: %s\n", time, type, name, words);
        fflush(cli->out.file);
}

/* Tells of one object by the interface that says what it is; words NULL: what has changed, in words. */
static void tell(Cli *cli, const char *event, const char *path, GDBusProxy *proxy, GVariant *changed,
        const char *words) {
        g_autoptr(GVariant) all = cached_properties(proxy);
        g_autofree char *made = NULL;
        unsigned i;

        for (i = 0; i < G_N_ELEMENTS(types); i++) {
                g_autofree char *name = client_path_name(types[i].prefix, path);

                if (!name || !g_str_equal(g_dbus_proxy_get_interface_name(proxy), types[i].interface))
                        continue;

                if (cli->json)
                        print_event(cli, event, types[i].type, name, changed ? changed : all);
                else {
                        if (!words)
                                words = made = change_words(
                                        types[i].interface, changed ? changed : all, all);
                        if (*words)
                                print_words(cli, types[i].type, name, words);
                }
        }
}

static void tell_interfaces(Cli *cli, const char *event, GDBusObject *object, const char *words) {
        GList *interfaces = g_dbus_object_get_interfaces(object), *i;

        for (i = interfaces; i; i = i->next)
                tell(cli, event, g_dbus_object_get_object_path(object), G_DBUS_PROXY(i->data), NULL, words);

        g_list_free_full(interfaces, g_object_unref);
}

static gboolean has_owner(GDBusObjectManager *manager) {
        g_autofree char *owner = g_dbus_object_manager_client_get_name_owner(
                G_DBUS_OBJECT_MANAGER_CLIENT(manager));

        return owner != NULL;
}

/* When the service goes, its objects go with it: that is told once, not for each of them. */
static void on_added(GDBusObjectManager *manager, GDBusObject *object, gpointer userdata) {
        Cli *cli = userdata;
        g_autofree char *job = client_path_name(LEFT4ME_JOB_PREFIX, g_dbus_object_get_object_path(object));

        /* GDBus names the owner after it has added what comes back with the service; that is not new. */
        if (!has_owner(manager)) {
                if (cli->json)
                        tell_interfaces(cli, "present", object, NULL);
                return;
        }

        /* A job is best told by what it does. */
        tell_interfaces(cli, "added", object, job ? NULL : "created");
}

static void on_removed(GDBusObjectManager *manager, GDBusObject *object, gpointer userdata) {
        if (has_owner(manager))
                tell_interfaces(userdata, "removed", object, "deleted");
}

static void on_changed(GDBusObjectManagerClient *manager, GDBusObjectProxy *object, GDBusProxy *proxy,
        GVariant *changed, const char *const *invalidated, gpointer userdata) {
        tell(userdata, "changed", g_dbus_object_get_object_path(G_DBUS_OBJECT(object)), proxy, changed,
                NULL);
}

static void on_owner(GObject *manager, GParamSpec *property, gpointer userdata) {
        gboolean there = has_owner(G_DBUS_OBJECT_MANAGER(manager)),
                 was_there = g_object_get_data(manager, "gone") == NULL;
        Cli *cli = userdata;

        /* One that goes again before it has told what there is was never there. */
        if (there == was_there)
                return;
        g_object_set_data(manager, "gone", there ? NULL : manager);

        if (cli->json)
                print_event(cli, there ? "started" : "stopped", "service", "left4med", NULL);
        else
                print_words(cli, "service", "left4med", there ? "there" : "gone");
}

int cmd_watch(Cli *cli, char **words) {
        g_autoptr(GDBusObjectManager) manager = NULL;
        g_autoptr(GMainLoop) loop = NULL;
        g_autoptr(GError) error = NULL;
        GList *objects, *o;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;
        if (!cli_connect(cli, &error))
                return cli_error(cli, error);

        manager = l4_object_manager_client_new_sync(client_bus(cli->client),
                G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_NONE, LEFT4ME_BUS_NAME, LEFT4ME_ROOT_PATH, NULL, &error);
        if (!manager)
                return cli_error(cli, error);

        if (!has_owner(manager))
                g_object_set_data(G_OBJECT(manager), "gone", manager);
        g_signal_connect(manager, "object-added", G_CALLBACK(on_added), cli);
        g_signal_connect(manager, "object-removed", G_CALLBACK(on_removed), cli);
        g_signal_connect(manager, "interface-proxy-properties-changed", G_CALLBACK(on_changed), cli);
        g_signal_connect(manager, "notify::name-owner", G_CALLBACK(on_owner), cli);

        /*
         * Programs get what is there first, so that they need no list that would be older or newer than
         * the first change.
         */
        objects = g_dbus_object_manager_get_objects(manager);
        for (o = objects; o && cli->json; o = o->next)
                tell_interfaces(cli, "present", o->data, NULL);
        g_list_free_full(objects, g_object_unref);

        if (!cli->json && !cli->quiet)
                cli_hint(cli, "watching; Ctrl-C ends it");

        loop = g_main_loop_new(NULL, FALSE);
        g_main_loop_run(loop);
        return EXIT_OK;
}
