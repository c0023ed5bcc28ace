/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "client.h"
#include "loop.h"
#include "standin.h"
#include "systemd-internal.h"

G_GNUC_PRINTF(3, 4)
static void fail(GDBusMethodInvocation *call, const char *name, const char *format, ...) {
        g_autofree char *message = NULL;
        va_list arguments;

        va_start(arguments, format);
        message = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_dbus_method_invocation_return_dbus_error(call, name, message);
}

static void note(Systemd *s, const char *method, const char *argument) {
        g_ptr_array_add(s->calls, g_strdup_printf("%s %s", method, argument));
}

/* As polkit and systemd do together on a real host: nothing but our own units may be touched. */
static bool is_ours(const char *name) {
        return g_str_has_prefix(name, "left4me-") && strchr(name, '@') && g_str_has_suffix(name, ".service");
}

static void change_unit(
        Systemd *s, GDBusMethodInvocation *call, const char *method, const char *name, GVariant *arguments) {
        const char *sender = g_dbus_method_invocation_get_sender(call), *refusal = rule_refusal(s, name);
        bool is_start = g_str_equal(method, "Start"), is_job = is_start || g_str_equal(method, "Stop");
        SystemdUnit *u = is_job ? unit_load(s, name) : g_hash_table_lookup(s->units, name);
        int signal = 0;

        if (!is_ours(name) || g_str_equal(method, "Restart"))
                fail(call, "org.freedesktop.DBus.Error.AccessDenied", "%s may not be done by left4me",
                        method);
        else if (!u || (is_job && u->kind == UNIT_MISSING))
                fail(call, SYSTEMD_NAME ".NoSuchUnit", "Unit %s not loaded.", name);
        else if (is_job && refusal)
                fail(call, refusal, "Refused by the test: %s", name);
        else if (is_job) {
                if (is_start)
                        unit_start(u);
                else
                        unit_stop(u);
                g_dbus_method_invocation_return_value(
                        call, g_variant_new_parsed("(%o,)", u->job ? u->job->path : SYSTEMD_PATH "/job/0"));
        } else if (g_str_equal(method, "Kill")) {
                g_variant_get_child(arguments, g_variant_n_children(arguments) - 1, "i", &signal);
                if (unit_kill(u, signal))
                        g_dbus_method_invocation_return_value(call, NULL);
                else
                        fail(call, SYSTEMD_NAME ".NoSuchProcess", "No process to kill in %s", name);
        } else if (g_str_equal(method, "ResetFailed")) {
                g_dbus_method_invocation_return_value(call, NULL);
                unit_reset_failed(u);
        } else if (g_str_equal(method, "Ref")) {
                unit_ref_by(u, sender);
                g_dbus_method_invocation_return_value(call, NULL);
        } else if (unit_unref_by(u, sender)) {
                g_dbus_method_invocation_return_value(call, NULL);
                unit_collect(u);
        } else
                fail(call, SYSTEMD_NAME ".NotReferenced", "Unit %s has not been referenced yet.", name);
}

static bool in_list(const char *const *list, const char *word) {
        return !list || !*list || g_strv_contains(list, word);
}

static bool fits(const char *const *patterns, const char *name) {
        if (!patterns || !*patterns)
                return true;
        for (; *patterns; patterns++)
                if (g_pattern_match_simple(*patterns, name))
                        return true;

        return false;
}

static GVariant *list_units(Systemd *s, const char *const *states, const char *const *patterns) {
        GVariantBuilder units;
        GHashTableIter iter;
        SystemdUnit *u;

        g_variant_builder_init(&units, G_VARIANT_TYPE("a(ssssssouso)"));
        g_hash_table_iter_init(&iter, s->units);
        while (g_hash_table_iter_next(&iter, NULL, (gpointer *) &u))
                if (fits(patterns, u->name) &&
                        (in_list(states, u->active_state) || in_list(states, u->sub_state)))
                        g_variant_builder_add(&units, "(ssssssouso)", u->name, "a unit",
                                u->kind == UNIT_MISSING ? "not-found" : "loaded", u->active_state,
                                u->sub_state, "", u->path, u->job ? u->job->id : 0,
                                u->job ? u->job->type : "", u->job ? u->job->path : "/");

        return g_variant_new("(a(ssssssouso))", &units);
}

static GVariant *list_jobs(Systemd *s) {
        GVariantBuilder jobs;
        GHashTableIter iter;
        SystemdUnit *u;

        g_variant_builder_init(&jobs, G_VARIANT_TYPE("a(usssoo)"));
        g_hash_table_iter_init(&iter, s->units);
        while (g_hash_table_iter_next(&iter, NULL, (gpointer *) &u))
                if (u->job)
                        g_variant_builder_add(&jobs, "(usssoo)", u->job->id, u->name, u->job->type,
                                "running", u->job->path, u->path);

        return g_variant_new("(a(usssoo))", &jobs);
}

