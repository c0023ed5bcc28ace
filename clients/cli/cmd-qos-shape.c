/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qos shape, qos unshape. What the values may be, the service knows; here they only become numbers. */

#include <stdlib.h>

#include "dbus/names.h"
#include "inventory.h"
#include "json.h"
#include "props.h"
#include "qos-shapers.h"
#include "quantity.h"
#include "verbs.h"

typedef struct {
        char *bandwidth, *ingress, *rtt, *overhead, *mpu;
        char *preset, *isolation, *link_layer, *ack_filter;
        gboolean nat, wash, takeover;
} Options;

static void options_clear(Options *o) {
        g_free(o->bandwidth);
        g_free(o->ingress);
        g_free(o->rtt);
        g_free(o->overhead);
        g_free(o->mpu);
        g_free(o->preset);
        g_free(o->isolation);
        g_free(o->link_layer);
        g_free(o->ack_filter);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* What lines add to packets: tc-cake's words for it. */
static const struct {
        const char *word;
        int overhead;
        unsigned mpu;
        const char *link_layer;
} lines[] = {
        { "ethernet", 38, 84, NULL },
        { "docsis", 18, 64, NULL },
        { "pppoe-ptm", 30, 0, "ptm" },
        { "bridged-ptm", 22, 0, "ptm" },
        { "conservative", 48, 0, "atm" },
};

static gboolean add_rate(Cli *cli, GVariantDict *dict, const char *key, const char *text) {
        uint64_t rate;

        if (!text)
                return TRUE;
        if (!quantity_parse_rate(text, &rate)) {
                (void) cli_usage(cli, "'%s' is no rate; 450M and 1.5Gbit are", text);
                return FALSE;
        }

        g_variant_dict_insert(dict, key, "t", rate);
        return TRUE;
}

static gboolean add_rtt(Cli *cli, GVariantDict *dict, const char *text) {
        uint64_t rtt;

        if (!text)
                return TRUE;
        if (!quantity_parse_rtt(text, &rtt)) {
                (void) cli_usage(cli, "'%s' is no round trip time; 100ms and internet are", text);
                return FALSE;
        }

        g_variant_dict_insert(dict, "Rtt", "t", rtt);
        return TRUE;
}

static gboolean add_number(
        Cli *cli, GVariantDict *dict, const char *key, const char *type, const char *text) {
        gint64 number;

        if (!text)
                return TRUE;
        if (!g_ascii_string_to_signed(text, 10, *type == 'u' ? 0 : G_MININT32, G_MAXINT32, &number, NULL)) {
                (void) cli_usage(cli, "'%s' is no number of bytes", text);
                return FALSE;
        }

        g_variant_dict_insert(dict, key, type, (int) number);
        return TRUE;
}

static gboolean add_overhead(Cli *cli, GVariantDict *dict, const char *text) {
        for (unsigned i = 0; text && i < G_N_ELEMENTS(lines); i++)
                if (g_str_equal(text, lines[i].word)) {
                        g_variant_dict_insert(dict, "Overhead", "i", lines[i].overhead);
                        if (lines[i].mpu > 0)
                                g_variant_dict_insert(dict, "Mpu", "u", lines[i].mpu);
                        if (lines[i].link_layer)
                                g_variant_dict_insert(dict, "LinkLayer", "s", lines[i].link_layer);
                        return TRUE;
                }

        return add_number(cli, dict, "Overhead", "i", text);
}

static void add_word(GVariantDict *dict, const char *key, const char *text) {
        if (text)
                g_variant_dict_insert(dict, key, "s", text);
}

static void add_flag(GVariantDict *dict, const char *key, gboolean flag) {
        if (flag)
                g_variant_dict_insert(dict, key, "b", TRUE);
}

/* What is said of its own outweighs the word for a line. */
static GVariant *build(Cli *cli, const Options *o) {
        g_autoptr(GVariantDict) dict = g_variant_dict_new(NULL);

        if (!add_rate(cli, dict, "Bandwidth", o->bandwidth) || !add_rate(cli, dict, "Ingress", o->ingress) ||
                !add_rtt(cli, dict, o->rtt) || !add_overhead(cli, dict, o->overhead) ||
                !add_number(cli, dict, "Mpu", "u", o->mpu))
                return NULL;

        add_word(dict, "Preset", o->preset);
        add_word(dict, "Isolation", o->isolation);
        add_word(dict, "LinkLayer", o->link_layer);
        add_word(dict, "AckFilter", o->ack_filter);
        add_flag(dict, "Nat", o->nat);
        add_flag(dict, "Wash", o->wash);
        add_flag(dict, "Takeover", o->takeover);
        return g_variant_ref_sink(g_variant_dict_end(dict));
}

static void print_document(Cli *cli, const char *interface, GVariant *shaper) {
        JsonObject *object = shaper ? json_from_dictionary(shaper) : json_object_new();

        json_object_set_string_member(object, "interface", interface);
        json_print(cli, json_node_object(object));
}

static int show_shaped(Cli *cli, const char *interface) {
        g_autoptr(GVariant) properties = NULL, shapers = NULL, shaper = NULL;
        g_autofree char *rate = NULL;

        properties = inventory_get_all(cli, LEFT4ME_QOS_PATH, LEFT4ME_QOS_INTERFACE, NULL);
        if (!properties)
                return EXIT_OK;

        if (cli->json) {
                shapers = props_value(properties, "Shapers", "a{sa{sv}}");
                shaper = g_variant_lookup_value(shapers, interface, G_VARIANT_TYPE_VARDICT);
                print_document(cli, interface, shaper);
                return EXIT_OK;
        }

        rate = quantity_format_rate(qos_shapers_rate(properties, interface));
        if (!cli->quiet)
                terminal_printf(&cli->out, "%s shaped: %s\n", interface, rate);
        qos_shapers_warn(cli, properties, interface);
        return EXIT_OK;
}

int cmd_qos_shape(Cli *cli, char **words) {
        g_auto(Options) o = { 0 };
        const GOptionEntry entries[] = {
                { "bandwidth", 'b', 0, G_OPTION_ARG_STRING, &o.bandwidth,
                        "What goes out at most, or unlimited", "RATE" },
                { "ingress", 0, 0, G_OPTION_ARG_STRING, &o.ingress, "What comes in at most", "RATE" },
                { "rtt", 0, 0, G_OPTION_ARG_STRING, &o.rtt, "Typical round trip time (internet: 100ms)",
                        "TIME" },
                { "preset", 0, 0, G_OPTION_ARG_STRING, &o.preset, "How packets are sorted (diffserv4)",
                        "PRESET" },
                { "overhead", 0, 0, G_OPTION_ARG_STRING, &o.overhead, "What the line adds to each packet",
                        "BYTES|LINE" },
                { "mpu", 0, 0, G_OPTION_ARG_STRING, &o.mpu, "The least that a packet takes on the line",
                        "BYTES" },
                { "link-layer", 0, 0, G_OPTION_ARG_STRING, &o.link_layer, "noatm, atm or ptm", "LAYER" },
                { "isolation", 0, 0, G_OPTION_ARG_STRING, &o.isolation,
                        "Between whom it is fair (triple-isolate)", "FLOWS" },
                { "nat", 0, 0, G_OPTION_ARG_NONE, &o.nat, "Look behind address translation", NULL },
                { "wash", 0, 0, G_OPTION_ARG_NONE, &o.wash, "Clear the marks of what goes out", NULL },
                { "ack-filter", 0, 0, G_OPTION_ARG_STRING, &o.ack_filter,
                        "no-ack-filter, ack-filter or ack-filter-aggressive", "FILTER" },
                { "takeover", 0, 0, G_OPTION_ARG_NONE, &o.takeover,
                        "Also where another program manages the queue", NULL },
                { NULL },
        };
        g_autoptr(GVariant) options = NULL;
        int r;

        if (!cli_parse(cli, entries, &words))
                return cli->code;
        if (!o.bandwidth)
                return cli_usage(cli, "how fast? --bandwidth 450M, or --bandwidth unlimited");

        options = build(cli, &o);
        if (!options)
                return EXIT_USAGE;

        r = cli_run_call(cli,
                &(const ClientCall){
                        .path = LEFT4ME_QOS_PATH,
                        .interface = LEFT4ME_QOS_INTERFACE,
                        .method = "SetShaper",
                        .arguments = g_variant_new("(s@a{sv})", words[0], options),
                        .interactive = TRUE,
                },
                NULL, NULL);
        return r == EXIT_OK ? show_shaped(cli, words[0]) : r;
}

int cmd_qos_unshape(Cli *cli, char **words) {
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        r = cli_run_call(cli,
                &(const ClientCall){
                        .path = LEFT4ME_QOS_PATH,
                        .interface = LEFT4ME_QOS_INTERFACE,
                        .method = "ClearShaper",
                        .arguments = g_variant_new("(s)", words[0]),
                        .interactive = TRUE,
                },
                NULL, NULL);
        if (r == EXIT_OK && cli->json)
                print_document(cli, words[0], NULL);
        else if (r == EXIT_OK && !cli->quiet)
                terminal_printf(&cli->out, "%s is shaped no more\n", words[0]);

        return r;
}
