/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overlay items and overlay refresh: what an overlay holds of the Steam Workshop. */

#include "build.h"
#include "dbus/names.h"
#include "follow.h"
#include "format.h"
#include "inventory.h"
#include "items.h"
#include "json.h"
#include "props.h"
#include "protocol/workshop.h"
#include "style.h"
#include "table.h"
#include "verbs.h"

int items_check(Cli *cli, const char *kind, char *const *items) {
        if (!g_str_equal(kind, "workshop"))
                return cli_usage(cli, "--item is for overlays of --kind workshop");

        for (; *items; items++) {
                g_autofree char *id = NULL;

                if (workshop_id_from_text(*items, &id) < 0)
                        return cli_usage(cli,
                                "'%s' is no item: its number is wanted, or the address of its page", *items);
        }
        return EXIT_OK;
}

int items_set(Cli *cli, const char *overlay, const char *const *items) {
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, overlay);

        return cli_run_call(cli,
                &(const ClientCall){
                        .path = path,
                        .interface = LEFT4ME_OVERLAY_INTERFACE,
                        .method = "SetItems",
                        .arguments = g_variant_new("(^as)", items),
                        .interactive = TRUE,
                },
                LEFT4ME_OVERLAY_PREFIX, overlay);
}

/* -- what there is --------------------------------------------------------------------------------------------- */

typedef struct {
        const char *id, *title, *state;
        guint64 size, updated;
        gboolean pinned;
} Item;

static gboolean next_item(GVariantIter *iter, Item *ret) {
        return g_variant_iter_next(iter, "(&s&sttb&s)", &ret->id, &ret->title, &ret->size, &ret->updated,
                &ret->pinned, &ret->state);
}

static void print_json(Cli *cli, GVariant *items) {
        JsonArray *array = json_array_new();
        GVariantIter iter;
        Item item;

        g_variant_iter_init(&iter, items);
        while (next_item(&iter, &item)) {
                JsonObject *object = json_object_new();

                json_object_set_string_member(object, "id", item.id);
                json_object_set_string_member(object, "title", item.title);
                json_object_set_int_member(object, "size", (gint64) item.size);
                json_object_set_int_member(object, "updated", (gint64) item.updated);
                json_object_set_boolean_member(object, "pinned", item.pinned);
                json_object_set_string_member(object, "state", item.state);
                json_array_add_object_element(array, object);
        }
        json_print(cli, json_node_array(array));
}

static Style style_of(const char *state) {
        if (g_str_equal(state, "current"))
                return STYLE_GREEN;

        return g_str_equal(state, "collection") || g_str_equal(state, "wanted") ? STYLE_DIM : STYLE_YELLOW;
}

static void print_table(Cli *cli, GVariant *items) {
        static const TableColumn columns[] = {
                { "ITEM", TABLE_RIGHT },
                { "STATE", TABLE_LEFT },
                { "UPDATED", TABLE_LEFT },
                { "SIZE", TABLE_RIGHT },
                { "TITLE", TABLE_SHRINK },
        };
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
        GVariantIter iter;
        Item item;

        g_variant_iter_init(&iter, items);
        while (next_item(&iter, &item)) {
                g_autofree char *state = g_strconcat(item.state, item.pinned ? ", pinned" : "", NULL),
                                *size = item.size > 0 ? format_bytes(item.size) : g_strdup("-"),
                                *updated = item.updated > 0 ? format_date(item.updated) : g_strdup("-");

                table_add(table, item.id, state, updated, size, *item.title ? item.title : "-", NULL);
                table_style(table, 1, style_of(item.state));
        }
        table_print(table, &cli->out, !cli->quiet);
}

/* -- changes --------------------------------------------------------------------------------------------------- */

static int pin(Cli *cli, const char *overlay, const char *path, char **items, gboolean on) {
        int r = EXIT_OK;

        for (char **item = items; *item && r == EXIT_OK; item++)
                r = cli_run_call(cli,
                        &(const ClientCall){
                                .path = path,
                                .interface = LEFT4ME_OVERLAY_INTERFACE,
                                .method = "Pin",
                                .arguments = g_variant_new("(sb)", *item, on),
                                .interactive = TRUE,
                        },
                        LEFT4ME_OVERLAY_PREFIX, overlay);

        return r;
}

static gboolean drop(GPtrArray *wanted, const char *id) {
        guint i;

        if (!g_ptr_array_find_with_equal_func(wanted, id, g_str_equal, &i))
                return FALSE;

        g_ptr_array_remove_index(wanted, i);
        return TRUE;
}

static int change(Cli *cli, const char *overlay, GVariant *properties, char **items, gboolean add) {
        g_autoptr(GPtrArray) wanted = g_ptr_array_new_with_free_func(g_free);
        g_auto(GStrv) old = NULL;

        (void) g_variant_lookup(properties, "WantedItems", "^as", &old);
        for (char **id = old; id && *id; id++)
                g_ptr_array_add(wanted, g_strdup(*id));

        for (char **item = items; *item; item++) {
                g_autofree char *id = NULL;

                if (workshop_id_from_text(*item, &id) < 0)
                        return cli_usage(cli,
                                "'%s' is no item: its number is wanted, or the address of its page", *item);
                if (add && !g_ptr_array_find_with_equal_func(wanted, id, g_str_equal, NULL))
                        g_ptr_array_add(wanted, g_strdup(id));
                else if (!add && !drop(wanted, id))
                        return cli_failed(cli, EXIT_FAILED,
                                "%s has no item %s; one that a collection brings goes with the collection",
                                overlay, id);
        }

        g_ptr_array_add(wanted, NULL);
        return items_set(cli, overlay, (const char *const *) wanted->pdata);
}

