/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Only the shape of the command line is checked here; what ports, names and cvars may be, the service
 * alone knows.
 */

#include <string.h>

#include "dbus/names.h"
#include "props.h"
#include "settings.h"

void settings_clear(Settings *s) {
        g_clear_pointer(&s->port, g_free);
        g_clear_pointer(&s->game, g_free);
        g_clear_pointer(&s->overlays, g_strfreev);
        g_clear_pointer(&s->hold, g_strfreev);
        g_clear_pointer(&s->let_go, g_strfreev);
        g_clear_pointer(&s->set, g_strfreev);
        g_clear_pointer(&s->unset, g_strfreev);
        g_clear_pointer(&s->lines, g_strfreev);
}

/* With changes: also the options that take something away from what is there. */
void settings_entries(Settings *s, gboolean changes, GOptionEntry *ret_entries) {
        const GOptionEntry common[] = {
                { "port", 'p', 0, G_OPTION_ARG_STRING, &s->port, "Port of the server, UDP and TCP",
                        "NUMBER" },
                { "game", 'g', 0, G_OPTION_ARG_STRING, &s->game, "The overlay that is the lowest layer",
                        "OVERLAY" },
                { "overlay", 'o', 0, G_OPTION_ARG_STRING_ARRAY, &s->overlays,
                        "A layer above the game, the topmost first", "OVERLAY" },
                { "hold", 0, 0, G_OPTION_ARG_STRING_ARRAY, &s->hold, "Stay at a version of that layer",
                        "OVERLAY[=VERSION]" },
                { "set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &s->set, "Set a cvar in server.cfg",
                        "CVAR=VALUE" },
                { "line", 'l', 0, G_OPTION_ARG_STRING_ARRAY, &s->lines, "Add a line to server.cfg", "TEXT" },
                { "autostart", 0, 0, G_OPTION_ARG_NONE, &s->autostart, "Start it at each boot of the host",
                        NULL },
                { "no-autostart", 0, 0, G_OPTION_ARG_NONE, &s->no_autostart, "Do not", NULL },
                { "update-when-empty", 0, 0, G_OPTION_ARG_NONE, &s->update_when_empty,
                        "Restart into updates when nobody plays", NULL },
                { "no-update-when-empty", 0, 0, G_OPTION_ARG_NONE, &s->no_update_when_empty, "Do not",
                        NULL },
                { "open-rcon", 0, 0, G_OPTION_ARG_NONE, &s->open_rcon, "Let other machines reach its RCON",
                        NULL },
                { "close-rcon", 0, 0, G_OPTION_ARG_NONE, &s->close_rcon, "Do not", NULL },
        };
        const GOptionEntry removing[] = {
                { "let-go", 0, 0, G_OPTION_ARG_STRING_ARRAY, &s->let_go,
                        "Follow the current version of that layer again", "OVERLAY" },
                { "unset", 'u', 0, G_OPTION_ARG_STRING_ARRAY, &s->unset, "Remove a cvar from server.cfg",
                        "CVAR" },
                { "no-overlays", 0, 0, G_OPTION_ARG_NONE, &s->no_overlays, "No layer above the game", NULL },
                { "no-lines", 0, 0, G_OPTION_ARG_NONE, &s->no_lines, "No further lines in server.cfg",
                        NULL },
        };

        G_STATIC_ASSERT(G_N_ELEMENTS(common) + G_N_ELEMENTS(removing) + 1 == SETTINGS_ENTRIES);

        memset(ret_entries, 0, SETTINGS_ENTRIES * sizeof(*ret_entries));
        memcpy(ret_entries, common, sizeof(common));
        if (changes)
                memcpy(ret_entries + G_N_ELEMENTS(common), removing, sizeof(removing));
}

static void add_strings(GVariantDict *dict, const char *key, char **strings) {
        g_variant_dict_insert_value(dict, key, g_variant_new_strv((const char *const *) strings, -1));
}

/* Whether the same cvar is set once more further on. */
static gboolean is_set_again(char *const *assignment) {
        size_t length = strcspn(*assignment, "=") + 1;
        char *const *later;

        for (later = assignment + 1; *later; later++)
                if (strncmp(*later, *assignment, length) == 0)
                        return TRUE;

        return FALSE;
}

/* In the order of the command line. A cvar that is set twice has the last value, as in the game. */
static gboolean add_cvars(Cli *cli, GVariantDict *dict, const char *key, char **assignments) {
        GVariantBuilder builder;
        char **assignment;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
        for (assignment = assignments; *assignment; assignment++) {
                const char *equals = strchr(*assignment, '=');
                g_autofree char *cvar = NULL;

                if (!equals || equals == *assignment) {
                        g_variant_builder_clear(&builder);
                        (void) cli_usage(cli, "--set %s: CVAR=VALUE is wanted", *assignment);
                        return FALSE;
                }

                cvar = g_strndup(*assignment, (gsize) (equals - *assignment));
                if (!is_set_again(assignment))
                        g_variant_builder_add(&builder, "{ss}", cvar, equals + 1);
        }

        g_variant_dict_insert_value(dict, key, g_variant_builder_end(&builder));
        return TRUE;
}

