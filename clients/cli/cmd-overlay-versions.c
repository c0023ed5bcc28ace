/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overlay rollback, keep, diff and rename. */

#include "ask.h"
#include "dbus/names.h"
#include "format.h"
#include "inventory.h"
#include "json.h"
#include "props.h"
#include "table.h"
#include "verbs.h"

static int parse_number(Cli *cli, const char *word, const char *what, guint32 *ret) {
        guint64 number;

        if (!g_ascii_string_to_unsigned(word, 10, 1, G_MAXUINT32, &number, NULL))
                return cli_usage(cli, "'%s' is no %s", word, what);

        *ret = (guint32) number;
        return EXIT_OK;
}

static GVariant *get_overlay(Cli *cli, const char *name, const char *path, int *ret_code) {
        g_autoptr(GError) error = NULL;
        GVariant *properties;

        properties = inventory_get_all(cli, path, LEFT4ME_OVERLAY_INTERFACE, &error);
        *ret_code = properties ? EXIT_OK : cli_error_about(cli, error, LEFT4ME_OVERLAY_PREFIX, name);
        return properties;
}

/* The version before this one; 0 for none. */
static guint32 version_before(GVariant *overlay, guint32 version) {
        g_autoptr(GVariant) versions = props_value(overlay, "Versions", "a(uttts)");
        guint32 number, before = 0;
        GVariantIter iter;

        g_variant_iter_init(&iter, versions);
        while (g_variant_iter_next(&iter, "(uttts)", &number, NULL, NULL, NULL, NULL))
                if (number < version && number > before)
                        before = number;

        return before;
}

static int set_number(Cli *cli, const char *name, const char *path, const char *method, guint32 number) {
        return cli_run_call(cli,
                &(const ClientCall){
                        .path = path,
                        .interface = LEFT4ME_OVERLAY_INTERFACE,
                        .method = method,
                        .arguments = g_variant_new("(u)", number),
                        .interactive = TRUE,
                },
                LEFT4ME_OVERLAY_PREFIX, name);
}

static gboolean runs_with_another(GVariant *instance, const char *overlay, guint32 version) {
        g_autoptr(GVariant) layers = props_value(instance, "LayersInUse", "a(su)");
        GVariantIter iter;
        const char *name;
        guint32 number;

        g_variant_iter_init(&iter, layers);
        while (g_variant_iter_next(&iter, "(&su)", &name, &number))
                if (g_str_equal(name, overlay) && number != version)
                        return TRUE;

        return FALSE;
}

/* Who goes on with what he has. */
static void tell_running(Cli *cli, const char *name, guint32 version) {
        g_autoptr(Inventory) inventory = inventory_load(cli, NULL);
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        g_autofree char *list = NULL;
        guint i;

        for (i = 0; inventory && i < inventory->instances->len; i++) {
                const Object *object = g_ptr_array_index(inventory->instances, i);

                if (runs_with_another(object->properties, name, version))
                        g_ptr_array_add(names, object->name);
        }
        if (names->len == 0)
                return;

        g_ptr_array_add(names, NULL);
        list = g_strjoinv(" ", (char **) names->pdata);
        terminal_printf(&cli->out, "until a restart another version is used by: %s\n", list);
}

static void tell_rollback(Cli *cli, const char *name, guint32 version, guint32 before) {
        JsonObject *object;

        if (cli->json) {
                object = json_object_new();
                json_object_set_string_member(object, "name", name);
                json_object_set_int_member(object, "current", version);
                json_object_set_int_member(object, "previous", before);
                json_print(cli, json_node_object(object));
        } else if (!cli->quiet) {
                terminal_printf(&cli->out,
                        version == before
                                ? "%s: version %u is current already\n"
                                : "%s: version %u is current, servers get it at their next start\n",
                        name, version);
                tell_running(cli, name, version);
        }
}

static int no_version_before(Cli *cli, const char *name, guint32 version) {
        if (version == 0)
                return cli_failed(cli, EXIT_NO_SUCH, "%s has no version yet", name);

        return cli_failed(cli, EXIT_NO_SUCH, "%s has no version before %u", name, version);
}

int cmd_overlay_rollback(Cli *cli, char **words) {
        g_autoptr(GVariant) overlay = NULL;
        g_autofree char *path = NULL;
        guint32 version = 0, current;
        int r = EXIT_OK;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;
        if (words[1])
                r = parse_number(cli, words[1], "number of a version", &version);
        if (r != EXIT_OK)
                return r;

        path = client_path(LEFT4ME_OVERLAY_PREFIX, words[0]);
        overlay = get_overlay(cli, words[0], path, &r);
        if (!overlay)
                return r;

        current = (guint32) props_uint(overlay, "Current");
        if (version == 0)
                version = version_before(overlay, current);
        if (version == 0)
                return no_version_before(cli, words[0], current);

        r = set_number(cli, words[0], path, "Rollback", version);
        if (r == EXIT_OK)
                tell_rollback(cli, words[0], version, current);
        return r;
}

/* Says which versions go when so many are kept, and asks. */
static int ask_keep(Cli *cli, const char *name, GVariant *overlay, guint32 keep) {
        g_autoptr(GVariant) versions = props_value(overlay, "Versions", "a(uttts)");
        g_autoptr(GString) lost = g_string_new(NULL);
        g_autofree char *question = NULL;
        gsize n = g_variant_n_children(versions), i;
        guint32 number;

        for (i = 0; i + keep < n; i++) {
                g_variant_get_child(versions, i, "(uttts)", &number, NULL, NULL, NULL, NULL);
                if (number != props_uint(overlay, "Current"))
                        g_string_append_printf(lost, "%s%u", lost->len > 0 ? ", " : "", number);
        }
        if (lost->len == 0)
                return EXIT_OK;

        question = g_strdup_printf(
                "Keeping %u version%s of %s loses these: %s.", keep, keep == 1 ? "" : "s", name, lost->str);
        return ask_before_loss(cli, question);
}

