/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The properties are read once after subscribing to their changes, so that nothing falls between, and once
 * more whenever left4med has come back: it then says what became of the job. Nobody is to wait for a left4med
 * without knowing; but it is not brought back, as somebody may have stopped it on purpose.
 */

#include <string.h>

#include "dbus/names.h"
#include "jobwatch.h"
#include "props.h"

struct JobWatch {
        Cli *cli;
        char *path, *number;
        GVariant *properties; /* NULL until they were read */
        GError *error;        /* nothing more will be known */
        GCancellable *cancellable;
        guint changes, owner;
        JobWatchCallback changed;
        gpointer userdata;
};

gboolean job_state_ended(const char *state) {
        return g_str_equal(state, "succeeded") || g_str_equal(state, "failed") ||
               g_str_equal(state, "cancelled");
}

/* Whether it can take so long that somebody who only reads a log wants to know what it does. */
gboolean job_builds(GVariant *properties) {
        static const char *const kinds[] = { "build", "validate", "refresh", NULL };

        return g_strv_contains(kinds, props_string(properties, "Kind"));
}

/* "import into l4d2". */
char *job_title(GVariant *properties) {
        static const struct {
                const char *kind, *words;
        } known[] = {
                { "import", "import into" },
                { "build", "build of" },
                { "validate", "validation of" },
                { "refresh", "refresh of" },
                { "freeze", "freezing of" },
                { "put-file", "put into" },
                { "remove-file", "removal from" },
                { "reset", "reset of" },
                { "delete-instance", "deletion of" },
                { "delete-overlay", "deletion of" },
                { "rename-instance", "renaming of" },
                { "rename-overlay", "renaming of" },
        };
        const char *kind = props_string(properties, "Kind"), *subject = props_string(properties, "Subject");
        unsigned i;

        for (i = 0; i < G_N_ELEMENTS(known) && *subject; i++)
                if (g_str_equal(kind, known[i].kind))
                        return g_strdup_printf("%s %s", known[i].words, subject);

        return g_strjoin(" ", kind, *subject ? subject : NULL, NULL);
}

static void on_read(GObject *bus, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        JobWatch *w = userdata;

        reply = client_call_finish(bus, result, &error);
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return; /* the watch is gone */

        if (reply) {
                g_clear_pointer(&w->properties, g_variant_unref);
                w->properties = g_variant_get_child_value(reply, 0);
        } else if (!w->error)
                w->error = g_steal_pointer(&error);

        w->changed(w, w->userdata);
}

static void job_read(JobWatch *w) {
        const ClientCall call = {
                .path = w->path,
                .interface = "org.freedesktop.DBus.Properties",
                .method = "GetAll",
                .arguments = g_variant_new("(s)", LEFT4ME_JOB_INTERFACE),
                .reply = "(a{sv})",
                .cancellable = w->cancellable,
        };

        client_call_async(w->cli->client, &call, on_read, w);
}

/* changed: an a{sv} of what is other than before. */
static void job_change(JobWatch *w, GVariant *changed) {
        g_autoptr(GVariant) value = NULL;
        GVariantDict dict;
        GVariantIter iter;
        const char *key;

        g_variant_dict_init(&dict, w->properties);
        g_variant_iter_init(&iter, changed);
        while (g_variant_iter_loop(&iter, "{&sv}", &key, &value))
                g_variant_dict_insert_value(&dict, key, value);

        g_variant_unref(w->properties);
        w->properties = g_variant_ref_sink(g_variant_dict_end(&dict));
        w->changed(w, w->userdata);
}

static void on_properties_changed(GDBusConnection *bus, const char *sender, const char *path,
        const char *interface, const char *signal, GVariant *parameters, gpointer userdata) {
        g_autoptr(GVariant) changed = NULL;
        JobWatch *w = userdata;

        if (!w->properties || job_watch_ended(w) ||
                !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv}as)")))
                return;

        g_variant_get_child(parameters, 1, "@a{sv}", &changed);
        job_change(w, changed);
}

static void on_owner_changed(GDBusConnection *bus, const char *sender, const char *path,
        const char *interface, const char *signal, GVariant *parameters, gpointer userdata) {
        g_autoptr(GVariant) gone = NULL;
        JobWatch *w = userdata;
        const char *owner;

        if (job_watch_ended(w) || !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sss)")))
                return;

        g_variant_get_child(parameters, 2, "&s", &owner);
        if (*owner)
                job_read(w);
        else if (w->properties) {
                gone = g_variant_ref_sink(
                        g_variant_new_parsed("{'Message': <'left4med has gone: waits until it is back'>}"));
                job_change(w, gone);
        }
}

JobWatch *job_watch_new(Cli *cli, const char *path, JobWatchCallback changed, gpointer userdata) {
        GDBusConnection *bus = client_bus(cli->client);
        JobWatch *w = g_new0(JobWatch, 1);

        w->cli = cli;
        w->path = g_strdup(path);
        w->number = client_path_name(LEFT4ME_JOB_PREFIX, path);
        w->changed = changed;
        w->userdata = userdata;
        w->cancellable = g_cancellable_new();
        w->changes = g_dbus_connection_signal_subscribe(bus, LEFT4ME_BUS_NAME,
                "org.freedesktop.DBus.Properties", "PropertiesChanged", path, LEFT4ME_JOB_INTERFACE,
                G_DBUS_SIGNAL_FLAGS_NONE, on_properties_changed, w, NULL);
        w->owner = g_dbus_connection_signal_subscribe(bus, "org.freedesktop.DBus", "org.freedesktop.DBus",
                "NameOwnerChanged", "/org/freedesktop/DBus", LEFT4ME_BUS_NAME, G_DBUS_SIGNAL_FLAGS_NONE,
                on_owner_changed, w, NULL);
        job_read(w);
        return w;
}

JobWatch *job_watch_free(JobWatch *w) {
        GDBusConnection *bus;

        if (!w)
                return NULL;

        bus = client_bus(w->cli->client);
        g_dbus_connection_signal_unsubscribe(bus, w->changes);
        g_dbus_connection_signal_unsubscribe(bus, w->owner);
        g_cancellable_cancel(w->cancellable);
        g_object_unref(w->cancellable);
        g_clear_pointer(&w->properties, g_variant_unref);
        g_clear_error(&w->error);
        g_free(w->path);
        g_free(w->number);
        g_free(w);
        return NULL;
}

const char *job_watch_path(const JobWatch *w) {
        return w->path;
}

const char *job_watch_number(const JobWatch *w) {
        return w->number ? w->number : "?";
}

/* NULL while nothing is known. */
GVariant *job_watch_properties(const JobWatch *w) {
        return w->properties;
}

const GError *job_watch_error(const JobWatch *w) {
        return w->error;
}

gboolean job_watch_ended(const JobWatch *w) {
        return w->error || (w->properties && job_state_ended(props_string(w->properties, "State")));
}
