/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* configure: changes the settings of a game server; without any option it shows them. */

#include "card.h"
#include "conflicts.h"
#include "dbus/names.h"
#include "format.h"
#include "inventory.h"
#include "json.h"
#include "props.h"
#include "settings.h"
#include "verbs.h"

static char *cvars_text(GVariant *settings) {
        g_autoptr(GVariant) cvars = props_value(settings, "Cvars", "a{ss}");
        GString *text = g_string_new(NULL);
        const char *name, *value;
        GVariantIter iter;

        g_variant_iter_init(&iter, cvars);
        while (g_variant_iter_next(&iter, "{&s&s}", &name, &value))
                g_string_append_printf(text, "%s%s=%s", text->len > 0 ? "\n" : "", name, value);

        return g_string_free(text, FALSE);
}

/* conflicts: of the changed stack, NULL for a stack that was not changed. */
static int show_settings(Cli *cli, const char *name, const char *path, GVariant *conflicts) {
        g_autofree char *port = NULL, *overlays = NULL, *held = NULL, *arguments = NULL, *cvars = NULL,
                        *lines = NULL;
        g_autoptr(GVariant) settings = NULL;
        g_autoptr(GError) error = NULL;
        JsonObject *object;

        settings = settings_get(cli, path, &error);
        if (!settings)
                return cli_error_about(cli, error, LEFT4ME_INSTANCE_PREFIX, name);

        if (cli->json) {
                object = json_from_dictionary(settings);
                conflicts_add_json(object, conflicts, FALSE);
                json_print(cli, json_node_object(object));
                return EXIT_OK;
        }

        port = g_strdup_printf("%u", (unsigned) props_uint(settings, "Port"));
        overlays = props_joined(settings, "Overlays", "\n");
        held = settings_held_words(settings);
        arguments = props_joined(settings, "Arguments", " ");
        cvars = cvars_text(settings);
        lines = props_joined(settings, "Lines", "\n");

        card_heading(cli, STYLE_NONE, name);
        card_line(cli, "Port", port);
        card_line(cli, "Game", props_string(settings, "Game"));
        card_line(cli, "Overlays", overlays);
        card_line(cli, "Held", held);
        card_line(cli, "Arguments", arguments);
        card_line(cli, "Cvars", cvars);
        card_line(cli, "Lines", lines);
        card_line(cli, "Autostart", props_boolean(settings, "Autostart") ? "yes" : "no");
        card_line(
                cli, "Updates", props_boolean(settings, "UpdateWhenEmpty") ? "when it is empty" : "by hand");
        card_line(cli, "RCON",
                props_boolean(settings, "OpenRcon") ? "open to other machines" : "shut to other machines");
        return EXIT_OK;
}

/* Whether it is something that a server is started with; some settings are left4med's alone, and act at once. */
static gboolean needs_restart(GVariant *settings) {
        static const char *const at_once[] = { "Autostart", "UpdateWhenEmpty", "OpenRcon", "Hold", NULL };
        GVariantIter iter;
        const char *key;

        g_variant_iter_init(&iter, settings);
        while (g_variant_iter_next(&iter, "{&sv}", &key, NULL))
                if (!g_strv_contains(at_once, key))
                        return TRUE;

        return FALSE;
}

/* What runs keeps what it was started with: that must not surprise anybody. */
static int show_configured(Cli *cli, const char *name, const char *path, GVariant *settings) {
        gboolean stack = props_has(settings, "Overlays"), later;
        g_autoptr(GVariant) properties = NULL, conflicts = stack ? conflicts_get(cli, path) : NULL;
        g_autoptr(GError) error = NULL;

        conflicts_warn(cli, name, conflicts);
        if (cli->json)
                return show_settings(cli, name, path, conflicts);
        if (cli->quiet)
                return EXIT_OK;

        properties = inventory_get_all(cli, path, LEFT4ME_INSTANCE_INTERFACE, &error);
        if (!properties)
                return cli_error(cli, error);

        later = g_str_equal(props_string(properties, "ActiveState"), "active") &&
                (needs_restart(settings) ||
                        (props_has(settings, "Hold") && props_boolean(properties, "UpdatePending")));
        terminal_printf(
                &cli->out, "%s configured%s\n", name, later ? "; it runs, and a restart makes it act" : "");
        return EXIT_OK;
}

int cmd_configure(Cli *cli, char **words) {
        g_auto(Settings) s = { 0 };
        g_autoptr(GVariant) settings = NULL;
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
        r = settings_hold(cli, &s, path, FALSE, &settings);
        if (r != EXIT_OK)
                return r;
        if (g_variant_n_children(settings) == 0)
                return show_settings(cli, words[0], path, NULL);

        r = cli_run_call(cli,
                &(const ClientCall){
                        .path = path,
                        .interface = LEFT4ME_INSTANCE_INTERFACE,
                        .method = "Configure",
                        .arguments = g_variant_new("(@a{sv})", settings),
                        .interactive = TRUE,
                },
                LEFT4ME_INSTANCE_PREFIX, words[0]);
        if (r != EXIT_OK)
                return r;

        return show_configured(cli, words[0], path, settings);
}
