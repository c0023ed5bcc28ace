/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "status-card.h"
#include "card.h"
#include "conflicts.h"
#include "format.h"
#include "props.h"
#include "settings.h"
#include "style.h"
#include "when-empty.h"

static void add_state(Cli *cli, GVariant *p) {
        const char *active = props_string(p, "ActiveState"), *sub = props_string(p, "SubState");
        const char *state = format_state(active, sub);
        uint64_t restarts = props_uint(p, "Restarts");
        g_autoptr(GVariant) last = props_value(p, "LastExit", "(sit)");
        g_autofree char *text = NULL, *port = NULL, *exit = NULL;
        const char *result;
        gboolean plain;
        guint64 at;
        gint32 status;

        plain = g_str_equal(state, sub) || g_str_equal(active, "inactive");
        text = plain ? g_strdup(state) : g_strdup_printf("%s (%s)", state, sub);
        card_line_styled(cli, "State", text, style_of_state(active));

        port = g_strdup_printf("%u", (unsigned) props_uint(p, "Port"));
        card_line(cli, "Port", port);

        card_time(cli, "Since", props_uint(p, "ActiveSince"));
        if (restarts > 0) {
                g_autofree char *times = g_strdup_printf(
                        "%" G_GUINT64_FORMAT " since it was started", restarts);

                card_line_styled(cli, "Restarts", times, STYLE_YELLOW);
        }

        g_variant_get(last, "(&sit)", &result, &status, &at);
        if (*result) {
                g_autofree char *words = format_exit(result, status),
                                *past = format_ago(at, (uint64_t) g_get_real_time());

                exit = at > 0 ? g_strdup_printf("%s, %s", words, past) : g_strdup(words);
                card_line_styled(
                        cli, "Last exit", exit, g_str_equal(result, "success") ? STYLE_NONE : STYLE_RED);
        }
}

/* "maps/3", and what the next start would take instead. */
static char *layer_words(
        const Inventory *inventory, const char *overlay, unsigned version, GVariant *held_versions) {
        const Object *object = inventory_find(inventory->overlays, overlay);
        unsigned current = object ? (unsigned) props_uint(object->properties, "Current") : version;
        guint32 held = 0;

        (void) g_variant_lookup(held_versions, overlay, "u", &held);
        if (held == version && current != version)
                return g_strdup_printf("%s/%u (held; %u is current)", overlay, version, current);
        if (held > 0)
                current = held;
        if (current == version)
                return g_strdup_printf("%s/%u%s", overlay, version, held > 0 ? " (held)" : "");

        return g_strdup_printf("%s/%u (a restart takes %s/%u)", overlay, version, overlay, current);
}

/* The layers that are mounted, or those that a start would mount. */
static void add_stack(Cli *cli, GVariant *p, const Inventory *inventory) {
        g_autoptr(GVariant) layers = props_value(p, "LayersInUse", "a(su)"),
                            held = props_value(p, "Held", "a{su}");
        g_autofree char *overlays = props_joined(p, "Overlays", "\n"), *stack = NULL, *at = NULL;
        GVariantIter iter;
        const char *overlay, *key = "Layers";
        guint32 version;

        at = settings_held_words(p);
        stack = g_strjoin("\n", *overlays ? overlays : props_string(p, "Game"),
                *overlays ? props_string(p, "Game") : NULL, NULL);
        if (g_variant_n_children(layers) == 0) {
                card_line(cli, "Stack", stack);
                card_line(cli, "Held", at);
                return;
        }

        g_variant_iter_init(&iter, layers);
        while (g_variant_iter_next(&iter, "(&su)", &overlay, &version)) {
                g_autofree char *words = layer_words(inventory, overlay, version, held);

                card_line(cli, key, words);
                key = "";
        }

        if (props_boolean(p, "UpdatePending"))
                card_line_styled(cli, "Pending", "a restart changes the stack", STYLE_YELLOW);
}

static void add_figures(Cli *cli, GVariant *f) {
        g_autofree char *memory = format_bytes(props_uint(f, "MemoryCurrent")),
                        *peak = format_bytes(props_uint(f, "MemoryPeak"));
        g_autofree char *cpu = format_duration(props_uint(f, "CPUUsage") / 1000), *in = NULL, *out = NULL;
        g_autofree char *memory_words = NULL, *traffic = NULL, *tasks = NULL;

        if (props_has(f, "MemoryCurrent")) {
                memory_words = props_has(f, "MemoryPeak") ? g_strdup_printf("%s (peak %s)", memory, peak)
                                                          : g_strdup(memory);
                card_line(cli, "Memory", memory_words);
        }

        if (props_has(f, "CPUUsage"))
                card_line(cli, "CPU", cpu);

        if (props_has(f, "Tasks")) {
                tasks = g_strdup_printf("%" G_GUINT64_FORMAT, props_uint(f, "Tasks"));
                card_line(cli, "Tasks", tasks);
        }

        if (props_has(f, "IPIngressBytes") && props_has(f, "IPEgressBytes")) {
                in = format_bytes(props_uint(f, "IPIngressBytes"));
                out = format_bytes(props_uint(f, "IPEgressBytes"));
                traffic = g_strdup_printf("%s in, %s out", in, out);
                card_line(cli, "Traffic", traffic);
        }
}

void status_card(Cli *cli, const Object *instance, const Inventory *inventory, GVariant *figures,
        GVariant *conflicts) {
        GVariant *p = instance->properties;
        g_autofree char *pid = NULL, *hidden = conflicts_words(conflicts), *intent = when_empty_words(p);

        card_heading(cli, style_of_state(props_string(p, "ActiveState")), instance->name);
        add_state(cli, p);
        card_line(cli, "Autostart", props_boolean(p, "Autostart") ? "at each boot of the host" : "no");
        if (props_uint(p, "MainPID") > 0) {
                pid = g_strdup_printf("%u", (unsigned) props_uint(p, "MainPID"));
                card_line(cli, "Main PID", pid);
        }
        card_line_styled(cli, "Intent", intent, STYLE_YELLOW);
        add_stack(cli, p, inventory);
        card_line_styled(cli, "Conflicts", hidden, STYLE_YELLOW);
        add_figures(cli, figures);
}
