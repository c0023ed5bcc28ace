/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* shield show: flood limits, what they counted, and who went over them. */

#include "card.h"
#include "dbus/names.h"
#include "format.h"
#include "inventory.h"
#include "json.h"
#include "props.h"
#include "shield.h"
#include "style.h"
#include "table.h"
#include "verbs.h"

/* What is shown; the figures are empty when the service could not tell them. */
typedef struct {
        GVariant *properties; /* a{sv} */
        GVariant *limits;     /* a{su} */
        GVariant *figures;    /* a{sv} */
        Inventory *inventory; /* whose port is whose */
} Shield;

static guint64 limit_of(const Shield *s, const char *kind, const char *suffix) {
        g_autofree char *key = g_strdup_printf("%c%s%s", g_ascii_toupper(*kind), kind + 1, suffix);
        guint32 value = 0;

        (void) g_variant_lookup(s->limits, key, "u", &value);
        return value;
}

static guint64 counter_of(const Shield *s, const char *name, const char *kind) {
        g_autoptr(GVariant) counters = props_value(s->figures, name, "a{st}");
        guint64 value = 0;

        (void) g_variant_lookup(counters, kind, "t", &value);
        return value;
}

static const char *server_at(const Shield *s, guint port) {
        for (guint i = 0; i < s->inventory->instances->len; i++) {
                const Object *object = g_ptr_array_index(s->inventory->instances, i);

                if (props_uint(object->properties, "Port") == port)
                        return object->name;
        }

        return "";
}

/* -- JSON ------------------------------------------------------------------------------------------------------ */

static JsonObject *kind_json(const Shield *s, const char *kind) {
        static const char *const numbers[] = { "SourceRate", "SourceBurst", "PortRate", "PortBurst" },
                                 *const counters[] = { "Passed", "OverSource", "OverPort" };
        JsonObject *object = json_object_new();

        json_object_set_string_member(object, "kind", kind);
        for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++) {
                g_autofree char *name = format_snake_case(numbers[i]);

                json_object_set_int_member(object, name, (gint64) limit_of(s, kind, numbers[i]));
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(counters); i++) {
                g_autofree char *name = format_snake_case(counters[i]);

                json_object_set_int_member(object, name, (gint64) counter_of(s, counters[i], kind));
        }

        return object;
}

static JsonArray *sources_json(const Shield *s) {
        g_autoptr(GVariant) sources = props_value(s->figures, "Sources", "a(sqsttt)");
        JsonArray *array = json_array_new();
        guint64 packets, bytes, last;
        const char *address, *kind;
        GVariantIter iter;
        guint16 port;

        g_variant_iter_init(&iter, sources);
        while (g_variant_iter_next(&iter, "(&sq&sttt)", &address, &port, &kind, &packets, &bytes, &last)) {
                JsonObject *object = json_object_new();

                json_object_set_string_member(object, "address", address);
                json_object_set_int_member(object, "port", port);
                json_object_set_string_member(object, "server", server_at(s, port));
                json_object_set_string_member(object, "kind", kind);
                json_object_set_int_member(object, "packets", (gint64) packets);
                json_object_set_int_member(object, "bytes", (gint64) bytes);
                json_object_set_int_member(object, "last", (gint64) last);
                json_array_add_object_element(array, object);
        }

        return array;
}

static void show_json(Cli *cli, const Shield *s) {
        JsonObject *document = json_object_new();
        JsonArray *array = json_array_new();
        guint32 length = 0;

        (void) g_variant_lookup(s->limits, "MaximumLength", "u", &length);
        for (const char *const *kind = shield_kinds; *kind; kind++)
                json_array_add_object_element(array, kind_json(s, *kind));

        json_object_set_string_member(document, "mode", props_string(s->properties, "Mode"));
        json_object_set_string_member(document, "state", props_string(s->properties, "State"));
        json_object_set_int_member(document, "maximum_length", length);
        json_object_set_array_member(document, "kinds", array);
        json_object_set_int_member(document, "empty", (gint64) props_uint(s->figures, "Empty"));
        json_object_set_int_member(document, "malformed", (gint64) props_uint(s->figures, "Malformed"));
        json_object_set_array_member(document, "sources", sources_json(s));
        json_object_set_int_member(
                document, "sources_total", (gint64) props_uint(s->figures, "SourcesTotal"));
        json_print(cli, json_node_object(document));
}

/* -- tables ---------------------------------------------------------------------------------------------------- */

static void print_card(Cli *cli, const Shield *s) {
        const char *mode = props_string(s->properties, "Mode"),
                   *state = props_string(s->properties, "State");
        gboolean well = g_str_equal(state, "active") || g_str_equal(state, mode);
        g_autofree char *length = NULL, *bad = NULL;
        guint32 maximum = 0;

        (void) g_variant_lookup(s->limits, "MaximumLength", "u", &maximum);
        length = g_strdup_printf("%u bytes at most", maximum);
        bad = g_strdup_printf("%" G_GUINT64_FORMAT " empty, %" G_GUINT64_FORMAT " malformed",
                props_uint(s->figures, "Empty"), props_uint(s->figures, "Malformed"));

        card_heading(cli,
                !well                        ? STYLE_RED
                : g_str_equal(mode, "on")    ? STYLE_GREEN
                : g_str_equal(mode, "count") ? STYLE_YELLOW
                                             : STYLE_DIM,
                "shield");
        card_line(cli, "Mode",
                g_str_equal(mode, "count") ? "count: what is above the limits is counted, not dropped"
                                           : mode);
        card_line_styled(cli, "State", state, well ? STYLE_NONE : STYLE_RED);
        card_line(cli, "Datagrams", length);
        card_line(cli, "Nobody's", bad);
}

