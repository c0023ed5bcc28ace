/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "presence.h"
#include "dbus/names.h"

char *presence_owner(Cli *cli) {
        g_autoptr(GVariant) reply = NULL;
        char *owner = NULL;

        reply = g_dbus_connection_call_sync(client_bus(cli->client), "org.freedesktop.DBus",
                "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner",
                g_variant_new("(s)", LEFT4ME_BUS_NAME), G_VARIANT_TYPE("(s)"),
                G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL);
        if (reply)
                g_variant_get(reply, "(s)", &owner);

        return owner;
}

gboolean presence_is_lost(Cli *cli, const char *owner) {
        g_autofree char *now = presence_owner(cli);
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        if (!owner || g_strcmp0(now, owner) != 0)
                return TRUE;

        /* One that has just died has its name for a moment more. */
        reply = g_dbus_connection_call_sync(client_bus(cli->client), owner, LEFT4ME_ROOT_PATH,
                "org.freedesktop.DBus.Peer", "Ping", NULL, NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL,
                &error);
        return !reply && client_failure(error) == CLIENT_FAILURE_NO_SERVICE;
}

static void on_appeared(GDBusConnection *bus, const char *name, const char *owner, gpointer userdata) {
        g_main_loop_quit(userdata);
}

void presence_wait(Cli *cli) {
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        guint watch = g_bus_watch_name_on_connection(client_bus(cli->client), LEFT4ME_BUS_NAME,
                G_BUS_NAME_WATCHER_FLAGS_NONE, on_appeared, NULL, loop, NULL);

        g_main_loop_run(loop);
        g_bus_unwatch_name(watch);
}
