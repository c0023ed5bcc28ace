/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* create and clone: a new game server. */

#include "conflicts.h"
#include "dbus/names.h"
#include "inventory.h"
#include "json.h"
#include "props.h"
#include "settings.h"
#include "verbs.h"

/* Tells what has been made; the port may have been chosen by the service. */
static int show_created(Cli *cli, GVariant *reply) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) properties = NULL, conflicts = NULL;
        JsonObject *object;
        const char *path;

        if (cli->quiet && !cli->json)
                return EXIT_OK;

        g_variant_get(reply, "(&o)", &path);
        properties = inventory_get_all(cli, path, LEFT4ME_INSTANCE_INTERFACE, &error);
        if (!properties)
                return cli_error(cli, error);

        conflicts = conflicts_get(cli, path);
        if (cli->json) {
                object = json_from_dictionary(properties);
                conflicts_add_json(object, conflicts, FALSE);
                json_print(cli, json_node_object(object));
        } else
                terminal_printf(&cli->out, "%s created, port %u\n", props_string(properties, "Name"),
                        (unsigned) props_uint(properties, "Port"));

        conflicts_warn(cli, props_string(properties, "Name"), conflicts);
        return EXIT_OK;
}

int cmd_create(Cli *cli, char **words) {
        g_auto(Settings) s = { 0 };
        g_autoptr(GVariant) settings = NULL, reply = NULL;
        g_autoptr(GError) error = NULL;
        GOptionEntry entries[SETTINGS_ENTRIES];
        int r;

        settings_entries(&s, FALSE, entries);
        if (!cli_parse(cli, entries, &words))
                return cli->code;

        settings = settings_build(cli, &s, FALSE);
        if (!settings)
                return EXIT_USAGE;
        if (!s.game)
                return cli_usage(cli, "which game? --game OVERLAY names it (left4mectl overlay list)");

        r = settings_hold(cli, &s, NULL, FALSE, &settings);
        if (r != EXIT_OK)
                return r;

        reply = cli_call(cli,
                &(const ClientCall){
                        .path = LEFT4ME_ROOT_PATH,
                        .interface = LEFT4ME_MANAGER_INTERFACE,
                        .method = "CreateInstance",
                        .arguments = g_variant_new("(s@a{sv})", words[0], settings),
                        .reply = "(o)",
                        .interactive = TRUE,
                },
                &error);
        if (!reply)
                return cli_error(cli, error);

        return show_created(cli, reply);
}

int cmd_clone(Cli *cli, char **words) {
        g_auto(Settings) s = { 0 };
        g_autoptr(GVariant) settings = NULL, reply = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *path = NULL;
        GOptionEntry entries[SETTINGS_ENTRIES];
        int r;

        settings_entries(&s, TRUE, entries);
        if (!cli_parse(cli, entries, &words))
                return cli->code;

        settings = settings_build(cli, &s, TRUE);
        if (!settings)
                return EXIT_USAGE;

        path = client_path(LEFT4ME_INSTANCE_PREFIX, words[0]);
        r = settings_for_clone(cli, &settings, words[0], path);
        if (r == EXIT_OK)
                r = settings_hold(cli, &s, path, TRUE, &settings);
        if (r != EXIT_OK)
                return r;

        reply = cli_call(cli,
                &(const ClientCall){
                        .path = path,
                        .interface = LEFT4ME_INSTANCE_INTERFACE,
                        .method = "Clone",
                        .arguments = g_variant_new("(s@a{sv})", words[1], settings),
                        .reply = "(o)",
                        .interactive = TRUE,
                },
                &error);
        if (!reply)
                return cli_error_about(cli, error, LEFT4ME_INSTANCE_PREFIX, words[0]);

        return show_created(cli, reply);
}
