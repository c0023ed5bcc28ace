/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Colours: green is well, red wants somebody, yellow is under way, dim is at rest. */

#include "style.h"

typedef struct {
        const char *word;
        Style style;
} Entry;

static Style find(const Entry *entries, unsigned n, const char *word) {
        unsigned i;

        for (i = 0; i < n; i++)
                if (g_str_equal(entries[i].word, word))
                        return entries[i].style;

        return STYLE_NONE;
}

Style style_of_state(const char *active_state) {
        static const Entry entries[] = {
                { "active", STYLE_GREEN },
                { "failed", STYLE_RED },
                { "activating", STYLE_YELLOW },
                { "deactivating", STYLE_YELLOW },
                { "inactive", STYLE_DIM },
        };

        return find(entries, G_N_ELEMENTS(entries), active_state);
}

Style style_of_job(const char *state) {
        static const Entry entries[] = {
                { "succeeded", STYLE_GREEN },
                { "failed", STYLE_RED },
                { "running", STYLE_YELLOW },
                { "cancelled", STYLE_DIM },
        };

        return find(entries, G_N_ELEMENTS(entries), state);
}

Style style_of_verdict(const char *verdict) {
        static const Entry entries[] = {
                { "ok", STYLE_GREEN },
                { "failed", STYLE_RED },
                { "warning", STYLE_YELLOW },
                { "unknown", STYLE_DIM },
        };

        return find(entries, G_N_ELEMENTS(entries), verdict);
}