static void print_kinds(Cli *cli, const Shield *s) {
        static const TableColumn columns[] = {
                { "KIND", TABLE_LEFT },
                { "SOURCE", TABLE_RIGHT },
                { "PORT", TABLE_RIGHT },
                { "PASSED", TABLE_RIGHT },
                { "OVER SOURCE", TABLE_RIGHT },
                { "OVER PORT", TABLE_RIGHT },
        };
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));

        for (const char *const *kind = shield_kinds; *kind; kind++) {
                guint64 over_source = counter_of(s, "OverSource", *kind),
                        over_port = counter_of(s, "OverPort", *kind);
                g_autofree char *source = g_strdup_printf("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT,
                                        limit_of(s, *kind, "SourceRate"), limit_of(s, *kind, "SourceBurst")),
                                *port = g_strdup_printf("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT,
                                        limit_of(s, *kind, "PortRate"), limit_of(s, *kind, "PortBurst")),
                                *passed = g_strdup_printf(
                                        "%" G_GUINT64_FORMAT, counter_of(s, "Passed", *kind)),
                                *by_source = g_strdup_printf("%" G_GUINT64_FORMAT, over_source),
                                *by_port = g_strdup_printf("%" G_GUINT64_FORMAT, over_port);

                table_add(table, *kind, source, port, passed, by_source, by_port, NULL);
                table_style(table, 4, over_source > 0 ? STYLE_YELLOW : STYLE_NONE);
                table_style(table, 5, over_port > 0 ? STYLE_YELLOW : STYLE_NONE);
        }

        fputc('\n', cli->out.file);
        table_print(table, &cli->out, !cli->quiet);
}

static void print_sources(Cli *cli, const Shield *s, int lines) {
        static const TableColumn columns[] = {
                { "SOURCE", TABLE_LEFT },
                { "PORT", TABLE_RIGHT },
                { "SERVER", TABLE_SHRINK },
                { "KIND", TABLE_LEFT },
                { "PACKETS", TABLE_RIGHT },
                { "BYTES", TABLE_RIGHT },
                { "LAST", TABLE_LEFT },
        };
        g_autoptr(GVariant) sources = props_value(s->figures, "Sources", "a(sqsttt)");
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
        guint64 packets, bytes, last, total = props_uint(s->figures, "SourcesTotal");
        const char *address, *kind;
        GVariantIter iter;
        guint16 port;
        int n = 0;

        g_variant_iter_init(&iter, sources);
        while (n < lines &&
                g_variant_iter_next(&iter, "(&sq&sttt)", &address, &port, &kind, &packets, &bytes, &last)) {
                g_autofree char *number = g_strdup_printf("%u", port),
                                *count = g_strdup_printf("%" G_GUINT64_FORMAT, packets),
                                *size = format_bytes(bytes),
                                *ago = format_ago(last, (uint64_t) g_get_real_time());

                table_add(table, address, number, server_at(s, port), kind, count, size, ago, NULL);
                n++;
        }

        if (n == 0)
                return;

        fputc('\n', cli->out.file);
        table_print(table, &cli->out, !cli->quiet);
        if (total > (guint64) n && !cli->quiet)
                terminal_printf(&cli->out, "%" G_GUINT64_FORMAT " more\n", total - (guint64) n);
}

int cmd_shield_show(Cli *cli, char **words) {
        int lines = 10;
        const GOptionEntry entries[] = {
                { "sources", 'n', 0, G_OPTION_ARG_INT, &lines, "How many sources (default: 10)", "NUMBER" },
                { NULL },
        };
        g_autoptr(GVariant) properties = NULL, limits = NULL, reply = NULL, figures = NULL;
        g_autoptr(Inventory) inventory = NULL;
        g_autoptr(GError) error = NULL;
        Shield s;

        if (!cli_parse(cli, entries, &words))
                return cli->code;
        if (lines < 0)
                return cli_usage(cli, "--sources %d: a number from 0 is wanted", lines);

        properties = inventory_get_all(cli, LEFT4ME_SHIELD_PATH, LEFT4ME_SHIELD_INTERFACE, &error);
        inventory = properties ? inventory_load(cli, &error) : NULL;
        reply = inventory ? cli_call(cli,
                                    &(const ClientCall){
                                            .path = LEFT4ME_SHIELD_PATH,
                                            .interface = LEFT4ME_SHIELD_INTERFACE,
                                            .method = "GetStatistics",
                                            .reply = "(a{sv})",
                                    },
                                    &error)
                          : NULL;
        if (!reply)
                return cli_error(cli, error);

        limits = props_value(properties, "Limits", "a{su}");
        figures = g_variant_get_child_value(reply, 0);
        s = (Shield){ properties, limits, figures, inventory };
        if (cli->json) {
                show_json(cli, &s);
                return EXIT_OK;
        }

        print_card(cli, &s);
        print_kinds(cli, &s);
        print_sources(cli, &s, lines);
        return EXIT_OK;
}
