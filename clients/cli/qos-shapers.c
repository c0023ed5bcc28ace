/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qos-shapers.h"
#include "format.h"
#include "props.h"
#include "quantity.h"
#include "table.h"

static char *describe_line(GVariant *shaper) {
        g_autofree char *rtt = quantity_format_usec(props_uint(shaper, "Rtt"));
        const char *isolation = props_string(shaper, "Isolation"), *ack = props_string(shaper, "AckFilter"),
                   *layer = props_string(shaper, "LinkLayer");
        GString *text = g_string_new("rtt ");
        int overhead;

        g_string_append(text, rtt);
        if (g_variant_lookup(shaper, "Overhead", "i", &overhead))
                g_string_append_printf(text, ", overhead %d", overhead);
        if (props_uint(shaper, "Mpu") > 0)
                g_string_append_printf(text, ", mpu %u", (unsigned) props_uint(shaper, "Mpu"));
        if (!g_str_equal(layer, "noatm"))
                g_string_append_printf(text, ", %s", layer);
        if (!g_str_equal(isolation, "triple-isolate"))
                g_string_append_printf(text, ", %s", isolation);
        if (props_boolean(shaper, "Nat"))
                g_string_append(text, ", nat");
        if (props_boolean(shaper, "Wash"))
                g_string_append(text, ", wash");
        if (!g_str_equal(ack, "no-ack-filter"))
                g_string_append_printf(text, ", %s", ack);
        if (props_boolean(shaper, "Takeover"))
                g_string_append(text, ", takeover");

        return g_string_free(text, FALSE);
}

static void print_shapers(Cli *cli, GVariant *shapers) {
        static const TableColumn columns[] = {
                { "INTERFACE", TABLE_LEFT },
                { "BANDWIDTH", TABLE_RIGHT },
                { "INGRESS", TABLE_RIGHT },
                { "PRESET", TABLE_LEFT },
                { "LINE", TABLE_LEFT },
                { "STATE", TABLE_WRAP },
        };
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
        GVariantIter iter;
        const char *interface;
        GVariant *shaper;

        g_variant_iter_init(&iter, shapers);
        while (g_variant_iter_loop(&iter, "{&s@a{sv}}", &interface, &shaper)) {
                uint64_t ingress = props_uint(shaper, "Ingress");
                g_autofree char *rate = quantity_format_rate(props_uint(shaper, "Bandwidth")),
                                *in = ingress > 0 ? quantity_format_rate(ingress) : g_strdup("-"),
                                *line = describe_line(shaper);
                const char *state = props_string(shaper, "State");

                table_add(table, interface, rate, in, props_string(shaper, "Preset"), line, state, NULL);
                table_style(table, 5, g_str_equal(state, "active") ? STYLE_GREEN : STYLE_YELLOW);
        }

        table_print(table, &cli->out, !cli->quiet);
}

static char *number(uint64_t n) {
        return g_strdup_printf("%" G_GUINT64_FORMAT, n);
}

static void add_tin(Table *table, GVariant *queue, GVariant *tin, gboolean first) {
        g_autofree char *rate = quantity_format_rate(props_uint(tin, "Threshold")),
                        *packets = number(props_uint(tin, "Packets")),
                        *bytes = format_bytes(props_uint(tin, "Bytes")),
                        *drops = number(props_uint(tin, "Drops")), *marks = number(props_uint(tin, "Marks")),
                        *waiting = format_bytes(props_uint(tin, "Backlog")),
                        *average = quantity_format_usec(props_uint(tin, "AverageDelay")),
                        *peak = quantity_format_usec(props_uint(tin, "PeakDelay"));
        gboolean ingress = props_boolean(queue, "Ingress"), limited = props_uint(queue, "Bandwidth") > 0;

        table_add(table, first ? props_string(queue, "Interface") : "",
                !first    ? ""
                : ingress ? "in"
                          : "out",
                props_string(tin, "Name"), limited ? rate : "-", packets, bytes, drops, marks, waiting,
                average, peak, NULL);
}

static void print_tins(Cli *cli, GVariant *queues) {
        static const TableColumn columns[] = {
                { "INTERFACE", TABLE_LEFT },
                { "WAY", TABLE_LEFT },
                { "TIN", TABLE_LEFT },
                { "THRESHOLD", TABLE_RIGHT },
                { "PACKETS", TABLE_RIGHT },
                { "BYTES", TABLE_RIGHT },
                { "DROPS", TABLE_RIGHT },
                { "MARKS", TABLE_RIGHT },
                { "WAITING", TABLE_RIGHT },
                { "DELAY", TABLE_RIGHT },
                { "PEAK", TABLE_RIGHT },
        };
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
        gsize i, k;

        for (i = 0; i < g_variant_n_children(queues); i++) {
                g_autoptr(GVariant) queue = g_variant_get_child_value(queues, i);
                g_autoptr(GVariant) tins = props_value(queue, "Tins", "aa{sv}");

                for (k = 0; k < g_variant_n_children(tins); k++) {
                        g_autoptr(GVariant) tin = g_variant_get_child_value(tins, k);

                        add_tin(table, queue, tin, k == 0);
                }
        }

        table_print(table, &cli->out, !cli->quiet);
}

void qos_shapers_print(Cli *cli, GVariant *properties, GVariant *statistics) {
        g_autoptr(GVariant) shapers = props_value(properties, "Shapers", "a{sa{sv}}");
        g_autoptr(GVariant) queues = props_value(statistics, "Shapers", "aa{sv}");

        if (g_variant_n_children(shapers) == 0) {
                if (!cli->quiet)
                        terminal_printf(&cli->out,
                                "No queue is shaped: left4mectl qos shape INTERFACE --bandwidth RATE\n");
                return;
        }

        print_shapers(cli, shapers);
        if (g_variant_n_children(queues) == 0)
                return;

        fputc('\n', cli->out.file);
        print_tins(cli, queues);
}

void qos_shapers_warn(Cli *cli, GVariant *properties, const char *interface) {
        g_autoptr(GVariant) shapers = props_value(properties, "Shapers", "a{sa{sv}}");
        GVariantIter iter;
        const char *name;
        GVariant *shaper;

        g_variant_iter_init(&iter, shapers);
        while (g_variant_iter_loop(&iter, "{&s@a{sv}}", &name, &shaper)) {
                const char *warning = props_string(shaper, "Warning");

                if (*warning && (!interface || g_str_equal(name, interface)))
                        cli_complain(cli, "%s: %s", name, warning);
        }
}

uint64_t qos_shapers_rate(GVariant *properties, const char *interface) {
        g_autoptr(GVariant) shapers = props_value(properties, "Shapers", "a{sa{sv}}");
        g_autoptr(GVariant) shaper = g_variant_lookup_value(shapers, interface, G_VARIANT_TYPE_VARDICT);

        return shaper && g_str_equal(props_string(shaper, "State"), "active")
                       ? props_uint(shaper, "Bandwidth")
                       : 0;
}