static GVariant *answer_list(Systemd *s, const char *method, GVariant *arguments) {
        g_autofree const char **states = NULL, **patterns = NULL;

        if (g_str_equal(method, "ListUnitsByPatterns"))
                g_variant_get(arguments, "(^a&s^a&s)", &states, &patterns);
        else if (g_str_equal(method, "ListUnitsFiltered"))
                g_variant_get(arguments, "(^a&s)", &states);
        else if (g_str_equal(method, "ListUnitsByNames"))
                g_variant_get(arguments, "(^a&s)", &patterns);
        for (gsize i = 0; patterns && patterns[i] && g_str_equal(method, "ListUnitsByNames"); i++)
                unit_load(s, patterns[i]);

        return list_units(s, states, patterns);
}

static void look_up(Systemd *s, GDBusMethodInvocation *call, const char *method, const char *name) {
        SystemdUnit *u = g_str_equal(method, "LoadUnit") ? unit_load(s, name)
                                                         : g_hash_table_lookup(s->units, name);

        if (u)
                g_dbus_method_invocation_return_value(call, g_variant_new("(o)", u->path));
        else
                fail(call, SYSTEMD_NAME ".NoSuchUnit", "Unit %s not loaded.", name);
}

/* Not noted: the log of calls is of what left4med asks for. */
static void set_properties(Systemd *s, GDBusMethodInvocation *call, const char *name, GVariant *arguments) {
        const char *refusal = rule_refusal(s, name);

        if (refusal)
                fail(call, refusal, "Refused by the test: %s", name);
        else if (g_strcmp0(s->stalled, name) == 0)
                g_object_unref(call); /* whoever asks may wait */
        else if (slice_set_properties(s, name, arguments))
                g_dbus_method_invocation_return_value(call, NULL);
        else
                fail(call, "org.freedesktop.DBus.Error.InvalidArgs", "Cannot set that of %s", name);
}

void systemd_stall_properties(Systemd *s, const char *name) {
        g_free(s->stalled);
        s->stalled = g_strdup(name);
}

static void on_manager_call(GDBusConnection *bus, const char *sender, const char *path,
        const char *interface, const char *method, GVariant *arguments, GDBusMethodInvocation *call,
        gpointer data) {
        g_autofree char *verb = NULL;
        const char *name = "";
        Systemd *s = data;

        if (g_str_has_prefix(g_variant_get_type_string(arguments), "(s"))
                g_variant_get_child(arguments, 0, "&s", &name);
        if (g_str_equal(method, "SetUnitProperties") && g_strcmp0(sender, s->manager) != 0) {
                set_properties(s, call, name, arguments);
                return;
        }
        note(s, method, name);

        if (g_str_equal(method, "Subscribe")) {
                g_hash_table_add(s->subscribers, g_strdup(sender));
                g_dbus_method_invocation_return_value(call, NULL);
        } else if (g_str_equal(method, "Unsubscribe")) {
                g_hash_table_remove(s->subscribers, sender);
                g_dbus_method_invocation_return_value(call, NULL);
        } else if (g_str_equal(method, "GetUnit") || g_str_equal(method, "LoadUnit"))
                look_up(s, call, method, name);
        else if (g_str_equal(method, "ListJobs"))
                g_dbus_method_invocation_return_value(call, list_jobs(s));
        else if (g_str_has_prefix(method, "ListUnits"))
                g_dbus_method_invocation_return_value(call, answer_list(s, method, arguments));
        else if (g_str_equal(method, "GetJob") || g_str_equal(method, "CancelJob"))
                fail(call, SYSTEMD_NAME ".NoSuchJob", "%s: not here", method);
        else if (g_str_has_suffix(method, "Unit") && !g_str_equal(method, "StartTransientUnit")) {
                verb = g_strndup(method, strlen(method) - strlen("Unit"));
                change_unit(s, call, verb, name, arguments);
        } else
                fail(call, "org.freedesktop.DBus.Error.AccessDenied", "%s may not be done by left4me",
                        method);
}

static GVariant *on_manager_property(GDBusConnection *bus, const char *sender, const char *path,
        const char *interface, const char *property, GError **error, gpointer data) {
        return g_variant_new_string(g_str_equal(property, "Version") ? "257.7-1" : "");
}