static gboolean add_port(Cli *cli, GVariantDict *dict, const char *port) {
        guint64 number;

        if (!g_ascii_string_to_unsigned(port, 10, 1, G_MAXUINT16, &number, NULL)) {
                (void) cli_usage(cli, "--port %s: a number from 1 to 65535 is wanted", port);
                return FALSE;
        }

        g_variant_dict_insert(dict, "Port", "q", (guint16) number);
        return TRUE;
}

static gboolean check_contradictions(Cli *cli, const Settings *s) {
        if (s->autostart && s->no_autostart)
                (void) cli_usage(cli, "--autostart and --no-autostart at once");
        else if (s->update_when_empty && s->no_update_when_empty)
                (void) cli_usage(cli, "--update-when-empty and --no-update-when-empty at once");
        else if (s->open_rcon && s->close_rcon)
                (void) cli_usage(cli, "--open-rcon and --close-rcon at once");
        else if (s->overlays && s->no_overlays)
                (void) cli_usage(cli, "--overlay and --no-overlays at once");
        else if (s->lines && s->no_lines)
                (void) cli_usage(cli, "--line and --no-lines at once");
        else
                return TRUE;

        return FALSE;
}

/*
 * The dictionary for the service, of what was given only; NULL when the command line is wrong (and that
 * was said).
 */
GVariant *settings_build(Cli *cli, const Settings *s, gboolean changes) {
        g_auto(GVariantDict) dict = { 0 };
        char *none[] = { NULL };

        g_variant_dict_init(&dict, NULL);
        if (!check_contradictions(cli, s))
                return NULL;

        if (s->port && !add_port(cli, &dict, s->port))
                return NULL;
        if (s->game)
                g_variant_dict_insert(&dict, "Game", "s", s->game);
        if (s->overlays || s->no_overlays)
                add_strings(&dict, "Overlays", s->overlays ? s->overlays : none);
        if (s->set && !add_cvars(cli, &dict, changes ? "SetCvars" : "Cvars", s->set))
                return NULL;
        if (s->unset)
                add_strings(&dict, "UnsetCvars", s->unset);
        if (s->lines || s->no_lines)
                add_strings(&dict, "Lines", s->lines ? s->lines : none);
        if (s->autostart || s->no_autostart)
                g_variant_dict_insert(&dict, "Autostart", "b", s->autostart);
        if (s->update_when_empty || s->no_update_when_empty)
                g_variant_dict_insert(&dict, "UpdateWhenEmpty", "b", s->update_when_empty);
        if (s->open_rcon || s->close_rcon)
                g_variant_dict_insert(&dict, "OpenRcon", "b", s->open_rcon);
        if (cli->after)
                add_strings(&dict, "Arguments", cli->after);

        return g_variant_ref_sink(g_variant_dict_end(&dict));
}

/* The settings of an instance as they are, an a{sv}. */
GVariant *settings_get(Cli *cli, const char *path, GError **error) {
        const ClientCall call = {
                .path = path,
                .interface = LEFT4ME_INSTANCE_INTERFACE,
                .method = "GetSettings",
                .reply = "(a{sv})",
                .interactive = TRUE,
        };
        g_autoptr(GVariant) reply = cli_call(cli, &call, error);

        return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

static GVariant *merge_cvars(GVariant *have, GVariant *set, char *const *unset) {
        GVariantBuilder builder;
        GVariantIter iter;
        const char *name, *value;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
        g_variant_iter_init(&iter, have);
        while (g_variant_iter_next(&iter, "{&s&s}", &name, &value))
                if (!g_variant_lookup(set, name, "&s", &value) &&
                        !g_strv_contains((const char *const *) unset, name))
                        g_variant_builder_add(&builder, "{ss}", name, value);

        g_variant_iter_init(&iter, set);
        while (g_variant_iter_next(&iter, "{&s&s}", &name, &value))
                g_variant_builder_add(&builder, "{ss}", name, value);

        return g_variant_builder_end(&builder);
}

/*
 * Clone takes the cvars of the other instance or wholly new ones; on the command line single ones are
 * changed. So they are read and merged here, when that is asked for.
 */
int settings_for_clone(Cli *cli, GVariant **settings, const char *name, const char *path) {
        g_autoptr(GVariant) have = NULL, cvars = NULL, set = NULL;
        g_auto(GVariantDict) dict = { 0 };
        g_auto(GStrv) unset = NULL;
        g_autoptr(GError) error = NULL;

        if (!props_has(*settings, "SetCvars") && !props_has(*settings, "UnsetCvars"))
                return EXIT_OK;

        have = settings_get(cli, path, &error);
        if (!have)
                return cli_error_about(cli, error, LEFT4ME_INSTANCE_PREFIX, name);

        cvars = props_value(have, "Cvars", "a{ss}");
        set = props_value(*settings, "SetCvars", "a{ss}");
        if (!g_variant_lookup(*settings, "UnsetCvars", "^as", &unset))
                unset = g_new0(char *, 1);

        g_variant_dict_init(&dict, *settings);
        g_variant_dict_remove(&dict, "SetCvars");
        g_variant_dict_remove(&dict, "UnsetCvars");
        g_variant_dict_insert_value(&dict, "Cvars", merge_cvars(cvars, set, unset));

        g_variant_unref(*settings);
        *settings = g_variant_ref_sink(g_variant_dict_end(&dict));
        return EXIT_OK;
}
