/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mirror.h"

#include "client.h"
#include "contract.h"

struct Mirror {
        GDBusConnection *bus;
        guint subscription, name_subscription;
        char *owner;
        bool ready;
        guint generation;    /* of the daemon, so that a late answer of an earlier one is dropped */
        GHashTable *objects; /* path -> interface -> property -> GVariant */
        GPtrArray *signals;
        GPtrArray *broken;
        Contract *contract;
};

static void signal_free(MirrorSignal *s) {
        g_free(s->path);
        g_free(s->interface);
        g_free(s->member);
        g_variant_unref(s->body);
        g_free(s);
}

static GHashTable *table_new(GDestroyNotify free_value) {
        return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_value);
}

static GHashTable *objects_new(void) {
        return table_new((GDestroyNotify) g_hash_table_unref);
}

G_GNUC_PRINTF(2, 3) static void broken(Mirror *m, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        g_ptr_array_add(m->broken, g_strdup_vprintf(format, arguments));
        va_end(arguments);
}

static void take_properties(GHashTable *to, GVariant *properties) {
        GVariantIter iter;
        const char *name;
        GVariant *value;

        g_variant_iter_init(&iter, properties);
        while (g_variant_iter_next(&iter, "{&sv}", &name, &value))
                g_hash_table_insert(to, g_strdup(name), value);
}

static void take_object(GHashTable *objects, const char *path, GVariant *interfaces) {
        GHashTable *object = g_hash_table_lookup(objects, path);
        GVariantIter iter;
        const char *name;
        GVariant *properties;

        if (!object) {
                object = table_new((GDestroyNotify) g_hash_table_unref);
                g_hash_table_insert(objects, g_strdup(path), object);
        }
        g_variant_iter_init(&iter, interfaces);
        while (g_variant_iter_loop(&iter, "{&s@a{sv}}", &name, &properties)) {
                GHashTable *table = table_new((GDestroyNotify) g_variant_unref);

                take_properties(table, properties);
                g_hash_table_insert(object, g_strdup(name), table);
        }
}

static GHashTable *take_managed(GVariant *reply) {
        GHashTable *objects = objects_new();
        g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
        GVariantIter iter;
        const char *path;
        GVariant *interfaces;

        g_variant_iter_init(&iter, list);
        while (g_variant_iter_loop(&iter, "{&o@a{sa{sv}}}", &path, &interfaces))
                take_object(objects, path, interfaces);

        return objects;
}

static void on_added(Mirror *m, GVariant *body) {
        g_autoptr(GVariant) interfaces = NULL;
        GVariantIter iter;
        const char *path, *name;
        GVariant *properties;

        g_variant_get(body, "(&o@a{sa{sv}})", &path, &interfaces);
        if (g_hash_table_contains(m->objects, path))
                broken(m, "InterfacesAdded for %s, which was there", path);
        g_variant_iter_init(&iter, interfaces);
        while (g_variant_iter_loop(&iter, "{&s@a{sv}}", &name, &properties)) {
                g_autofree char *missing = contract_missing(m->contract, name, properties);

                if (missing)
                        broken(m, "InterfacesAdded for %s (%s): %s", path, name, missing);
        }
        take_object(m->objects, path, interfaces);
}

static void on_removed(Mirror *m, GVariant *body) {
        g_autofree const char **interfaces = NULL;
        GHashTable *object;
        const char *path;

        g_variant_get(body, "(&o^a&s)", &path, &interfaces);
        object = g_hash_table_lookup(m->objects, path);
        if (!object) {
                broken(m, "InterfacesRemoved for %s, which was not there", path);
                return;
        }

        for (gsize i = 0; interfaces[i]; i++)
                g_hash_table_remove(object, interfaces[i]);
        if (!g_hash_table_size(object))
                g_hash_table_remove(m->objects, path);
}