static void on_unit_call(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *method, GVariant *arguments, GDBusMethodInvocation *call, gpointer data) {
        Systemd *s = data;
        SystemdUnit *u = unit_by_path(s, path);
        g_autofree char *name = g_strdup(u->name), *manager_method = g_strconcat(method, "Unit", NULL);

        note(s, manager_method, name);
        change_unit(s, call, method, name, arguments);
}

static GVariant *on_unit_property(GDBusConnection *bus, const char *sender, const char *path,
        const char *interface, const char *property, GError **error, gpointer data) {
        return unit_get_property(unit_by_path(data, path), interface, property);
}

static char **on_enumerate(GDBusConnection *bus, const char *sender, const char *path, gpointer data) {
        GPtrArray *nodes = g_ptr_array_new();
        Systemd *s = data;
        GHashTableIter iter;
        SystemdUnit *u;

        g_hash_table_iter_init(&iter, s->units);
        while (g_hash_table_iter_next(&iter, NULL, (gpointer *) &u))
                g_ptr_array_add(nodes, g_strdup(strrchr(u->path, '/') + 1));
        g_ptr_array_add(nodes, NULL);
        return (char **) g_ptr_array_free(nodes, FALSE);
}

static GDBusInterfaceInfo **on_introspect(
        GDBusConnection *bus, const char *sender, const char *path, const char *node, gpointer data) {
        static const char *const names[] = { SYSTEMD_UNIT, SYSTEMD_SERVICE, SYSTEMD_SLICE, SYSTEMD_SCOPE };
        GDBusInterfaceInfo **list;
        Systemd *s = data;

        if (!node)
                return NULL;

        list = g_new0(GDBusInterfaceInfo *, G_N_ELEMENTS(names) + 1);
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                list[i] = g_dbus_interface_info_ref(g_dbus_node_info_lookup_interface(s->node, names[i]));
        return list;
}

static const GDBusInterfaceVTable *on_dispatch(GDBusConnection *bus, const char *sender, const char *path,
        const char *interface, const char *node, gpointer *ret_data, gpointer data) {
        static const GDBusInterfaceVTable vtable = { on_unit_call, on_unit_property, NULL, { 0 } };

        *ret_data = data;
        return &vtable;
}

/* A client has left the bus: what only it held is forgotten. */
static void drop_refs(Systemd *s, const char *client) {
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        GHashTableIter iter;
        SystemdUnit *u;

        g_hash_table_iter_init(&iter, s->units);
        while (g_hash_table_iter_next(&iter, NULL, (gpointer *) &u))
                if (g_hash_table_remove(u->refs, client))
                        g_ptr_array_add(names, g_strdup(u->name));
        for (guint i = 0; i < names->len; i++) {
                u = g_hash_table_lookup(s->units, g_ptr_array_index(names, i));
                if (u)
                        unit_collect(u);
        }
}

static void on_name_owner(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *signal, GVariant *body, gpointer data) {
        const char *name, *new_owner;
        Systemd *s = data;

        g_variant_get(body, "(&s&s&s)", &name, NULL, &new_owner);
        if (g_str_equal(name, LEFT4ME_BUS_NAME)) {
                g_free(s->manager);
                s->manager = g_strdup(new_owner);
        }
        if (*name == ':' && !*new_owner) {
                g_hash_table_remove(s->subscribers, name);
                drop_refs(s, name);
        }
}

Systemd *systemd_new(const char *bus_address) {
        static const GDBusInterfaceVTable manager_vtable = { on_manager_call, on_manager_property, NULL,
                { 0 } };
        static const GDBusSubtreeVTable unit_vtable = { on_enumerate, on_introspect, on_dispatch, { 0 } };
        g_autoptr(GError) error = NULL;
        Systemd *s = g_new0(Systemd, 1);

        s->units = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) unit_free);
        s->subscribers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        s->performers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        s->rules = g_ptr_array_new_with_free_func((GDestroyNotify) rule_free);
        s->calls = g_ptr_array_new_with_free_func(g_free);
        s->cpus = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        s->last_pid = 5000000; /* above any pid_max: no signal may ever reach a real process */
        s->node = standin_interfaces("standin-systemd1.xml");
        s->bus = standin_connect(bus_address);
        s->manager_object = g_dbus_connection_register_object(s->bus, SYSTEMD_PATH,
                g_dbus_node_info_lookup_interface(s->node, SYSTEMD_MANAGER), &manager_vtable, s, NULL,
                &error);
        g_assert_no_error(error);
        s->unit_subtree = g_dbus_connection_register_subtree(s->bus, SYSTEMD_UNIT_PREFIX, &unit_vtable,
                G_DBUS_SUBTREE_FLAGS_DISPATCH_TO_UNENUMERATED_NODES, s, NULL, &error);
        g_assert_no_error(error);
        s->watch = g_dbus_connection_signal_subscribe(s->bus, "org.freedesktop.DBus", "org.freedesktop.DBus",
                "NameOwnerChanged", "/org/freedesktop/DBus", NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_name_owner,
                s, NULL);
        standin_own_name(s->bus, SYSTEMD_NAME);
        return s;
}

