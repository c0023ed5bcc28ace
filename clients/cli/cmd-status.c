/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* status: everything about a server that one looks for first. */

#include <unistd.h>

#include "conflicts.h"
#include "dbus/names.h"
#include "inventory.h"
#include "json.h"
#include "logview.h"
#include "names.h"
#include "props.h"
#include "status-card.h"
#include "verbs.h"

#define LOG_LINES 10

/* The figures of all running servers, NULL when the service will not tell. */
static GVariant *get_statistics(Cli *cli) {
        const ClientCall call = {
                .path = LEFT4ME_ROOT_PATH,
                .interface = LEFT4ME_MANAGER_INTERFACE,
                .method = "GetStatistics",
                .reply = "(a{oa{sv}})",
        };
        g_autoptr(GVariant) reply = cli_call(cli, &call, NULL);

        return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

static GVariant *statistics_of(GVariant *statistics, const char *path) {
        g_autoptr(GVariantIter) iter = NULL;
        GVariant *figures;
        const char *key;

        if (statistics) {
                iter = g_variant_iter_new(statistics);
                while (g_variant_iter_next(iter, "{&o@a{sv}}", &key, &figures)) {
                        if (g_str_equal(key, path))
                                return figures;
                        g_variant_unref(figures);
                }
        }

        return g_variant_ref_sink(g_variant_new("a{sv}", NULL));
}

/*
 * Reading logs is a right of its own; whoever lacks it sees the rest of the card, and is not asked for a
 * password.
 */
static void show_log(Cli *cli, const Object *instance, int lines) {
        const LogOptions options = { .lines = lines };
        g_autoptr(GVariant) dictionary = log_options_build(cli, &options), reply = NULL;
        const ClientCall call = {
                .path = instance->path,
                .interface = LEFT4ME_INSTANCE_INTERFACE,
                .method = "OpenLog",
                .arguments = dictionary ? g_variant_new("(@a{sv})", dictionary) : NULL,
                .reply = "(h)",
        };
        g_autoptr(GError) error = NULL;
        int fd;

        if (!dictionary)
                return;

        fputc('\n', cli->out.file);
        reply = cli_call_fd(cli, &call, 0, &fd, &error);
        if (!reply) {
                g_autofree char *message = client_error_message(error);

                terminal_printf(&cli->out, "(no log: %s)\n", message);
                return;
        }

        (void) log_print(cli, fd);
        (void) close(fd);
}

static JsonObject *status_json(const Object *instance, GVariant *figures, GVariant *conflicts) {
        JsonObject *object = json_from_dictionary(instance->properties);

        conflicts_add_json(object, conflicts, TRUE);

        json_object_set_object_member(object, "statistics", json_from_dictionary(figures));
        return object;
}

static int show_all(Cli *cli, const Inventory *inventory, GPtrArray *chosen, int lines) {
        g_autoptr(GVariant) statistics = get_statistics(cli);
        JsonArray *array = json_array_new();
        guint i;

        for (i = 0; i < chosen->len; i++) {
                const Object *instance = g_ptr_array_index(chosen, i);
                g_autoptr(GVariant) figures = statistics_of(statistics, instance->path);
                g_autoptr(GVariant) conflicts = conflicts_get(cli, instance->path);

                if (cli->json) {
                        json_array_add_object_element(array, status_json(instance, figures, conflicts));
                        continue;
                }

                if (i > 0)
                        fputc('\n', cli->out.file);
                status_card(cli, instance, inventory, figures, conflicts);
                if (lines > 0)
                        show_log(cli, instance, lines);
        }

        if (cli->json)
                json_print(cli, json_node_array(array));
        else
                json_array_unref(array);

        return EXIT_OK;
}

/* The objects of those names; a name that is not there is told when all names are known. */
static int choose(Cli *cli, const Inventory *inventory, char **names, GPtrArray *chosen) {
        int r = EXIT_OK;

        for (; *names; names++) {
                Object *object = inventory_find(inventory->instances, *names);

                if (object)
                        g_ptr_array_add(chosen, object);
                else
                        r = cli_no_such(cli, LEFT4ME_INSTANCE_PREFIX, *names);
        }

        return r;
}

int cmd_status(Cli *cli, char **words) {
        int lines = -1, r;
        const GOptionEntry entries[] = {
                { "lines", 'n', 0, G_OPTION_ARG_INT, &lines, "So many lines of the log (10, of one server)",
                        "NUMBER" },
                { NULL },
        };
        g_autoptr(GPtrArray) chosen = g_ptr_array_new();
        g_autoptr(Inventory) inventory = NULL;
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) names = NULL;
        const Object *first;

        if (!cli_parse(cli, entries, &words))
                return cli->code;
        if (lines < -1)
                return cli_usage(cli, "-n %d: a number from 0 is wanted", lines);

        inventory = inventory_load(cli, &error);
        if (!inventory)
                return cli_error(cli, error);

        r = names_choose(cli, inventory, words, !*words, &names);
        if (r != EXIT_OK)
                return r;

        r = choose(cli, inventory, names, chosen);
        if (chosen->len == 0) {
                if (r == EXIT_OK && cli->json)
                        json_print(cli, json_node_array(json_array_new()));
                return r;
        }

        (void) show_all(cli, inventory, chosen,
                lines >= 0                   ? lines
                : chosen->len == 1 && *words ? LOG_LINES
                                             : 0);

        first = g_ptr_array_index(chosen, 0);
        if (r == EXIT_OK && *words && chosen->len == 1 &&
                !g_str_equal(props_string(first->properties, "ActiveState"), "active"))
                return EXIT_NOT_RUNNING;

        return r;
}