static int run(Cli *cli, const char *overlay, const char *what, char **items, GVariant *properties) {
        static const char *const known[] = { "add", "rm", "pin", "unpin", NULL };
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, overlay);

        if (!g_strv_contains(known, what))
                return cli_usage(cli, "'%s'? What can be done with items is: add, rm, pin and unpin", what);
        if (!*items)
                return cli_usage(cli, "which items? left4mectl overlay items %s %s ITEM...", overlay, what);
        if (g_str_equal(what, "add") || g_str_equal(what, "rm"))
                return change(cli, overlay, properties, items, g_str_equal(what, "add"));

        return pin(cli, overlay, path, items, g_str_equal(what, "pin"));
}

static int show_items(Cli *cli, const char *overlay, GVariant *properties) {
        g_autoptr(GVariant) items = props_value(properties, "Items", "a(ssttbs)");
        const char *kind = props_string(properties, "Kind");

        if (!g_str_equal(kind, "workshop"))
                return cli_failed(cli, EXIT_FAILED, "%s is of kind %s; only one of kind workshop has items",
                        overlay, kind);

        if (cli->json)
                print_json(cli, items);
        else
                print_table(cli, items);
        if (g_variant_n_children(items) == 0 && cli->out.tty && !cli->quiet && !cli->json)
                cli_hint(cli, "none yet: left4mectl overlay items %s add ITEM", overlay);
        return EXIT_OK;
}

/* Where they stand after a change. */
static int show_changed(Cli *cli, const char *overlay, const char *path) {
        g_autoptr(GVariant) properties = NULL;
        g_autoptr(GError) error = NULL;

        if (!cli->json) {
                if (!cli->quiet)
                        terminal_printf(&cli->out,
                                "%s: from the next build on (left4mectl overlay build %s)\n", overlay,
                                overlay);
                return EXIT_OK;
        }

        properties = inventory_get_all(cli, path, LEFT4ME_OVERLAY_INTERFACE, &error);
        if (!properties)
                return cli_error_about(cli, error, LEFT4ME_OVERLAY_PREFIX, overlay);

        return show_items(cli, overlay, properties);
}

int cmd_overlay_items(Cli *cli, char **words) {
        gboolean build = FALSE;
        const GOptionEntry entries[] = {
                { "build", 'b', 0, G_OPTION_ARG_NONE, &build, "And build it", NULL },
                { NULL },
        };
        g_autofree char *path = NULL;
        g_autoptr(GVariant) properties = NULL;
        g_autoptr(GError) error = NULL;
        int r;

        if (!cli_parse(cli, entries, &words))
                return cli->code;

        path = client_path(LEFT4ME_OVERLAY_PREFIX, words[0]);
        properties = inventory_get_all(cli, path, LEFT4ME_OVERLAY_INTERFACE, &error);
        if (!properties)
                return cli_error_about(cli, error, LEFT4ME_OVERLAY_PREFIX, words[0]);

        if (!words[1])
                return show_items(cli, words[0], properties);

        r = run(cli, words[0], words[1], words + 2, properties);
        if (r != EXIT_OK)
                return r;
        if (build)
                return build_begin(cli, words[0], NULL, FALSE, FALSE);

        return show_changed(cli, words[0], path);
}

int cmd_overlay_refresh(Cli *cli, char **words) {
        gboolean detach = FALSE;
        const GOptionEntry entries[] = {
                { "detach", 0, 0, G_OPTION_ARG_NONE, &detach, "Print the jobs and do not wait for their end",
                        NULL },
                { NULL },
        };
        g_autoptr(Follow) follow = NULL;
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariantIter) jobs = NULL;
        g_autoptr(GError) error = NULL;
        gboolean begun;
        const char *job;
        int r;

        if (!cli_parse(cli, entries, &words))
                return cli->code;

        reply = cli_call(cli,
                &(const ClientCall){
                        .path = LEFT4ME_ROOT_PATH,
                        .interface = LEFT4ME_MANAGER_INTERFACE,
                        .method = "RefreshWorkshop",
                        .reply = "(ao)",
                        .interactive = TRUE,
                },
                &error);
        if (!reply)
                return cli_error(cli, error);

        follow = follow_new(cli);
        if (detach)
                follow_detach(follow);
        g_variant_get(reply, "(ao)", &jobs);
        begun = g_variant_iter_n_children(jobs) > 0;
        while (g_variant_iter_next(jobs, "&o", &job))
                follow_add_build(follow, job);
        r = begun ? follow_run(follow) : EXIT_OK;
        if (!begun && !cli->json && !cli->quiet)
                terminal_printf(
                        &cli->out, "there is no overlay that the Workshop or Steam could have news for\n");
        if (cli->json)
                follow_print_json(follow, TRUE);
        else if (follow_left(follow))
                follow_print_jobs(follow);
        return r;
}