void systemd_free(Systemd *s) {
        if (!s)
                return;

        g_dbus_connection_signal_unsubscribe(s->bus, s->watch);
        g_dbus_connection_unregister_subtree(s->bus, s->unit_subtree);
        g_dbus_connection_unregister_object(s->bus, s->manager_object);
        standin_disconnect(s->bus);
        g_hash_table_unref(s->units);
        g_hash_table_unref(s->subscribers);
        g_hash_table_unref(s->performers);
        g_ptr_array_unref(s->rules);
        g_ptr_array_unref(s->calls);
        g_dbus_node_info_unref(s->node);
        g_hash_table_unref(s->cpus);
        g_free(s->root);
        g_free(s->manager);
        g_free(s->stubborn);
        g_free(s->stalled);
        g_free(s);
}

void systemd_vanish(Systemd *s) {
        standin_release_name(s->bus, SYSTEMD_NAME);
}

void systemd_return(Systemd *s) {
        g_hash_table_remove_all(s->subscribers);
        standin_own_name(s->bus, SYSTEMD_NAME);
}

void systemd_begin_reload(Systemd *s) {
        GHashTableIter iter;
        SystemdUnit *u;

        systemd_emit(s, SYSTEMD_PATH, SYSTEMD_MANAGER, "Reloading", g_variant_new("(b)", TRUE));
        g_hash_table_iter_init(&iter, s->units);
        while (g_hash_table_iter_next(&iter, NULL, (gpointer *) &u))
                systemd_emit(s, SYSTEMD_PATH, SYSTEMD_MANAGER, "UnitRemoved",
                        g_variant_new("(so)", u->name, u->path));
}

void systemd_end_reload(Systemd *s) {
        systemd_emit(s, SYSTEMD_PATH, SYSTEMD_MANAGER, "Reloading", g_variant_new("(b)", FALSE));
}

void systemd_reload(Systemd *s) {
        systemd_begin_reload(s);
        systemd_end_reload(s);
}

void systemd_ping(Systemd *s, const char *peer) {
        g_variant_unref(call_end(call_begin_to(
                s->bus, peer, "/", "org.freedesktop.DBus.Peer", "Ping", NULL, G_DBUS_CALL_FLAGS_NONE)));
}

void systemd_admin_start(Systemd *s, const char *name) {
        unit_start(unit_load(s, name));
}

void systemd_admin_stop(Systemd *s, const char *name) {
        unit_stop(unit_load(s, name));
}

const char *systemd_active_state(Systemd *s, const char *name) {
        SystemdUnit *u = g_hash_table_lookup(s->units, name);

        return u ? u->active_state : "inactive";
}

const char *systemd_sub_state(Systemd *s, const char *name) {
        SystemdUnit *u = g_hash_table_lookup(s->units, name);

        return u ? u->sub_state : "dead";
}

guint systemd_main_pid(Systemd *s, const char *name) {
        SystemdUnit *u = g_hash_table_lookup(s->units, name);

        return u ? u->main_pid : 0;
}

guint systemd_refs(Systemd *s, const char *name) {
        SystemdUnit *u = g_hash_table_lookup(s->units, name);

        return u ? g_hash_table_size(u->refs) : 0;
}

guint systemd_subscribers(Systemd *s) {
        return g_hash_table_size(s->subscribers);
}

GPtrArray *systemd_calls(Systemd *s) {
        return s->calls;
}

guint systemd_count_calls(Systemd *s, const char *pattern) {
        guint count = 0;

        for (guint i = 0; i < s->calls->len; i++)
                count += g_pattern_match_simple(pattern, g_ptr_array_index(s->calls, i)) ? 1 : 0;

        return count;
}

typedef struct CallWait {
        Systemd *systemd;
        const char *pattern;
        guint count;
} CallWait;

static bool calls_are_there(void *data) {
        CallWait *wait = data;

        return systemd_count_calls(wait->systemd, wait->pattern) >= wait->count;
}

void systemd_wait_calls(Systemd *s, const char *pattern, guint count) {
        CallWait wait = { s, pattern, count };

        loop_until(calls_are_there, &wait, pattern);
}

void systemd_forget_calls(Systemd *s) {
        g_ptr_array_set_size(s->calls, 0);
}
