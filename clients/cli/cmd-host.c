/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* check and reload: the host as a whole. */

#include "dbus/names.h"
#include "json.h"
#include "style.h"
#include "table.h"
#include "verbs.h"

static void check_json(Cli *cli, GVariant *results) {
        const char *check, *verdict, *explanation, *remedy;
        JsonArray *array = json_array_new();
        GVariantIter iter;

        g_variant_iter_init(&iter, results);
        while (g_variant_iter_next(&iter, "(&s&s&s&s)", &check, &verdict, &explanation, &remedy)) {
                JsonObject *object = json_object_new();

                json_object_set_string_member(object, "check", check);
                json_object_set_string_member(object, "verdict", verdict);
                json_object_set_string_member(object, "explanation", explanation);
                json_object_set_string_member(object, "remedy", remedy);
                json_array_add_object_element(array, object);
        }

        json_print(cli, json_node_array(array));
}

static void check_table(Cli *cli, GVariant *results) {
        static const TableColumn columns[] = {
                { "VERDICT", TABLE_LEFT },
                { "CHECK", TABLE_LEFT },
                { "EXPLANATION", TABLE_WRAP },
        };
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
        const char *check, *verdict, *explanation, *remedy;
        GVariantIter iter;

        g_variant_iter_init(&iter, results);
        while (g_variant_iter_next(&iter, "(&s&s&s&s)", &check, &verdict, &explanation, &remedy)) {
                table_add(table, verdict, check, explanation, NULL);
                table_style(table, 0, style_of_verdict(verdict));
                if (*remedy) {
                        g_autofree char *advice = g_strconcat("-> ", remedy, NULL);

                        table_add(table, "", "", advice, NULL);
                }
        }

        table_print(table, &cli->out, !cli->quiet);
}

int cmd_check(Cli *cli, char **words) {
        g_autoptr(GVariant) reply = NULL, results = NULL;
        g_autoptr(GError) error = NULL;
        GVariantIter iter;
        const char *verdict;
        int r = EXIT_OK;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        reply = cli_call(cli,
                &(const ClientCall){
                        .path = LEFT4ME_ROOT_PATH,
                        .interface = LEFT4ME_MANAGER_INTERFACE,
                        .method = "Check",
                        .reply = "(a(ssss))",
                },
                &error);
        if (!reply)
                return cli_error(cli, error);

        results = g_variant_get_child_value(reply, 0);
        if (cli->json)
                check_json(cli, results);
        else
                check_table(cli, results);

        g_variant_iter_init(&iter, results);
        while (g_variant_iter_next(&iter, "(&s&s&s&s)", NULL, &verdict, NULL, NULL))
                if (g_str_equal(verdict, "failed"))
                        r = EXIT_FAILED;

        return r;
}

int cmd_reload(Cli *cli, char **words) {
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        r = cli_run_call(cli,
                &(const ClientCall){
                        .path = LEFT4ME_ROOT_PATH,
                        .interface = LEFT4ME_MANAGER_INTERFACE,
                        .method = "Reload",
                        .interactive = TRUE,
                },
                NULL, NULL);
        if (r == EXIT_OK && cli->json)
                json_print(cli, json_node_object(json_object_new()));
        else if (r == EXIT_OK && !cli->quiet)
                terminal_printf(&cli->out, "configuration read\n");

        return r;
}
