/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client.h"

#include <string.h>
#include <unistd.h>

#include "loop.h"
#include "standin.h"

void call_free(Call *c) {
        if (!c || --c->references > 0)
                return;

        g_clear_pointer(&c->reply, g_variant_unref);
        g_clear_object(&c->fds);
        g_clear_error(&c->error);
        g_free(c->what);
        g_free(c);
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer data) {
        Call *c = data;

        c->reply = g_dbus_connection_call_with_unix_fd_list_finish(
                G_DBUS_CONNECTION(source), &c->fds, result, &c->error);
        c->done = true;
        call_free(c);
}

Call *call_begin_to(GDBusConnection *bus, const char *destination, const char *path, const char *interface,
        const char *method, GVariant *arguments, GDBusCallFlags flags) {
        Call *c = g_new0(Call, 1);

        c->references = 2; /* the caller's and the answer's */
        c->what = g_strdup_printf("%s.%s of %s", interface, method, path);
        g_dbus_connection_call_with_unix_fd_list(bus, destination, path, interface, method, arguments, NULL,
                flags, G_MAXINT, NULL, NULL, on_answer, c);
        return c;
}

Call *call_begin_flags(GDBusConnection *bus, const char *path, const char *interface, const char *method,
        GVariant *arguments, GDBusCallFlags flags) {
        return call_begin_to(bus, LEFT4ME_BUS_NAME, path, interface, method, arguments, flags);
}

Call *call_begin(GDBusConnection *bus, const char *path, const char *interface, const char *method,
        GVariant *arguments) {
        return call_begin_flags(
                bus, path, interface, method, arguments, G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION);
}

static bool is_done(void *data) {
        return ((Call *) data)->done;
}

void call_wait(Call *c) {
        g_autofree char *what = g_strconcat("the answer to ", c->what, NULL);

        loop_until(is_done, c, what);
}

GVariant *call_end(Call *c) {
        g_autoptr(Call) owned = c;

        call_wait(c);
        if (c->error)
                g_error("%s failed: %s", c->what, c->error->message);

        return g_steal_pointer(&c->reply);
}

const char *call_error_name(Call *c) {
        g_autofree char *name = NULL;

        call_wait(c);
        if (!c->error)
                return "";

        name = g_dbus_error_get_remote_error(c->error);
        return name ? g_intern_string(name) : c->error->message;
}

void call_end_refused(Call *c, const char *error_name) {
        g_autoptr(Call) owned = c;
        const char *name = call_error_name(c);

        if (!g_str_equal(name, error_name))
                g_error("%s should answer %s, not %s", c->what, error_name,
                        c->error ? c->error->message : "succeed");
        /* What the human reads must be more than the name. */
        g_assert_cmpuint(
                strlen(c->error->message), >, strlen("GDBus.Error:") + strlen(error_name) + strlen(": "));
}

GDBusConnection *client_connect(const char *bus_address) {
        return standin_connect(bus_address);
}

GDBusConnection *client_connect_as(const char *bus_address, uid_t uid) {
        GDBusConnection *bus;

        /* The bus takes the identity from the socket, which has it from the moment of connecting. */
        g_assert_cmpint(seteuid(uid), ==, 0);
        bus = standin_connect(bus_address);
        g_assert_cmpint(seteuid(0), ==, 0);
        return bus;
}

char *instance_path(const char *name) {
        return standin_path(LEFT4ME_INSTANCE_PREFIX, name);
}

char *overlay_path(const char *name) {
        return standin_path(LEFT4ME_OVERLAY_PREFIX, name);
}

char *job_path(guint number) {
        g_autofree char *text = g_strdup_printf("%u", number);

        return standin_path(LEFT4ME_JOB_PREFIX, text);
}

guint job_number(const char *path) {
        g_autofree char *text = standin_decode(path);

        return (guint) g_ascii_strtoull(text, NULL, 10);
}

GVariant *client_get(GDBusConnection *bus, const char *path, const char *interface, const char *property) {
        g_autoptr(GVariant) reply = NULL;
        GVariant *value;

        reply = call_end(call_begin(bus, path, "org.freedesktop.DBus.Properties", "Get",
                g_variant_new("(ss)", interface, property)));
        g_variant_get(reply, "(v)", &value);
        return value;
}

GVariant *client_get_managed(GDBusConnection *bus) {
        return call_end(call_begin(
                bus, LEFT4ME_ROOT_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL));
}