static void on_changed(Mirror *m, const char *path, GVariant *body) {
        g_autoptr(GVariant) properties = NULL;
        g_autofree const char **invalidated = NULL;
        g_autofree char *wrong = NULL;
        GHashTable *object, *table;
        const char *interface;

        g_variant_get(body, "(&s@a{sv}^a&s)", &interface, &properties, &invalidated);
        wrong = contract_not_changeable(m->contract, interface, properties);
        if (wrong)
                broken(m, "PropertiesChanged of %s: %s", path, wrong);
        if (invalidated[0])
                broken(m, "PropertiesChanged of %s: %s without its value", path, invalidated[0]);
        if (g_str_equal(interface, LEFT4ME_MANAGER_INTERFACE))
                return; /* the root object is not among the managed ones */

        object = g_hash_table_lookup(m->objects, path);
        table = object ? g_hash_table_lookup(object, interface) : NULL;
        if (table)
                take_properties(table, properties);
        else
                broken(m, "PropertiesChanged of %s (%s), which is not there", path, interface);
}

static void on_signal(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *member, GVariant *body, gpointer data) {
        Mirror *m = data;
        MirrorSignal *s;

        /* What came before the answer of GetManagedObjects is in the answer. */
        if (!m->ready || g_strcmp0(sender, m->owner) != 0)
                return;

        s = g_new0(MirrorSignal, 1);
        s->path = g_strdup(path);
        s->interface = g_strdup(interface);
        s->member = g_strdup(member);
        s->body = g_variant_ref(body);
        s->when = g_get_monotonic_time();
        g_ptr_array_add(m->signals, s);

        if (g_str_equal(member, "InterfacesAdded"))
                on_added(m, body);
        else if (g_str_equal(member, "InterfacesRemoved"))
                on_removed(m, body);
        else if (g_str_equal(member, "PropertiesChanged"))
                on_changed(m, path, body);
        else
                broken(m, "%s.%s of %s is no signal of the contract", interface, member, path);
}

typedef struct Question {
        Mirror *mirror;
        guint generation;
} Question;

static void on_managed(GObject *source, GAsyncResult *result, gpointer data) {
        g_autofree Question *question = data;
        Mirror *m = question->mirror;
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
        if (!reply || question->generation != m->generation)
                return; /* that daemon has gone already */

        g_hash_table_unref(m->objects);
        m->objects = take_managed(reply);
        m->ready = true;
}

static void on_owner(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *member, GVariant *body, gpointer data) {
        Mirror *m = data;
        Question *question;
        const char *owner;

        g_variant_get(body, "(&s&s&s)", NULL, NULL, &owner);
        g_clear_pointer(&m->owner, g_free);
        m->ready = false;
        m->generation++;
        g_hash_table_remove_all(m->objects);
        if (!*owner)
                return;

        m->owner = g_strdup(owner);
        question = g_new(Question, 1);
        *question = (Question){ m, m->generation };
        g_dbus_connection_call(bus, owner, LEFT4ME_ROOT_PATH, "org.freedesktop.DBus.ObjectManager",
                "GetManagedObjects", NULL, G_VARIANT_TYPE("(a{oa{sa{sv}}})"), G_DBUS_CALL_FLAGS_NONE,
                G_MAXINT, NULL, on_managed, question);
}

Mirror *mirror_new(GDBusConnection *bus) {
        Mirror *m = g_new0(Mirror, 1);

        m->bus = g_object_ref(bus);
        m->objects = objects_new();
        m->signals = g_ptr_array_new_with_free_func((GDestroyNotify) signal_free);
        m->broken = g_ptr_array_new_with_free_func(g_free);
        m->contract = contract_new();
        m->name_subscription = g_dbus_connection_signal_subscribe(bus, "org.freedesktop.DBus",
                "org.freedesktop.DBus", "NameOwnerChanged", "/org/freedesktop/DBus", LEFT4ME_BUS_NAME,
                G_DBUS_SIGNAL_FLAGS_NONE, on_owner, m, NULL);
        m->subscription = g_dbus_connection_signal_subscribe(
                bus, LEFT4ME_BUS_NAME, NULL, NULL, NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_signal, m, NULL);
        return m;
}

void mirror_free(Mirror *m) {
        if (!m)
                return;

        g_dbus_connection_signal_unsubscribe(m->bus, m->subscription);
        g_dbus_connection_signal_unsubscribe(m->bus, m->name_subscription);
        g_object_unref(m->bus);
        g_hash_table_unref(m->objects);
        g_ptr_array_unref(m->signals);
        g_ptr_array_unref(m->broken);
        contract_free(m->contract);
        g_free(m->owner);
        g_free(m);
}

