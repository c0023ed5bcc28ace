/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* reset, delete. */

#include "ask.h"
#include "dbus/names.h"
#include "follow.h"
#include "inventory.h"
#include "json.h"
#include "names.h"
#include "verbs.h"

/* All names must be there before anybody is asked about them. */
static int ask_loss(Cli *cli, char **names, const char *doing, const char *loss) {
        g_autoptr(Inventory) inventory = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *list = NULL, *question = NULL;
        char **name;

        if (cli->yes)
                return EXIT_OK;

        inventory = inventory_load(cli, &error);
        if (!inventory)
                return cli_error(cli, error);

        for (name = names; *name; name++)
                if (!inventory_find(inventory->instances, *name))
                        return cli_no_such(cli, LEFT4ME_INSTANCE_PREFIX, *name);

        list = g_strjoinv(", ", names);
        question = g_strdup_printf("%s %s loses %s.", doing, list, loss);
        return ask_before_loss(cli, question);
}

/* Asks the service for one job after the other, and waits for all of them together. */
static int run_jobs(Cli *cli, char **names, const char *method, const char *done) {
        g_autoptr(Follow) follow = NULL;
        int r = EXIT_OK, code = EXIT_OK;

        for (; *names; names++) {
                g_autofree char *path = client_path(LEFT4ME_INSTANCE_PREFIX, *names), *success = NULL;
                const ClientCall call = {
                        .path = path,
                        .interface = LEFT4ME_INSTANCE_INTERFACE,
                        .method = method,
                        .reply = "(o)",
                        .interactive = TRUE,
                };
                g_autoptr(GVariant) reply = NULL;
                g_autoptr(GError) error = NULL;
                const char *job;

                reply = cli_call(cli, &call, &error);
                if (!reply) {
                        code = cli_error_about(cli, error, LEFT4ME_INSTANCE_PREFIX, *names);
                        continue;
                }

                g_variant_get(reply, "(&o)", &job);
                success = g_strdup_printf("%s %s", *names, done);
                if (!follow)
                        follow = follow_new(cli);
                follow_add(follow, job, success);
        }

        if (follow) {
                r = follow_run(follow);
                if (cli->json)
                        follow_print_json(follow, TRUE);
        }

        return code != EXIT_OK ? code : r;
}

int cmd_reset(Cli *cli, char **words) {
        g_auto(GStrv) names = NULL;
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        r = names_expand(cli, words, FALSE, &names);
        if (r == EXIT_OK)
                r = ask_loss(cli, names, "Resetting", "everything that the server itself has written");
        if (r != EXIT_OK)
                return r;

        return run_jobs(cli, names, "Reset", "reset");
}

int cmd_delete(Cli *cli, char **words) {
        g_auto(GStrv) names = NULL;
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        r = names_expand(cli, words, FALSE, &names);
        if (r == EXIT_OK)
                r = ask_loss(cli, names, "Deleting",
                        "the settings and everything that the server itself has written");
        if (r != EXIT_OK)
                return r;

        return run_jobs(cli, names, "Delete", "deleted");
}
