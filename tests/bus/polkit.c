/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "polkit.h"

#include "loop.h"
#include "standin.h"

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_AUTHORITY "org.freedesktop.PolicyKit1.Authority"
#define POLKIT_ALLOW_INTERACTION 1

struct Polkit {
        GDBusConnection *bus;
        GDBusNodeInfo *node;
        guint object, watch;
        GHashTable *verdicts; /* action -> PolkitVerdict */
        PolkitVerdict verdict;
        GPtrArray *checks;
};

static void check_free(PolkitCheck *check) {
        g_clear_object(&check->call);
        g_variant_unref(check->details);
        g_free(check->action);
        g_free(check->subject);
        g_free(check->cancellation);
        g_free(check);
}

static void answer(PolkitCheck *check, bool authorized, bool challenge) {
        GDBusMethodInvocation *call = g_steal_pointer(&check->call);

        g_dbus_method_invocation_return_value(
                call, g_variant_new("((bba{ss}))", (gboolean) authorized, (gboolean) challenge, NULL));
}

static void on_check(Polkit *p, GVariant *arguments, GDBusMethodInvocation *call) {
        PolkitCheck *check = g_new0(PolkitCheck, 1);
        g_autoptr(GVariant) subject = NULL;
        const char *kind;
        gpointer verdict;

        g_variant_get(arguments, "((&s@a{sv})s@a{ss}us)", &kind, &subject, &check->action, &check->details,
                &check->flags, &check->cancellation);
        g_assert_cmpstr(kind, ==, "system-bus-name");
        g_assert_true(g_variant_lookup(subject, "name", "s", &check->subject));
        check->call = call;
        g_ptr_array_add(p->checks, check);

        if (!g_hash_table_lookup_extended(p->verdicts, check->action, NULL, &verdict))
                verdict = GINT_TO_POINTER(p->verdict);
        switch ((PolkitVerdict) GPOINTER_TO_INT(verdict)) {
        case POLKIT_ALLOW:
                answer(check, true, false);
                break;
        case POLKIT_DENY:
                answer(check, false, false);
                break;
        case POLKIT_CHALLENGE:
                /* With interaction, the agent asks and the human gives up. */
                answer(check, false, !(check->flags & POLKIT_ALLOW_INTERACTION));
                break;
        case POLKIT_HOLD:
                break;
        }
}

static void on_cancel(Polkit *p, GVariant *arguments, GDBusMethodInvocation *call) {
        const char *id;

        g_variant_get(arguments, "(&s)", &id);
        for (guint i = 0; i < p->checks->len; i++) {
                PolkitCheck *check = g_ptr_array_index(p->checks, i);

                if (!check->call || !*id || !g_str_equal(check->cancellation, id))
                        continue;
                check->cancelled = true;
                g_dbus_method_invocation_return_dbus_error(g_steal_pointer(&check->call),
                        "org.freedesktop.PolicyKit1.Error.Cancelled", "Cancelled");
        }
        g_dbus_method_invocation_return_value(call, NULL);
}

static void on_call(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *method, GVariant *arguments, GDBusMethodInvocation *call, gpointer data) {
        if (g_str_equal(method, "CheckAuthorization"))
                on_check(data, arguments, call);
        else
                on_cancel(data, arguments, call);
}

static GVariant *on_property(GDBusConnection *bus, const char *sender, const char *path,
        const char *interface, const char *property, GError **error, gpointer data) {
        if (g_str_equal(property, "BackendFeatures"))
                return g_variant_new_uint32(1);

        return g_variant_new_string("0");
}

/* Nobody answers for somebody who has left: polkit closes the dialog, and that is a no. */
static void on_name_owner(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
        const char *signal, GVariant *body, gpointer data) {
        const char *name, *new_owner;
        Polkit *p = data;

        g_variant_get(body, "(&s&s&s)", &name, NULL, &new_owner);
        for (guint i = 0; i < p->checks->len && !*new_owner; i++) {
                PolkitCheck *check = g_ptr_array_index(p->checks, i);

                if (check->call && g_str_equal(check->subject, name))
                        answer(check, false, false);
        }
}

Polkit *polkit_new(const char *bus_address) {
        static const GDBusInterfaceVTable vtable = { on_call, on_property, NULL, { 0 } };
        g_autoptr(GError) error = NULL;
        Polkit *p = g_new0(Polkit, 1);

        p->verdicts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        p->checks = g_ptr_array_new_with_free_func((GDestroyNotify) check_free);
        p->node = standin_interfaces("standin-polkit1.xml");
        p->bus = standin_connect(bus_address);
        p->object = g_dbus_connection_register_object(p->bus, POLKIT_PATH,
                g_dbus_node_info_lookup_interface(p->node, POLKIT_AUTHORITY), &vtable, p, NULL, &error);
        g_assert_no_error(error);
        p->watch = g_dbus_connection_signal_subscribe(p->bus, "org.freedesktop.DBus", "org.freedesktop.DBus",
                "NameOwnerChanged", "/org/freedesktop/DBus", NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_name_owner,
                p, NULL);
        polkit_return(p);
        return p;
}

void polkit_free(Polkit *p) {
        if (!p)
                return;

        polkit_forget(p);
        g_dbus_connection_signal_unsubscribe(p->bus, p->watch);
        g_dbus_connection_unregister_object(p->bus, p->object);
        standin_disconnect(p->bus);
        g_hash_table_unref(p->verdicts);
        g_ptr_array_unref(p->checks);
        g_dbus_node_info_unref(p->node);
        g_free(p);
}

void polkit_set(Polkit *p, const char *action, PolkitVerdict verdict) {
        if (action) {
                g_hash_table_insert(p->verdicts, g_strdup(action), GINT_TO_POINTER(verdict));
                return;
        }

        g_hash_table_remove_all(p->verdicts);
        p->verdict = verdict;
}

void polkit_vanish(Polkit *p) {
        standin_release_name(p->bus, POLKIT_NAME);
}

void polkit_return(Polkit *p) {
        standin_own_name(p->bus, POLKIT_NAME);
}

void polkit_disconnect(Polkit *p) {
        (void) g_dbus_connection_close_sync(p->bus, NULL, NULL);
}

GPtrArray *polkit_checks(Polkit *p) {
        return p->checks;
}

PolkitCheck *polkit_last(Polkit *p) {
        g_assert_cmpuint(p->checks->len, >, 0);
        return g_ptr_array_index(p->checks, p->checks->len - 1);
}

void polkit_forget(Polkit *p) {
        polkit_answer(p, false);
        g_ptr_array_set_size(p->checks, 0);
}

const char *polkit_detail(const PolkitCheck *check, const char *key) {
        const char *value = NULL;

        (void) g_variant_lookup(check->details, key, "&s", &value);
        return value;
}

guint polkit_held(Polkit *p) {
        guint count = 0;

        for (guint i = 0; i < p->checks->len; i++)
                count += ((PolkitCheck *) g_ptr_array_index(p->checks, i))->call ? 1 : 0;

        return count;
}

typedef struct HeldWait {
        Polkit *polkit;
        guint count;
} HeldWait;

static bool so_many_held(void *data) {
        HeldWait *wait = data;

        return polkit_held(wait->polkit) >= wait->count;
}

void polkit_wait_held(Polkit *p, guint count) {
        HeldWait wait = { p, count };

        loop_until(so_many_held, &wait, "polkit to be asked");
}

void polkit_answer(Polkit *p, bool allow) {
        for (guint i = 0; i < p->checks->len; i++) {
                PolkitCheck *check = g_ptr_array_index(p->checks, i);

                if (check->call)
                        answer(check, allow, false);
        }
}
