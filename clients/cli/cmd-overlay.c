/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overlay list, create, delete. */

#include "ask.h"
#include "dbus/names.h"
#include "follow.h"
#include "format.h"
#include "inventory.h"
#include "items.h"
#include "json.h"
#include "listing.h"
#include "props.h"
#include "style.h"
#include "verbs.h"

/* Size and number of files of the current version. */
static uint64_t current_size(GVariant *properties) {
        g_autoptr(GVariantIter) versions = NULL;
        guint64 created, size, files;
        guint32 number;
        const char *label;

        if (g_variant_lookup(properties, "Versions", "a(uttts)", &versions))
                while (g_variant_iter_next(versions, "(uttt&s)", &number, &created, &size, &files, &label))
                        if (number == props_uint(properties, "Current"))
                                return size;

        return 0;
}

static void add_row(Table *table, const Object *object) {
        GVariant *p = object->properties;
        g_autofree char *state = NULL, *version = NULL, *size = NULL,
                        *users = props_joined(p, "UsedBy", " ");
        uint64_t current = props_uint(p, "Current");

        state = g_strconcat(props_string(p, "State"), props_boolean(p, "BuildPending") ? " *" : "", NULL);
        version = current > 0 ? g_strdup_printf("%u", (unsigned) current) : g_strdup("-");
        size = current > 0 ? format_bytes(current_size(p)) : g_strdup("-");
        table_add(table, props_string(p, "Name"), props_string(p, "Kind"), state, version, size,
                *users ? users : "-", NULL);
        if (g_str_equal(props_string(p, "State"), "building"))
                table_style(table, 2, STYLE_YELLOW);
}

static void print_totals(Cli *cli, GPtrArray *overlays) {
        unsigned pending = 0;

        for (guint i = 0; i < overlays->len; i++) {
                const Object *object = g_ptr_array_index(overlays, i);

                pending += props_boolean(object->properties, "BuildPending");
        }

        terminal_printf(&cli->out, "\n%u overlay%s\n", overlays->len, overlays->len == 1 ? "" : "s");
        if (pending > 0)
                terminal_printf(&cli->out, "* a build would make something new of it\n");
        if (overlays->len == 0) {
                fflush(cli->out.file);
                cli_hint(cli, "left4mectl overlay create NAME --kind KIND makes one");
        }
}

int cmd_overlay_list(Cli *cli, char **words) {
        static const TableColumn columns[] = {
                { "NAME", TABLE_LEFT },
                { "KIND", TABLE_LEFT },
                { "STATE", TABLE_LEFT },
                { "VERSION", TABLE_RIGHT },
                { "SIZE", TABLE_RIGHT },
                { "USED BY", TABLE_SHRINK },
        };
        static const Listing listing = {
                .objects = offsetof(Inventory, overlays),
                .columns = columns,
                .n_columns = G_N_ELEMENTS(columns),
                .add = add_row,
                .totals = print_totals,
        };

        return listing_run(cli, words, &listing);
}

/* To somebody at a terminal, how it comes to hold something. */
static void hint_next(Cli *cli, const char *name, const char *kind, gboolean items) {
        if (!cli->out.tty)
                return;

        fflush(cli->out.file);
        if (g_str_equal(kind, "script"))
                cli_hint(cli, "write its script: left4mectl overlay edit %s", name);
        else if (g_str_equal(kind, "workshop") && !items)
                cli_hint(cli, "say what it consists of: left4mectl overlay items %s add ITEM", name);
        else if (g_str_equal(kind, "files"))
                cli_hint(cli, "fill it: left4mectl overlay import %s ARCHIVE", name);
        else
                cli_hint(cli, "build it: left4mectl overlay build %s", name);
}