int cmd_overlay_keep(Cli *cli, char **words) {
        g_autoptr(GVariant) overlay = NULL;
        g_autofree char *path = NULL;
        JsonObject *object;
        guint32 keep;
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;
        r = parse_number(cli, words[1], "number of versions", &keep);
        if (r != EXIT_OK)
                return r;

        path = client_path(LEFT4ME_OVERLAY_PREFIX, words[0]);
        overlay = get_overlay(cli, words[0], path, &r);
        if (overlay)
                r = ask_keep(cli, words[0], overlay, keep);
        if (r == EXIT_OK)
                r = set_number(cli, words[0], path, "SetKeepVersions", keep);
        if (r != EXIT_OK)
                return r;

        if (cli->json) {
                object = json_object_new();
                json_object_set_string_member(object, "name", words[0]);
                json_object_set_int_member(object, "keep_versions", keep);
                json_print(cli, json_node_object(object));
        } else if (!cli->quiet)
                terminal_printf(&cli->out, "%s keeps its newest %u version%s\n", words[0], keep,
                        keep == 1 ? "" : "s");
        return EXIT_OK;
}

static void print_changes(Cli *cli, GVariant *changes) {
        static const TableColumn columns[] = {
                { "CHANGE", TABLE_LEFT },
                { "BEFORE", TABLE_RIGHT },
                { "AFTER", TABLE_RIGHT },
                { "PATH", TABLE_SHRINK },
        };
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
        const char *path, *kind;
        GVariantIter iter;
        guint64 a, b;

        g_variant_iter_init(&iter, changes);
        while (g_variant_iter_next(&iter, "(&s&stt)", &path, &kind, &a, &b)) {
                gboolean directory = g_str_has_suffix(path, "/");
                g_autofree char *before = directory || g_str_equal(kind, "added") ? g_strdup("-")
                                                                                  : format_bytes(a);
                g_autofree char *after = directory || g_str_equal(kind, "removed") ? g_strdup("-")
                                                                                   : format_bytes(b);

                table_add(table, kind, before, after, path, NULL);
                table_style(table, 0,
                        g_str_equal(kind, "added")     ? STYLE_GREEN
                        : g_str_equal(kind, "removed") ? STYLE_RED
                                                       : STYLE_YELLOW);
        }

        table_print(table, &cli->out, !cli->quiet);
}

static JsonNode *changes_to_json(GVariant *changes) {
        JsonArray *array = json_array_new();
        const char *path, *kind;
        GVariantIter iter;
        guint64 a, b;

        g_variant_iter_init(&iter, changes);
        while (g_variant_iter_next(&iter, "(&s&stt)", &path, &kind, &a, &b)) {
                JsonObject *object = json_object_new();

                json_object_set_string_member(object, "path", path);
                json_object_set_string_member(object, "change", kind);
                json_object_set_int_member(object, "before", (gint64) MIN(a, G_MAXINT64));
                json_object_set_int_member(object, "after", (gint64) MIN(b, G_MAXINT64));
                json_array_add_object_element(array, object);
        }

        return json_node_array(array);
}

static int show_diff(Cli *cli, const char *name, guint32 a, guint32 b) {
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, name);
        g_autoptr(GVariant) reply = NULL, changes = NULL;
        g_autoptr(GError) error = NULL;

        reply = cli_call(cli,
                &(const ClientCall){
                        .path = path,
                        .interface = LEFT4ME_OVERLAY_INTERFACE,
                        .method = "Diff",
                        .arguments = g_variant_new("(uu)", a, b),
                        .reply = "(a(sstt))",
                        .interactive = TRUE,
                },
                &error);
        if (!reply)
                return cli_error_about(cli, error, LEFT4ME_OVERLAY_PREFIX, name);

        changes = g_variant_get_child_value(reply, 0);
        if (cli->json)
                json_print(cli, changes_to_json(changes));
        else if (g_variant_n_children(changes) > 0)
                print_changes(cli, changes);
        else if (!cli->quiet)
                terminal_printf(&cli->out, "%s: versions %u and %u hold the same\n", name, a, b);
        return EXIT_OK;
}

int cmd_overlay_diff(Cli *cli, char **words) {
        g_autoptr(GVariant) overlay = NULL;
        g_autofree char *path = NULL;
        guint32 a = 0, b = 0;
        int r = EXIT_OK;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;
        if (words[1])
                r = parse_number(cli, words[1], "number of a version", &a);
        if (r == EXIT_OK && words[1] && words[2])
                r = parse_number(cli, words[2], "number of a version", &b);
        if (r != EXIT_OK)
                return r;
        if (b > 0)
                return show_diff(cli, words[0], a, b);

        path = client_path(LEFT4ME_OVERLAY_PREFIX, words[0]);
        overlay = get_overlay(cli, words[0], path, &r);
        if (!overlay)
                return r;

        b = (guint32) props_uint(overlay, "Current");
        if (a == 0)
                a = version_before(overlay, b);
        if (a == 0)
                return no_version_before(cli, words[0], b);
        return show_diff(cli, words[0], a, b);
}
