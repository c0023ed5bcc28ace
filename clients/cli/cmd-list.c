/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* list: every game server on a line. */

#include "format.h"
#include "listing.h"
#include "props.h"
#include "settings.h"
#include "style.h"
#include "verbs.h"

static gboolean has_intent(GVariant *p) {
        g_autoptr(GVariant) intents = props_value(p, "Intents", "a(ssttats)");

        return intents && g_variant_n_children(intents) > 0;
}

static void add_row(Table *table, const Object *object) {
        GVariant *p = object->properties;
        const char *active = props_string(p, "ActiveState"),
                   *state = format_state(active, props_string(p, "SubState"));
        uint64_t since = props_uint(p, "ActiveSince");
        g_autofree char *marked = NULL, *port = NULL, *uptime = NULL, *stack = NULL;

        marked = g_strconcat(
                state, props_boolean(p, "UpdatePending") ? " *" : "", has_intent(p) ? " +" : "", NULL);
        port = g_strdup_printf("%u", (unsigned) props_uint(p, "Port"));
        uptime = since > 0 ? format_duration(
                                     (uint64_t) g_get_real_time() - MIN(since, (uint64_t) g_get_real_time()))
                           : g_strdup("-");
        stack = settings_stack_words(p);

        table_add(table, props_string(p, "Name"), marked, port, uptime, stack, NULL);
        table_style(table, 1, style_of_state(active));
}

static void print_totals(Cli *cli, GPtrArray *instances) {
        unsigned running = 0, pending = 0, intents = 0;
        guint i;

        for (i = 0; i < instances->len; i++) {
                const Object *object = g_ptr_array_index(instances, i);

                running += g_str_equal(props_string(object->properties, "ActiveState"), "active");
                pending += props_boolean(object->properties, "UpdatePending");
                intents += has_intent(object->properties);
        }

        terminal_printf(&cli->out, "\n%u server%s, %u running\n", instances->len,
                instances->len == 1 ? "" : "s", running);
        if (pending > 0)
                terminal_printf(&cli->out, "* a restart would change the stack\n");
        if (intents > 0)
                terminal_printf(&cli->out, "+ stops or restarts when it is empty\n");
        if (instances->len == 0) {
                fflush(cli->out.file);
                cli_hint(
                        cli, "left4mectl create NAME --game OVERLAY makes one; man left4mectl has examples");
        }
}

int cmd_list(Cli *cli, char **words) {
        static const TableColumn columns[] = {
                { "NAME", TABLE_LEFT },
                { "STATE", TABLE_LEFT },
                { "PORT", TABLE_RIGHT },
                { "UPTIME", TABLE_RIGHT },
                { "STACK", TABLE_SHRINK },
        };
        static const Listing listing = {
                .objects = offsetof(Inventory, instances),
                .columns = columns,
                .n_columns = G_N_ELEMENTS(columns),
                .add = add_row,
                .totals = print_totals,
        };

        return listing_run(cli, words, &listing);
}
