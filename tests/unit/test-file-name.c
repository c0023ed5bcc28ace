/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/file-name.h"

static void test_escape(void) {
        static const char *const cases[][2] = {
                { "a.cfg", "a.cfg" },
                { "ä b", "ä b" },
                { "日本", "日本" },
                { "a\\b", "a\\x5cb" },
                { "a\nb\033[", "a\\x0ab\\x1b[" },
                { "\377", "\\xff" },
                { "a\303", "a\\xc3" },
                { "\303\244\303", "ä\\xc3" },
                { "\355\240\200", "\\xed\\xa0\\x80" },     /* half of a surrogate pair */
                { "a\342\200\256b", "a\\xe2\\x80\\xaeb" }, /* turns text round */
                { "\302\205", "\\xc2\\x85" },
                { "", "" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = file_name_escape(cases[i][0]),
                                *back = file_path_unescape(cases[i][1], true);

                g_assert_cmpstr(text, ==, cases[i][1]);
                g_assert_cmpstr(back, ==, cases[i][0]);
        }
}

/* Any name comes back. */
static void test_round_trip(void) {
        for (unsigned round = 0; round < 20000; round++) {
                char name[20] = "";

                for (int i = 0, n = g_test_rand_int_range(1, 20); i < n; i++) {
                        int c = g_test_rand_int_range(1, 256);

                        name[i] = (char) (c == '/' ? 'x' : c);
                }
                if (g_str_equal(name, ".") || g_str_equal(name, ".."))
                        continue;

                g_autofree char *text = file_name_escape(name), *back = file_path_unescape(text, false);

                g_assert_true(g_utf8_validate(text, -1, NULL));
                g_assert_cmpstr(back, ==, name);
        }
}

static void test_paths(void) {
        static const char *const bad[] = { "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "../a",
                "a\\", "a\\x", "a\\x1", "a\\xg0", "a\\n", "\\x00", "a\\x2fb", "\\x2e\\x2e/a", "a/\\x2e" };
        static const char *const good[] = { "a", "a/b", "...", ".a", "a..b", "left4dead2/cfg" };
        g_autofree char *name = g_strnfill(256, 'n'), *deep = NULL,
                        *rootless = file_path_unescape("", false);
        g_autoptr(GString) path = g_string_new("d");

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *bytes = file_path_unescape(bad[i], true);

                if (bytes)
                        g_error("'%s' is a path", bad[i]);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autofree char *bytes = file_path_unescape(good[i], false);

                g_assert_cmpstr(bytes, ==, good[i]);
        }

        g_assert_null(rootless);
        g_assert_null(file_path_unescape(name, false));
        for (unsigned i = 0; i < 100; i++)
                g_string_append(path, "/d");
        deep = file_path_unescape(path->str, false);
        g_assert_null(deep);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/file-name/escape", test_escape);
        g_test_add_func("/file-name/round-trip", test_round_trip);
        g_test_add_func("/file-name/paths", test_paths);
        return g_test_run();
}
