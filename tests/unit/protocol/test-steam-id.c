/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>

#include "protocol/steam-id.h"

static void test_parse(void) {
        static const struct {
                const char *text;
                uint64_t id;
        } cases[] = {
                { "STEAM_1:0:12345678", 76561197984957084 },
                { "STEAM_0:1:12345678", 76561197984957085 },
                { "[U:1:24691357]", 76561197984957085 },
                { "STEAM_1:1:2147483647", 76561202255233023 },
                { "[U:1:4294967295]", 76561202255233023 },
                { "STEAM_1:2:1", 0 },
                { "STEAM_1:0:2147483648", 0 },
                { "STEAM_1:0:18446744073709551617", 0 },
                { "STEAM_1:0:0", 0 },
                { "[U:1:4294967296]", 0 },
                { "[U:1:0]", 0 },
                { "[U:1:1", 0 },
                { "[G:1:1]", 0 },
                { "STEAM_1:0:1 ", 0 },
                { "STEAM_1:0:-1", 0 },
                { "BOT", 0 },
                { "", 0 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                uint64_t id = 0;

                g_assert_cmpint(steam_id_parse(cases[i].text, &id), ==, cases[i].id != 0);
                g_assert_cmpuint(id, ==, cases[i].id);
        }
}

static void test_round_trip(void) {
        for (uint64_t id = 76561197960265729; id <= 76561202255233023; id += 76543210) {
                g_autofree char *text = steam_id_format(id);
                uint64_t again = 0;

                g_assert_true(steam_id_parse(text, &again));
                g_assert_cmpuint(again, ==, id);
        }
        g_assert_null(steam_id_format(0));
        g_assert_null(steam_id_format(76561197960265728));
        g_assert_null(steam_id_format(76561202255233024));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/steam-id/parse", test_parse);
        g_test_add_func("/steam-id/round-trip", test_round_trip);
        return g_test_run();
}
