/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "standin.h"

#include <string.h>

GDBusConnection *standin_connect(const char *bus_address) {
        g_autoptr(GError) error = NULL;
        GDBusConnection *bus;

        bus = g_dbus_connection_new_for_address_sync(bus_address,
                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                        G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                NULL, NULL, &error);
        g_assert_no_error(error);
        g_dbus_connection_set_exit_on_close(bus, FALSE);
        return bus;
}

void standin_disconnect(GDBusConnection *bus) {
        g_autoptr(GError) error = NULL;

        (void) g_dbus_connection_close_sync(bus, NULL, &error);
        g_object_unref(bus);
}

static guint32 call_bus(GDBusConnection *bus, const char *method, GVariant *arguments) {
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        guint32 result;

        reply = g_dbus_connection_call_sync(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                "org.freedesktop.DBus", method, arguments, G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, -1,
                NULL, &error);
        g_assert_no_error(error);
        g_variant_get(reply, "(u)", &result);
        return result;
}

void standin_own_name(GDBusConnection *bus, const char *name) {
        g_assert_cmpuint(call_bus(bus, "RequestName", g_variant_new("(su)", name, 4)), ==, 1);
}

void standin_release_name(GDBusConnection *bus, const char *name) {
        g_assert_cmpuint(call_bus(bus, "ReleaseName", g_variant_new("(s)", name)), ==, 1);
}

GDBusNodeInfo *standin_interfaces(const char *file) {
        g_autofree char *path = g_build_filename(g_getenv("LEFT4ME_BUS_TESTS"), file, NULL), *text = NULL;
        g_autoptr(GError) error = NULL;
        GDBusNodeInfo *node;

        g_file_get_contents(path, &text, NULL, &error);
        g_assert_no_error(error);
        node = g_dbus_node_info_new_for_xml(text, &error);
        g_assert_no_error(error);
        return node;
}

char *standin_path(const char *prefix, const char *name) {
        GString *text = g_string_new(prefix);

        g_string_append_c(text, '/');
        for (const char *p = name; *p; p++)
                if (g_ascii_isalpha(*p) || (p > name && g_ascii_isdigit(*p)))
                        g_string_append_c(text, *p);
                else
                        g_string_append_printf(text, "_%02x", (guint) (guchar) *p);

        return g_string_free(text, FALSE);
}

char *standin_decode(const char *path) {
        GString *text = g_string_new(NULL);
        const char *p;

        p = strrchr(path, '/') + 1;
        for (; *p; p++)
                if (*p == '_' && g_ascii_isxdigit(p[1]) && g_ascii_isxdigit(p[2])) {
                        g_string_append_c(
                                text, (char) (g_ascii_xdigit_value(p[1]) * 16 + g_ascii_xdigit_value(p[2])));
                        p += 2;
                } else
                        g_string_append_c(text, *p);

        return g_string_free(text, FALSE);
}
