/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overlay show and overlay files: what an overlay holds. */

#include "card.h"
#include "dbus/names.h"
#include "files.h"
#include "format.h"
#include "inventory.h"
#include "json.h"
#include "props.h"
#include "style.h"
#include "table.h"
#include "verbs.h"

static void print_versions(Cli *cli, GVariant *p) {
        static const TableColumn columns[] = {
                { "VERSION", TABLE_RIGHT },
                { "", TABLE_LEFT },
                { "CREATED", TABLE_LEFT },
                { "SIZE", TABLE_RIGHT },
                { "FILES", TABLE_RIGHT },
                { "LABEL", TABLE_SHRINK },
        };
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
        g_autoptr(GVariant) versions = props_value(p, "Versions", "a(uttts)");
        guint64 created, size, files;
        GVariantIter iter;
        const char *label;
        guint32 number;

        if (g_variant_n_children(versions) == 0)
                return;

        g_variant_iter_init(&iter, versions);
        while (g_variant_iter_next(&iter, "(uttt&s)", &number, &created, &size, &files, &label)) {
                g_autofree char *name = g_strdup_printf("%u", number), *date = format_date(created);
                g_autofree char *bytes = format_bytes(size),
                                *count = g_strdup_printf("%" G_GUINT64_FORMAT, files);

                table_add(table, name, number == props_uint(p, "Current") ? "current" : "", date, bytes,
                        count, label, NULL);
                table_style(table, 1, STYLE_GREEN);
        }

        fputc('\n', cli->out.file);
        table_print(table, &cli->out, !cli->quiet);
}

int cmd_overlay_show(Cli *cli, char **words) {
        g_autofree char *path = NULL, *users = NULL, *job = NULL, *keep = NULL, *app = NULL;
        g_autoptr(GVariant) p = NULL;
        g_autoptr(GError) error = NULL;
        const char *state;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        path = client_path(LEFT4ME_OVERLAY_PREFIX, words[0]);
        p = inventory_get_all(cli, path, LEFT4ME_OVERLAY_INTERFACE, &error);
        if (!p)
                return cli_error_about(cli, error, LEFT4ME_OVERLAY_PREFIX, words[0]);

        if (cli->json) {
                json_print(cli, json_node_object(json_from_dictionary(p)));
                return EXIT_OK;
        }

        state = props_string(p, "State");
        users = props_joined(p, "UsedBy", "\n");
        job = client_path_name(LEFT4ME_JOB_PREFIX, props_string(p, "LastJob"));

        card_heading(cli, g_str_equal(state, "ready") ? STYLE_GREEN : STYLE_DIM, words[0]);
        card_line(cli, "Kind", props_string(p, "Kind"));
        if (props_uint(p, "App") > 0)
                app = g_strdup_printf("%u of Steam's, branch %s", (unsigned) props_uint(p, "App"),
                        props_string(p, "Branch"));
        card_line(cli, "App", app ? app : "");
        card_line(cli, "State", state);
        if (props_boolean(p, "UpdateAvailable"))
                card_line_styled(
                        cli, "Update", "there is news: left4mectl overlay build takes it", STYLE_YELLOW);
        if (props_boolean(p, "BuildPending"))
                card_line_styled(cli, "Build",
                        props_uint(p, "Current") == 0
                                ? "not built yet"
                                : "what it is built from has changed since the last one",
                        STYLE_YELLOW);
        card_line(cli, "Used by", users);
        if (props_has(p, "KeepVersions"))
                keep = g_strdup_printf("the newest %u", (unsigned) props_uint(p, "KeepVersions"));
        card_line(cli, "Keeps", keep ? keep : "");
        card_line(cli, "Last job", job);
        print_versions(cli, p);
        return EXIT_OK;
}

int cmd_overlay_files(Cli *cli, char **words) {
        FilesOptions o = { 0 };
        const GOptionEntry entries[] = {
                { "version", 0, 0, G_OPTION_ARG_INT, &o.version,
                        "Of that version (default: the current one)", "NUMBER" },
                { "recursive", 'R', 0, G_OPTION_ARG_NONE, &o.recursive, "What is in directories, too",
                        NULL },
                { NULL },
        };

        if (!cli_parse(cli, entries, &words))
                return cli->code;
        if (o.version < 0)
                return cli_usage(cli, "--version %d: versions count from 1", o.version);

        return files_show(cli, words[0], words[1] ? words[1] : "", &o);
}
