/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/presence.h"

#define L "L 05/19/2026 - 18:20:01: "
#define ON L "Log file started (file \"logs/L0.log\") (game \"/g\") (version \"4777\")"
#define ANN "\"Ann<2><STEAM_1:1:24968171><>\""
#define BOB "\"Bob<3><STEAM_1:0:4><>\""

static PresenceState state_after(const char *const *lines) {
        g_auto(PresenceCount) c = { 0 };

        presence_count_init(&c);
        for (; *lines; lines++)
                presence_count_line(&c, *lines);

        return presence_count_state(&c);
}

static void test_lines(void) {
        static const struct {
                const char *lines[8];
                PresenceState want;
        } cases[] = {
                { { NULL }, PRESENCE_UNKNOWN },
                { { "Console initialized.", "hibernating", L "World triggered \"Round_Start\"" },
                        PRESENCE_UNKNOWN },
                { { "Server is hibernating" }, PRESENCE_EMPTY },
                { { "Server is hibernating", "Server waking up from hibernation" }, PRESENCE_PLAYERS },
                { { "Server waking up from hibernation", "Server is hibernating" }, PRESENCE_EMPTY },
                { { ON }, PRESENCE_EMPTY },
                { { ON, L ANN " connected, address \"203.0.113.7:27005\"" }, PRESENCE_PLAYERS },
                { { ON, L ANN " entered the game", L ANN " disconnected (reason \"x\")" }, PRESENCE_EMPTY },
                { { ON, L ANN " entered the game", L BOB " entered the game",
                          L ANN " disconnected (reason \"x\")" },
                        PRESENCE_PLAYERS },
                /* It never hibernates: the log alone tells. */
                { { ON, "Server waking up from hibernation", L ANN " entered the game",
                          L ANN " disconnected (reason \"Disconnect by user.\")" },
                        PRESENCE_EMPTY },
                /* Bots are nobody. */
                { { ON, L "\"Bill<4><BOT><>\" connected, address \"none\"" }, PRESENCE_EMPTY },
                { { L "\"Bill<4><BOT><>\" entered the game" }, PRESENCE_UNKNOWN },
                /* Lines were lost, and its last word is that nobody is there. */
                { { L ANN " entered the game", "Server is hibernating" }, PRESENCE_EMPTY },
                /* What somebody says is no line of its own. */
                { { ON, L ANN " entered the game", L ANN " say \"Server is hibernating\"" },
                        PRESENCE_PLAYERS },
                { { ON, L ANN " entered the game", L ANN " say \"" BOB " disconnected (reason \"x\")\"" },
                        PRESENCE_PLAYERS },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                PresenceState got = state_after(cases[i].lines);

                if (got != cases[i].want)
                        g_error("case %zu: %u, not %u", i, got, cases[i].want);
        }
}

/* More than can be: counting is over until the server says itself that it is empty. */
static void test_too_many(void) {
        g_auto(PresenceCount) c = { 0 };

        presence_count_init(&c);
        presence_count_line(&c, ON);
        for (unsigned n = 1; n < 1000; n++) {
                g_autofree char *line = g_strdup_printf(L "\"x<%u><STEAM_1:0:4><>\" entered the game", n);

                presence_count_line(&c, line);
        }
        g_assert_cmpuint(g_hash_table_size(c.players), <, 300);
        for (unsigned n = 1; n < 1000; n++) {
                g_autofree char *line = g_strdup_printf(
                        L "\"x<%u><STEAM_1:0:4><>\" disconnected (reason \"x\")", n);

                presence_count_line(&c, line);
        }
        g_assert_cmpint(presence_count_state(&c), ==, PRESENCE_PLAYERS);
        presence_count_line(&c, "Server is hibernating");
        g_assert_cmpint(presence_count_state(&c), ==, PRESENCE_EMPTY);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/presence/lines", test_lines);
        g_test_add_func("/presence/too-many", test_too_many);
        return g_test_run();
}
