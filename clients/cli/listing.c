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

int listing_show(Cli *cli, GPtrArray *objects, const Listing *listing) {
        g_autoptr(Table) table = NULL;
        guint i;

        if (cli->json) {
                show_json(cli, objects, listing);
                return EXIT_OK;
        }

        table = table_new(listing->columns, listing->n_columns);
        for (i = 0; i < objects->len; i++)
                listing->add(table, g_ptr_array_index(objects, i));
        table_print(table, &cli->out, !cli->quiet);
        return EXIT_OK;
}