int cmd_overlay_create(Cli *cli, char **words) {
        g_autofree char *kind = NULL;
        g_auto(GStrv) items = NULL;
        const GOptionEntry entries[] = {
                { "kind", 'k', 0, G_OPTION_ARG_STRING, &kind,
                        "files (by uploads), script, workshop or steam", "KIND" },
                { "item", 'i', 0, G_OPTION_ARG_STRING_ARRAY, &items,
                        "An item or collection: its number or address", "ITEM" },
                { NULL },
        };
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        JsonObject *object;
        int r;

        if (!cli_parse(cli, entries, &words))
                return cli->code;
        if (!kind)
                return cli_usage(cli, "of which kind? --kind files makes one that is filled by uploads,"
                                      " --kind script one that a script builds,"
                                      " --kind workshop one of items of the Steam Workshop,"
                                      " --kind steam one that holds the game");

        /* Before there is anything. */
        r = items ? items_check(cli, kind, items) : EXIT_OK;
        if (r != EXIT_OK)
                return r;

        reply = cli_call(cli,
                &(const ClientCall){
                        .path = LEFT4ME_ROOT_PATH,
                        .interface = LEFT4ME_MANAGER_INTERFACE,
                        .method = "CreateOverlay",
                        .arguments = g_variant_new("(ssa{sv})", words[0], kind, NULL),
                        .reply = "(o)",
                        .interactive = TRUE,
                },
                &error);
        if (!reply)
                return cli_error(cli, error);

        r = items ? items_set(cli, words[0], (const char *const *) items) : EXIT_OK;
        if (r != EXIT_OK)
                return r;

        if (cli->json) {
                object = json_object_new();
                json_object_set_string_member(object, "name", words[0]);
                json_object_set_string_member(object, "kind", kind);
                json_print(cli, json_node_object(object));
        } else if (!cli->quiet) {
                terminal_printf(&cli->out, "%s created\n", words[0]);
                hint_next(cli, words[0], kind, items != NULL);
        }

        return EXIT_OK;
}

/* What is lost is told as the bus has it; that the overlay may be in use, the service knows best. */
static int ask_delete(Cli *cli, const char *name, const char *path) {
        g_autofree char *question = NULL, *size = NULL;
        g_autoptr(GVariant) properties = NULL, versions = NULL;
        g_autoptr(GError) error = NULL;
        gsize n;

        if (cli->yes)
                return EXIT_OK;

        properties = inventory_get_all(cli, path, LEFT4ME_OVERLAY_INTERFACE, &error);
        if (!properties)
                return cli_error_about(cli, error, LEFT4ME_OVERLAY_PREFIX, name);

        versions = props_value(properties, "Versions", "a(uttts)");
        n = g_variant_n_children(versions);
        size = format_bytes(current_size(properties));
        question = g_strdup_printf("Deleting %s loses all its %" G_GSIZE_FORMAT
                                   " version%s (the current one has %s).",
                name, n, n == 1 ? "" : "s", size);
        return ask_before_loss(cli, question);
}

int cmd_overlay_delete(Cli *cli, char **words) {
        g_autoptr(Follow) follow = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        g_autofree char *path = NULL, *success = NULL;
        const char *job;
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        path = client_path(LEFT4ME_OVERLAY_PREFIX, words[0]);
        r = ask_delete(cli, words[0], path);
        if (r != EXIT_OK)
                return r;

        reply = cli_call(cli,
                &(const ClientCall){
                        .path = path,
                        .interface = LEFT4ME_OVERLAY_INTERFACE,
                        .method = "Delete",
                        .reply = "(o)",
                        .interactive = TRUE,
                },
                &error);
        if (!reply)
                return cli_error_about(cli, error, LEFT4ME_OVERLAY_PREFIX, words[0]);

        g_variant_get(reply, "(&o)", &job);
        success = g_strdup_printf("%s deleted", words[0]);
        follow = follow_new(cli);
        follow_add(follow, job, success);
        r = follow_run(follow);
        if (cli->json)
                follow_print_json(follow, TRUE);

        return r;
}
