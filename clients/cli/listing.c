/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "listing.h"

static void show_json(Cli *cli, GPtrArray *objects, const Listing *listing) {
        JsonArray *array = json_array_new();
        guint i;

        for (i = 0; i < objects->len; i++) {
                const Object *object = g_ptr_array_index(objects, i);

                json_array_add_object_element(array,
                        listing->json ? listing->json(object) : json_from_dictionary(object->properties));
        }

        json_print(cli, json_node_array(array));
}

static void show_table(Cli *cli, GPtrArray *objects, const Listing *listing) {
        g_autoptr(Table) table = NULL;
        guint i;

        table = table_new(listing->columns, listing->n_columns);
        for (i = 0; i < objects->len; i++)
                listing->add(table, g_ptr_array_index(objects, i));
        table_print(table, &cli->out, !cli->quiet);
        if (listing->totals && cli->out.tty && !cli->quiet)
                listing->totals(cli, objects);
}

int listing_run(Cli *cli, char **words, const Listing *listing) {
        g_autoptr(Inventory) inventory = NULL;
        g_autoptr(GError) error = NULL;
        GPtrArray *objects;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        inventory = inventory_load(cli, &error);
        if (!inventory)
                return cli_error(cli, error);

        objects = G_STRUCT_MEMBER(GPtrArray *, inventory, listing->objects);
        if (cli->json)
                show_json(cli, objects, listing);
        else
                show_table(cli, objects, listing);

        return EXIT_OK;
}
