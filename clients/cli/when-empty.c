/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "format.h"
#include "props.h"
#include "timespec.h"
#include "when-empty.h"

/* Half an hour, ten, five minutes and one before it. */
#define ANNOUNCE "30m,10m,5m,1m"

void when_empty_entries(WhenEmpty *w, GOptionEntry *ret_entries) {
        const GOptionEntry entries[WHEN_EMPTY_ENTRIES] = {
                { "when-empty", 0, 0, G_OPTION_ARG_NONE, &w->when_empty, "As soon as nobody plays there",
                        NULL },
                { "deadline", 0, 0, G_OPTION_ARG_STRING, &w->deadline, "And then in any case: +2h, 23:30",
                        "TIME" },
                { "announce", 0, 0, G_OPTION_ARG_STRING, &w->announce,
                        "Tell the players so long before; \"\": never", "TIMES" },
        };

        memcpy(ret_entries, entries, sizeof(entries));
}

void when_empty_clear(WhenEmpty *w) {
        g_clear_pointer(&w->deadline, g_free);
        g_clear_pointer(&w->announce, g_free);
}

static gboolean add_announcements(Cli *cli, GVariantBuilder *builder, const char *text, uint64_t left) {
        g_auto(GStrv) times = g_strsplit(text, ",", -1);
        const gboolean given = text != NULL && !g_str_equal(text, ANNOUNCE);

        for (char **t = times; *t; t++) {
                uint64_t usec;

                if (!timespec_parse_span(g_strstrip(*t), &usec) || usec < USEC_PER_SEC) {
                        (void) cli_usage(cli, "--announce %s: times such as 30m,10m,90s are wanted", text);
                        return FALSE;
                }

                /* Of the usual ones those that are past already are left out. */
                if (given || usec < left)
                        g_variant_builder_add(builder, "t", usec / USEC_PER_SEC);
        }

        return TRUE;
}

GVariant *when_empty_build(Cli *cli, const WhenEmpty *w, gboolean restart) {
        g_auto(GVariantBuilder) announcements = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("at"));
        const char *announce = w->announce ? w->announce : ANNOUNCE;
        uint64_t now = (uint64_t) g_get_real_time(), deadline = 0;

        if (w->announce && !w->deadline) {
                (void) cli_usage(cli, "--announce counts back from a --deadline, and none is given");
                return NULL;
        }

        if (w->deadline && !timespec_parse_future(w->deadline, now, &deadline)) {
                (void) cli_usage(
                        cli, "--deadline %s: a time to come is wanted, such as +2h or 23:30", w->deadline);
                return NULL;
        }

        if (w->deadline && !add_announcements(cli, &announcements, announce, deadline - now))
                return NULL;

        return g_variant_new("(btat)", restart, deadline, &announcements);
}

char *when_empty_words(GVariant *properties) {
        g_autoptr(GVariant) intents = props_value(properties, "Intents", "a(ssttats)"), announcements = NULL;
        const char *verb, *origin, *waits_for;
        g_autofree char *when = NULL;
        guint64 asked, deadline;

        if (!intents || g_variant_n_children(intents) == 0)
                return NULL;

        g_variant_get_child(
                intents, 0, "(&s&stt@at&s)", &verb, &origin, &asked, &deadline, &announcements, &waits_for);
        when = deadline > 0 ? format_timestamp(deadline) : NULL;
        return g_strdup_printf("%ss when it is empty%s%s%s%s%s%s", verb,
                g_str_equal(origin, "update") ? ", into the update" : "", when ? ", or on " : "",
                when ? when : "", *waits_for ? " (now: " : "", waits_for, *waits_for ? ")" : "");
}
