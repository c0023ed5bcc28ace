/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* campaigns: what can be played, and on which servers. */

#include "dbus/names.h"
#include "inventory.h"
#include "json.h"
#include "names.h"
#include "props.h"
#include "table.h"
#include "verbs.h"

#define CAMPAIGNS_TYPE "a(sssa(sa(ss)))"

typedef struct {
        const char *overlay, *item, *name, *title;
        GVariant *modes; /* a(sa(ss)) */
        char *servers;   /* with blanks between them */
} Campaign;

static gboolean plays(const Object *instance, const char *overlay) {
        g_auto(GStrv) overlays = NULL;

        if (g_str_equal(props_string(instance->properties, "Game"), overlay))
                return TRUE;

        return g_variant_lookup(instance->properties, "Overlays", "^as", &overlays) &&
               g_strv_contains((const char *const *) overlays, overlay);
}

/* Servers that have the overlay in their stack; only those that are named, if any are. */
static char *find_servers(const Inventory *inventory, const char *overlay, char **names) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_auto(GStrv) found = NULL;

        for (guint i = 0; i < inventory->instances->len; i++) {
                const Object *instance = g_ptr_array_index(inventory->instances, i);

                if ((!*names || g_strv_contains((const char *const *) names, instance->name)) &&
                        plays(instance, overlay))
                        g_strv_builder_add(builder, instance->name);
        }

        found = g_strv_builder_end(builder);
        return g_strjoinv(" ", found);
}

static JsonObject *modes_to_json(GVariant *modes) {
        JsonObject *object = json_object_new();
        GVariantIter iter, maps;
        GVariant *list;
        const char *mode, *name, *title;

        g_variant_iter_init(&iter, modes);
        while (g_variant_iter_loop(&iter, "(&s@a(ss))", &mode, &list)) {
                JsonArray *array = json_array_new();

                g_variant_iter_init(&maps, list);
                while (g_variant_iter_next(&maps, "(&s&s)", &name, &title)) {
                        JsonObject *map = json_object_new();

                        json_object_set_string_member(map, "map", name);
                        json_object_set_string_member(map, "title", title);
                        json_array_add_object_element(array, map);
                }
                json_object_set_array_member(object, mode, array);
        }
        return object;
}

static void add_json(JsonArray *array, const Campaign *c) {
        g_auto(GStrv) servers = g_strsplit(c->servers, " ", -1);
        JsonObject *object = json_object_new();
        JsonArray *names = json_array_new();

        for (char **server = servers; *server; server++)
                if (**server)
                        json_array_add_string_element(names, *server);
        json_object_set_string_member(object, "name", c->name);
        json_object_set_string_member(object, "title", c->title);
        json_object_set_string_member(object, "overlay", c->overlay);
        json_object_set_string_member(object, "item", c->item);
        json_object_set_object_member(object, "modes", modes_to_json(c->modes));
        json_object_set_array_member(object, "servers", names);
        json_array_add_object_element(array, object);
}

/* The map that a campaign begins with: chapter 1 of coop, or else of the mode that stands first. */
static char *first_map(GVariant *modes) {
        g_autofree char *first = NULL;
        GVariantIter iter;
        GVariant *maps;
        const char *mode, *map;

        g_variant_iter_init(&iter, modes);
        while (g_variant_iter_loop(&iter, "(&s@a(ss))", &mode, &maps))
                if ((!first || g_str_equal(mode, "coop")) && g_variant_n_children(maps) > 0) {
                        g_free(first);
                        g_variant_get_child(maps, 0, "(&s&s)", &map, NULL);
                        first = g_strdup(map);
                }

        return first ? g_steal_pointer(&first) : g_strdup("-");
}

static void add_row(Table *table, const Campaign *c) {
        g_autoptr(GString) modes = g_string_new(NULL);
        g_autofree char *map = first_map(c->modes);
        GVariantIter iter;
        const char *mode;

        g_variant_iter_init(&iter, c->modes);
        while (g_variant_iter_next(&iter, "(&s@a(ss))", &mode, NULL))
                g_string_append_printf(modes, "%s%s", modes->len > 0 ? " " : "", mode);
        table_add(table, *c->title ? c->title : "-", map, modes->len > 0 ? modes->str : "-", c->overlay,
                *c->servers ? c->servers : "-", NULL);
}

/* Calls for each campaign of the overlays; of named servers, only for those that they have. */
static void each_campaign(const Inventory *inventory, char **names, JsonArray *array, Table *table) {
        for (guint i = 0; i < inventory->overlays->len; i++) {
                const Object *overlay = g_ptr_array_index(inventory->overlays, i);
                g_autoptr(GVariant)
                        campaigns = props_value(overlay->properties, "Campaigns", CAMPAIGNS_TYPE);
                g_autofree char *servers = find_servers(inventory, overlay->name, names);
                Campaign c = { .overlay = overlay->name, .servers = servers };
                GVariantIter iter;

                if (*names && !*servers)
                        continue;

                g_variant_iter_init(&iter, campaigns);
                while (g_variant_iter_loop(
                        &iter, "(&s&s&s@a(sa(ss)))", &c.item, &c.name, &c.title, &c.modes)) {
                        if (array)
                                add_json(array, &c);
                        else
                                add_row(table, &c);
                }
        }
}

int cmd_campaigns(Cli *cli, char **words) {
        static const TableColumn columns[] = {
                { "CAMPAIGN", TABLE_SHRINK },
                { "FIRST MAP", TABLE_LEFT },
                { "MODES", TABLE_SHRINK },
                { "OVERLAY", TABLE_LEFT },
                { "SERVERS", TABLE_SHRINK },
        };
        g_autoptr(Inventory) inventory = NULL;
        g_autoptr(Table) table = NULL;
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) names = NULL;
        JsonArray *array = NULL;
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        inventory = inventory_load(cli, &error);
        if (!inventory)
                return cli_error(cli, error);
        r = names_choose(cli, inventory, words, FALSE, &names);
        if (r != EXIT_OK)
                return r;
        for (char **name = names; *name; name++)
                if (!inventory_find(inventory->instances, *name))
                        return cli_no_such(cli, LEFT4ME_INSTANCE_PREFIX, *name);

        table = table_new(columns, G_N_ELEMENTS(columns));
        if (cli->json)
                array = json_array_new();
        each_campaign(inventory, names, array, table);
        if (array)
                json_print(cli, json_node_array(array));
        else
                table_print(table, &cli->out, !cli->quiet);
        if (!array && cli->out.tty && !cli->quiet && table_rows(table) == 0)
                cli_hint(cli, "none is known: overlays of kind workshop tell of theirs when they are built");
        return EXIT_OK;
}
