/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Calls go over the plain connection, not through a proxy object: a proxy costs two or three round trips
 * before its first call, and the path of an object follows from its name. (The generated proxies serve
 * those who keep a picture of everything and watch it.) No call has a time limit: what waits for a unit or
 * for a person at a password prompt takes as long as it takes.
 */

#include <string.h>

#include "client.h"
#include "dbus/names.h"

struct Client {
        GDBusConnection *bus;
};

Client *client_new(GError **error) {
        g_autoptr(GDBusConnection) bus = NULL;
        Client *c;

        bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, error);
        if (!bus) {
                g_prefix_error(error, "Cannot reach the system bus: ");
                return NULL;
        }

        g_dbus_connection_set_exit_on_close(bus, FALSE);

        c = g_new0(Client, 1);
        c->bus = g_steal_pointer(&bus);
        return c;
}

Client *client_free(Client *c) {
        if (!c)
                return NULL;

        g_clear_object(&c->bus);
        g_free(c);
        return NULL;
}

GDBusConnection *client_bus(Client *c) {
        return c->bus;
}

/*
 * As sd_bus_path_encode() does it: letters and digits stand for themselves (a digit not in front), all
 * else is _xx.
 */
char *client_path(const char *prefix, const char *name) {
        GString *path = g_string_new(prefix);
        const char *p;

        g_string_append_c(path, '/');
        if (!*name)
                g_string_append_c(path, '_');

        for (p = name; *p; p++)
                if (g_ascii_isalpha(*p) || (g_ascii_isdigit(*p) && p > name))
                        g_string_append_c(path, *p);
                else
                        g_string_append_printf(path, "_%02x", (unsigned char) *p);

        return g_string_free(path, FALSE);
}

char *client_job_path(unsigned number) {
        g_autofree char *name = g_strdup_printf("%u", number);

        return client_path(LEFT4ME_JOB_PREFIX, name);
}

/* The name in a path below a prefix, NULL when the path is not there. */
char *client_path_name(const char *prefix, const char *path) {
        g_autoptr(GString) name = NULL;
        const char *p;

        if (!g_str_has_prefix(path, prefix) || path[strlen(prefix)] != '/')
                return NULL;

        name = g_string_new(NULL);
        for (p = path + strlen(prefix) + 1; *p; p++)
                if (*p == '/')
                        return NULL;
                else if (*p == '_' && g_ascii_isxdigit(p[1]) && g_ascii_isxdigit(p[2])) {
                        g_string_append_c(
                                name, (char) (g_ascii_xdigit_value(p[1]) << 4 | g_ascii_xdigit_value(p[2])));
                        p += 2;
                } else if (*p != '_')
                        g_string_append_c(name, *p);

        return g_string_free(g_steal_pointer(&name), FALSE);
}

static GDBusCallFlags call_flags(const ClientCall *call) {
        return call->interactive ? G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION
                                 : G_DBUS_CALL_FLAGS_NONE;
}

static const GVariantType *call_reply(const ClientCall *call) {
        return G_VARIANT_TYPE(call->reply ? call->reply : "()");
}

GVariant *client_call(Client *c, const ClientCall *call, GError **error) {
        return g_dbus_connection_call_sync(c->bus, LEFT4ME_BUS_NAME, call->path, call->interface,
                call->method, call->arguments, call_reply(call), call_flags(call), G_MAXINT,
                call->cancellable, error);
}

/* For methods that answer with a file descriptor, the argument at that index. */
GVariant *client_call_fd(Client *c, const ClientCall *call, unsigned index, int *ret_fd, GError **error) {
        g_autoptr(GUnixFDList) fds = NULL;
        g_autoptr(GVariant) reply = NULL;
        gint32 handle;
        int fd;

        reply = g_dbus_connection_call_with_unix_fd_list_sync(c->bus, LEFT4ME_BUS_NAME, call->path,
                call->interface, call->method, call->arguments, call_reply(call), call_flags(call), G_MAXINT,
                NULL, &fds, call->cancellable, error);
        if (!reply)
                return NULL;

        g_variant_get_child(reply, index, "h", &handle);
        if (!fds || handle < 0 || handle >= g_unix_fd_list_get_length(fds)) {
                g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                        "%s answered without a file descriptor", call->method);
                return NULL;
        }

        fd = g_unix_fd_list_get(fds, handle, error);
        if (fd < 0)
                return NULL;

        *ret_fd = fd;
        return g_steal_pointer(&reply);
}

void client_call_async(Client *c, const ClientCall *call, GAsyncReadyCallback done, gpointer userdata) {
        g_dbus_connection_call(c->bus, LEFT4ME_BUS_NAME, call->path, call->interface, call->method,
                call->arguments, call_reply(call), call_flags(call), G_MAXINT, call->cancellable, done,
                userdata);
}

GVariant *client_call_finish(GObject *bus, GAsyncResult *result, GError **error) {
        return g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, error);
}

/* The name of the error as it was on the bus; the nearest there is when it did not come from there. */
char *client_error_name(const GError *error) {
        char *name = g_dbus_error_get_remote_error(error);

        return name ? name : g_strdup(LEFT4ME_ERROR_FAILED);
}

char *client_error_message(const GError *error) {
        g_autoptr(GError) copy = g_error_copy(error);

        (void) g_dbus_error_strip_remote_error(copy);
        return g_strdup(copy->message);
}

ClientFailure client_failure(const GError *error) {
        static const struct {
                const char *name;
                ClientFailure failure;
        } known[] = {
                { LEFT4ME_ERROR_NO_SUCH_INSTANCE, CLIENT_FAILURE_NO_SUCH_OBJECT },
                { LEFT4ME_ERROR_NO_SUCH_OVERLAY, CLIENT_FAILURE_NO_SUCH_OBJECT },
                { LEFT4ME_ERROR_NO_SUCH_VERSION, CLIENT_FAILURE_NO_SUCH_OBJECT },
                { LEFT4ME_ERROR_NO_SUCH_FILE, CLIENT_FAILURE_NO_SUCH_OBJECT },
                { LEFT4ME_ERROR_NO_SUCH_JOB, CLIENT_FAILURE_NO_SUCH_OBJECT },
                /* What GDBus and sd-bus say of a path that nobody serves, or no longer. */
                { "org.freedesktop.DBus.Error.UnknownObject", CLIENT_FAILURE_NO_SUCH_OBJECT },
                { "org.freedesktop.DBus.Error.AccessDenied", CLIENT_FAILURE_DENIED },
                { "org.freedesktop.DBus.Error.AuthFailed", CLIENT_FAILURE_DENIED },
                { "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
                        CLIENT_FAILURE_NEEDS_AUTHENTICATION },
                { "org.freedesktop.DBus.Error.ServiceUnknown", CLIENT_FAILURE_NO_SERVICE },
                { "org.freedesktop.DBus.Error.NameHasNoOwner", CLIENT_FAILURE_NO_SERVICE },
                { "org.freedesktop.DBus.Error.NoReply", CLIENT_FAILURE_NO_SERVICE },
                { "org.freedesktop.DBus.Error.Disconnected", CLIENT_FAILURE_NO_SERVICE },
        };
        g_autofree char *name = client_error_name(error);
        unsigned i;

        for (i = 0; i < G_N_ELEMENTS(known); i++)
                if (g_str_equal(name, known[i].name))
                        return known[i].failure;

        if (g_str_has_prefix(name, "org.freedesktop.DBus.Error.Spawn.") ||
                g_str_has_prefix(name, "org.freedesktop.systemd1."))
                return CLIENT_FAILURE_NO_SERVICE;

        return CLIENT_FAILURE_OTHER;
}