const char *mirror_owner(Mirror *m) {
        return m->owner;
}

bool mirror_is_ready(Mirror *m) {
        return m->ready;
}

bool mirror_has(Mirror *m, const char *path) {
        return g_hash_table_contains(m->objects, path);
}

GVariant *mirror_get(Mirror *m, const char *path, const char *interface, const char *property) {
        GHashTable *object = g_hash_table_lookup(m->objects, path);
        GHashTable *table = object ? g_hash_table_lookup(object, interface) : NULL;

        return table ? g_hash_table_lookup(table, property) : NULL;
}

GPtrArray *mirror_signals(Mirror *m) {
        return m->signals;
}

void mirror_forget_signals(Mirror *m) {
        g_ptr_array_set_size(m->signals, 0);
}

void mirror_expect_silence(Mirror *m) {
        g_autoptr(GString) text = g_string_new(NULL);

        for (guint i = 0; i < m->signals->len; i++) {
                const MirrorSignal *s = g_ptr_array_index(m->signals, i);
                g_autofree char *body = g_variant_print(s->body, FALSE);

                g_string_append_printf(text, "%s %s %s\n", s->path, s->member, body);
        }
        g_assert_cmpstr(text->str, ==, "");
}

static int compare_lines(gconstpointer a, gconstpointer b) {
        return g_strcmp0(*(const char *const *) a, *(const char *const *) b);
}

static char *print_objects(GHashTable *objects) {
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
        GHashTableIter i, j, k;
        gpointer path, object, interface, table, property, value;

        g_hash_table_iter_init(&i, objects);
        while (g_hash_table_iter_next(&i, &path, &object)) {
                g_hash_table_iter_init(&j, object);
                while (g_hash_table_iter_next(&j, &interface, &table)) {
                        g_hash_table_iter_init(&k, table);
                        while (g_hash_table_iter_next(&k, &property, &value)) {
                                g_autofree char *text = g_variant_print(value, TRUE);

                                g_ptr_array_add(lines, g_strdup_printf("%s %s.%s = %s", (char *) path,
                                                               (char *) interface, (char *) property, text));
                        }
                }
        }
        g_ptr_array_sort(lines, compare_lines);
        g_ptr_array_add(lines, NULL);
        return g_strjoinv("\n", (char **) lines->pdata);
}

char *mirror_print(Mirror *m) {
        return print_objects(m->objects);
}

char *mirror_print_managed(GVariant *reply) {
        g_autoptr(GHashTable) objects = take_managed(reply);

        return print_objects(objects);
}

static void add_missing(GString *to, char mark, const char *const *lines, const char *const *others) {
        for (; *lines; lines++)
                if (!g_strv_contains(others, *lines))
                        g_string_append_printf(to, "%c %s\n", mark, *lines);
}

void mirror_compare(const char *a, const char *b) {
        g_auto(GStrv) left = g_strsplit(a, "\n", -1), right = g_strsplit(b, "\n", -1);
        g_autoptr(GString) text = g_string_new(NULL);

        add_missing(text, '-', (const char *const *) left, (const char *const *) right);
        add_missing(text, '+', (const char *const *) right, (const char *const *) left);
        g_assert_cmpstr(text->str, ==, "");
}

/*
 * All signals that tell of what the answer says come before it. Signals of what happened later may have been heard as well by the time
 * it is looked at: then another answer knows it. What no signal told stays different for ever.
 */
static void compare_with_answer(Mirror *m, unsigned tries) {
        g_autoptr(GVariant) reply = client_get_managed(m->bus);
        g_autofree char *mine = mirror_print(m), *theirs = mirror_print_managed(reply);

        if (tries > 1 && !g_str_equal(mine, theirs))
                compare_with_answer(m, tries - 1);
        else
                mirror_compare(mine, theirs);
}

void mirror_check(Mirror *m) {
        for (guint i = 0; i < m->broken->len; i++)
                g_test_message("%s", (char *) g_ptr_array_index(m->broken, i));
        if (m->broken->len > 0)
                g_error("Signals broke the contract, first: %s", (char *) g_ptr_array_index(m->broken, 0));

        compare_with_answer(m, 10);
}
