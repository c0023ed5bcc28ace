/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* shield off, count, on, set: flood limits. */

#include <stdint.h>

#include "dbus/names.h"
#include "json.h"
#include "shield.h"
#include "verbs.h"

const char *const shield_kinds[] = { "info", "players", "rules", "challenge", "connect", "lobby", "other",
        NULL };

static gboolean check_kind(Cli *cli, const char *kind) {
        g_autofree char *kinds = NULL;

        if (g_strv_contains(shield_kinds, kind))
                return TRUE;

        kinds = g_strjoinv(", ", (char **) (uintptr_t) shield_kinds);
        (void) cli_usage(cli, "'%s' is no kind of packets; %s are", kind, kinds);
        return FALSE;
}

/* settings: an a{sv}, taken if floating. */
static int configure(Cli *cli, GVariant *settings, const char *done) {
        int r;

        r = cli_run_call(cli,
                &(const ClientCall){
                        .path = LEFT4ME_SHIELD_PATH,
                        .interface = LEFT4ME_SHIELD_INTERFACE,
                        .method = "Configure",
                        .arguments = g_variant_new("(@a{sv})", settings),
                        .interactive = TRUE,
                },
                NULL, NULL);
        if (r == EXIT_OK && cli->json)
                json_print(cli, json_node_object(json_object_new()));
        else if (r == EXIT_OK && !cli->quiet)
                terminal_printf(&cli->out, "%s\n", done);

        return r;
}

static int set_mode(Cli *cli, char **words, const char *mode, const char *done) {
        GVariantDict dict;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        g_variant_dict_init(&dict, NULL);
        g_variant_dict_insert(&dict, "Mode", "s", mode);
        return configure(cli, g_variant_dict_end(&dict), done);
}

int cmd_shield_off(Cli *cli, char **words) {
        return set_mode(cli, words, "off", "the shield is off");
}

int cmd_shield_count(Cli *cli, char **words) {
        return set_mode(
                cli, words, "count", "the shield counts what is above its limits, and drops nothing");
}

int cmd_shield_on(Cli *cli, char **words) {
        return set_mode(cli, words, "on", "the shield is on");
}

static gboolean add_number(
        Cli *cli, GVariantDict *dict, const char *option, const char *key, const char *text) {
        guint64 number;

        if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &number, NULL)) {
                (void) cli_usage(cli, "--%s: '%s' is no number", option, text);
                return FALSE;
        }

        g_variant_dict_insert(dict, key, "u", (guint32) number);
        return TRUE;
}

/* "RATE", "RATE/BURST" or "/BURST", of a kind and "Source" or "Port". */
static gboolean add_limit(Cli *cli, GVariantDict *dict, const char *kind, const char *of, const char *text) {
        g_autofree char *option = g_ascii_strdown(of, -1), *rate = NULL, *burst = NULL;
        g_auto(GStrv) parts = NULL;

        if (!text)
                return TRUE;

        parts = g_strsplit(text, "/", 2);
        if (!parts[0] || (!*parts[0] && !parts[1])) {
                (void) cli_usage(cli, "--%s: RATE, RATE/BURST or /BURST is wanted", option);
                return FALSE;
        }

        rate = g_strdup_printf("%c%s%sRate", g_ascii_toupper(*kind), kind + 1, of);
        burst = g_strdup_printf("%c%s%sBurst", g_ascii_toupper(*kind), kind + 1, of);
        return (!*parts[0] || add_number(cli, dict, option, rate, parts[0])) &&
               (!parts[1] || add_number(cli, dict, option, burst, parts[1]));
}

int cmd_shield_set(Cli *cli, char **words) {
        g_autofree char *source = NULL, *port = NULL, *length = NULL;
        g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);
        gboolean defaults = FALSE;
        const GOptionEntry entries[] = {
                { "source", 0, 0, G_OPTION_ARG_STRING, &source,
                        "Packets of one source: a second, and at once", "RATE[/BURST]" },
                { "port", 0, 0, G_OPTION_ARG_STRING, &port, "And from all sources together",
                        "RATE[/BURST]" },
                { "max-length", 0, 0, G_OPTION_ARG_STRING, &length, "Of any datagram's payload", "BYTES" },
                { "defaults", 0, 0, G_OPTION_ARG_NONE, &defaults, "All limits as they came, but for these",
                        NULL },
                { NULL },
        };

        if (!cli_parse(cli, entries, &words))
                return cli->code;
        if (*words && !check_kind(cli, *words))
                return EXIT_USAGE;
        if (!*words && (source || port))
                return cli_usage(cli, "--%s is of a kind: left4mectl shield set KIND --%s %s",
                        source ? "source" : "port", source ? "source" : "port", source ? source : port);
        if (*words && !source && !port)
                return cli_usage(cli, "--source or --port is wanted: what %s may have", *words);
        if (!source && !port && !length && !defaults)
                return cli_usage(cli, "nothing to set; left4mectl shield set --help tells what there is");

        if (*words && (!add_limit(cli, &dict, *words, "Source", source) ||
                              !add_limit(cli, &dict, *words, "Port", port)))
                return EXIT_USAGE;
        if (length && !add_number(cli, &dict, "max-length", "MaximumLength", length))
                return EXIT_USAGE;
        if (defaults)
                g_variant_dict_insert(&dict, "Reset", "b", TRUE);

        return configure(cli, g_variant_dict_end(&dict), "the shield's limits are set");
}
