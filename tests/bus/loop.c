/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "loop.h"

/* Far above what anything takes, sanitizers and a busy machine included: only a test that would hang gets here. */
#define DEADLINE_SECONDS 60

static guint deadline_seconds(void) {
        const char *text = g_getenv("LEFT4ME_TEST_DEADLINE");
        guint64 seconds;

        if (text && g_ascii_string_to_unsigned(text, 10, 1, 3600, &seconds, NULL))
                return (guint) seconds;

        return DEADLINE_SECONDS;
}

static gboolean on_deadline(gpointer data) {
        bool *late = data;

        *late = true;
        return G_SOURCE_CONTINUE;
}

bool loop_try_until(Predicate done, void *data) {
        bool late = false;
        guint source;

        source = g_timeout_add_seconds(deadline_seconds(), on_deadline, &late);
        while (!late && !done(data))
                g_main_context_iteration(NULL, TRUE);
        g_source_remove(source);
        return done(data);
}

void loop_until(Predicate done, void *data, const char *what) {
        if (!loop_try_until(done, data))
                g_error("Waited %u seconds in vain for: %s", deadline_seconds(), what);
}

void loop_settle(void) {
        while (g_main_context_iteration(NULL, FALSE))
                ;
}
