/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qos-servers.h"
#include "format.h"
#include "props.h"
#include "table.h"
#include "terminal.h"

static void print_head(Cli *cli, GVariant *properties, GVariant *statistics) {
        const char *state = props_string(properties, "Firewall");
        gboolean marking = props_boolean(properties, "Marking");

        terminal_put(&cli->out, STYLE_NONE, "Marks: ");
        terminal_put(&cli->out, marking ? STYLE_GREEN : STYLE_YELLOW, marking ? "on" : "off");
        if (marking)
                terminal_printf(&cli->out, " (DSCP %s, priority %s)", props_string(properties, "DSCP"),
                        props_string(properties, "Priority"));
        terminal_put(&cli->out, STYLE_NONE, ", firewall: ");
        terminal_put(&cli->out, g_str_equal(state, "active") ? STYLE_GREEN : STYLE_RED, state);
        terminal_printf(&cli->out, ", RCON from outside dropped: %" G_GUINT64_FORMAT "\n",
                props_uint(statistics, "RconDropped"));
}

/* By name, as both lists are sorted; a server may have come or gone between the two answers. */
static gboolean find_marked(GVariant *servers, const char *name, guint64 *ret_packets, guint64 *ret_bytes) {
        GVariantIter iter;
        const char *server;

        g_variant_iter_init(&iter, servers);
        while (g_variant_iter_next(&iter, "(&stt)", &server, ret_packets, ret_bytes))
                if (g_str_equal(server, name))
                        return TRUE;

        return FALSE;
}

void qos_servers_print(Cli *cli, GVariant *properties, GVariant *statistics) {
        static const TableColumn columns[] = {
                { "SERVER", TABLE_LEFT },
                { "PORT", TABLE_RIGHT },
                { "RCON", TABLE_LEFT },
                { "MARKED", TABLE_RIGHT },
                { "BYTES", TABLE_RIGHT },
        };
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
        g_autoptr(GVariant) ports = props_value(properties, "OpenPorts", "a(sqb)"),
                            servers = props_value(statistics, "Servers", "a(stt)");
        GVariantIter iter;
        const char *name;
        gboolean rcon;
        guint16 port;

        if (!cli->quiet)
                print_head(cli, properties, statistics);
        if (g_variant_n_children(ports) == 0)
                return;

        g_variant_iter_init(&iter, ports);
        while (g_variant_iter_next(&iter, "(&sqb)", &name, &port, &rcon)) {
                guint64 packets = 0, bytes = 0;
                gboolean known = find_marked(servers, name, &packets, &bytes);
                g_autofree char *number = g_strdup_printf("%u", port),
                                *marked = known ? g_strdup_printf("%" G_GUINT64_FORMAT, packets)
                                                : g_strdup("-"),
                                *size = known ? format_bytes(bytes) : g_strdup("-");

                table_add(table, name, number, rcon ? "open" : "shut", marked, size, NULL);
                if (rcon)
                        table_style(table, 2, STYLE_YELLOW);
        }

        table_print(table, &cli->out, !cli->quiet);
}
