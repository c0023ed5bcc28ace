/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qos show, on, off: what the host's network does for game packets. */

#include "dbus/names.h"
#include "inventory.h"
#include "json.h"
#include "qos-servers.h"
#include "qos-shapers.h"
#include "verbs.h"

/* As clear(1) does it, without a blink in between. */
#define CLEAR "\033[H\033[J"

static GVariant *get_statistics(Cli *cli, GError **error) {
        g_autoptr(GVariant) reply = cli_call(cli,
                &(const ClientCall){
                        .path = LEFT4ME_QOS_PATH,
                        .interface = LEFT4ME_QOS_INTERFACE,
                        .method = "GetStatistics",
                        .reply = "(a{sv})",
                },
                error);

        return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

static void show_json(Cli *cli, GVariant *properties, GVariant *statistics, gboolean stream) {
        JsonObject *object = json_from_dictionary(properties);

        json_object_set_object_member(object, "statistics", json_from_dictionary(statistics));
        if (stream)
                json_print_line(cli, json_node_object(object));
        else
                json_print(cli, json_node_object(object));
}

static int show(Cli *cli, gboolean watch) {
        g_autoptr(GVariant) properties = NULL, statistics = NULL;
        g_autoptr(GError) error = NULL;

        properties = inventory_get_all(cli, LEFT4ME_QOS_PATH, LEFT4ME_QOS_INTERFACE, &error);
        if (properties)
                statistics = get_statistics(cli, &error);
        if (!statistics)
                return cli_error(cli, error);

        if (cli->json) {
                show_json(cli, properties, statistics, watch);
                return EXIT_OK;
        }

        if (watch && cli->out.tty)
                fputs(CLEAR, cli->out.file);
        qos_servers_print(cli, properties, statistics);
        qos_shapers_print(cli, properties, statistics);
        if (!watch)
                qos_shapers_warn(cli, properties, NULL);
        fflush(cli->out.file);
        return EXIT_OK;
}

int cmd_qos_show(Cli *cli, char **words) {
        gboolean watch = FALSE;
        const GOptionEntry entries[] = {
                { "watch", 'w', 0, G_OPTION_ARG_NONE, &watch, "Show it again every second", NULL },
                { NULL },
        };
        int r;

        if (!cli_parse(cli, entries, &words))
                return cli->code;

        /* Ctrl-C ends it, or who reads it. */
        while ((r = show(cli, watch)) == EXIT_OK && watch && !ferror(cli->out.file))
                g_usleep(G_USEC_PER_SEC);

        return r;
}

static int set_marking(Cli *cli, char **words, gboolean on) {
        JsonObject *object;
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        r = cli_run_call(cli,
                &(const ClientCall){
                        .path = LEFT4ME_QOS_PATH,
                        .interface = LEFT4ME_QOS_INTERFACE,
                        .method = "SetMarking",
                        .arguments = g_variant_new("(b)", on),
                        .interactive = TRUE,
                },
                NULL, NULL);
        if (r == EXIT_OK && cli->json) {
                object = json_object_new();
                json_object_set_boolean_member(object, "marking", on);
                json_print(cli, json_node_object(object));
        } else if (r == EXIT_OK && !cli->quiet)
                terminal_printf(&cli->out, on ? "what game servers send is marked\n"
                                              : "what game servers send is not marked\n");

        return r;
}

int cmd_qos_on(Cli *cli, char **words) {
        return set_marking(cli, words, TRUE);
}

int cmd_qos_off(Cli *cli, char **words) {
        return set_marking(cli, words, FALSE);
}
