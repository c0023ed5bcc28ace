/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "names.h"

static void test_name(void) {
        static const char *const good[] = { "a", "0", "versus-1", "a_b", "l4d2",
                "a234567890123456789012345678901234567890123456789012345678901234" };
        static const char *const bad[] = { "", "-a", "_a", "A", "a b", "a.b", "a/b", "..", ".", "a\n", "ä",
                "a%", "versus-1@", "a2345678901234567890123456789012345678901234567890123456789012345" };

        for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
                g_assert_true(name_valid(good[i]));
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(name_valid(bad[i]));
}

static void test_number(void) {
        static const struct {
                const char *text;
                int r;
                uint32_t value;
        } cases[] = {
                { "1", 0, 1 },
                { "42", 0, 42 },
                { "4294967295", 0, UINT32_MAX },
                { "4294967296", -ERANGE, 0 },
                { "99999999999999999999999999", -ERANGE, 0 },
                { "0", -EINVAL, 0 },
                { "01", -EINVAL, 0 },
                { "", -EINVAL, 0 },
                { "-1", -EINVAL, 0 },
                { "+1", -EINVAL, 0 },
                { " 1", -EINVAL, 0 },
                { "1 ", -EINVAL, 0 },
                { "1/..", -EINVAL, 0 },
                { "0x1", -EINVAL, 0 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                uint32_t value = 0;

                g_assert_cmpint(number_parse(cases[i].text, &value), ==, cases[i].r);
                g_assert_cmpuint(value, ==, cases[i].value);
        }
}

static void test_mount_id(void) {
        static const char *const bad[] = { "", "server-", "server", "server-A", "build-", "build-0",
                "build-x", "build-1/..", "server-../x", "client-a", "Server-a", "server-a/b", "build--1" };
        MountId id;

        g_assert_cmpint(mount_id_parse("server-build-1", &id), ==, 0);
        g_assert_cmpint(id.kind, ==, MOUNT_SERVER);
        g_assert_cmpstr(id.name, ==, "build-1");
        g_assert_cmpint(mount_id_parse("build-17", &id), ==, 0);
        g_assert_cmpint(id.kind, ==, MOUNT_BUILD);
        g_assert_cmpstr(id.name, ==, "17");
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_cmpint(mount_id_parse(bad[i], &id), ==, -EINVAL);
}

static void test_path(void) {
        static const struct {
                const char *path;
                int r;
                const char *clean;
        } cases[] = {
                { "", 0, "" },
                { ".", 0, "" },
                { "./", 0, "" },
                { "a", 0, "a" },
                { "./a//b/./c/", 0, "a/b/c" },
                { "a b/ü", 0, "a b/ü" },
                { "...", 0, "..." },
                { "..a/b..", 0, "..a/b.." },
                { "/", -EXDEV, NULL },
                { "/etc/passwd", -EXDEV, NULL },
                { "..", -EXDEV, NULL },
                { "a/../b", -EXDEV, NULL },
                { "a/..", -EXDEV, NULL },
                { "../a", -EXDEV, NULL },
                { "a\nb", -EILSEQ, NULL },
                { "a\177", -EILSEQ, NULL },
                { "a/\001", -EILSEQ, NULL },
                { "\377", -EILSEQ, NULL },
                { "a/\303", -EILSEQ, NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *clean = NULL;

                g_assert_cmpint(path_normalise(cases[i].path, &clean), ==, cases[i].r);
                g_assert_cmpstr(clean, ==, cases[i].clean);
        }
}

/* n times text. */
static char *repeat(const char *text, unsigned n) {
        GString *s = g_string_new(NULL);

        while (n-- > 0)
                g_string_append(s, text);
        return g_string_free(s, FALSE);
}

static void test_path_limits(void) {
        g_autofree char *deepest = repeat("d/", TREE_DEPTH_MAX), *deeper = repeat("d/", TREE_DEPTH_MAX + 1);
        g_autofree char *name = repeat("n", TREE_NAME_MAX), *longer_name = repeat("n", TREE_NAME_MAX + 1);
        g_autofree char *longest = repeat("0123456789012345678/", TREE_PATH_MAX / 20);
        g_autofree char *longer = g_strconcat("xx", longest, NULL),
                        *endless = repeat("/", 10 * TREE_PATH_MAX);
        g_autofree char *clean = NULL;

        g_assert_cmpint(path_normalise(deepest, &clean), ==, 0);
        g_assert_cmpuint(path_depth(clean), ==, TREE_DEPTH_MAX - 1);
        g_clear_pointer(&clean, g_free);
        g_assert_cmpint(path_normalise(deeper, &clean), ==, -ENAMETOOLONG);
        g_assert_cmpint(path_normalise(name, &clean), ==, 0);
        g_clear_pointer(&clean, g_free);
        g_assert_cmpint(path_normalise(longer_name, &clean), ==, -ENAMETOOLONG);
        g_assert_cmpint(path_normalise(longest, &clean), ==, 0);
        g_clear_pointer(&clean, g_free);
        g_assert_cmpint(path_normalise(longer, &clean), ==, -ENAMETOOLONG);
        g_assert_cmpint(path_normalise(endless + 1, &clean), ==, -EXDEV);
        endless[0] = 'a';
        g_assert_cmpint(path_normalise(endless, &clean), ==, -ENAMETOOLONG);
}

static void test_link(void) {
        static const struct {
                const char *target;
                unsigned depth;
                bool inside;
        } cases[] = {
                { "a", 0, true },
                { "a/b/c", 0, true },
                { "./a", 0, true },
                { ".", 0, true },
                { "..", 1, true },
                { "../a", 1, true },
                { "../../a", 2, true },
                { ".././../a", 2, true },
                { "..", 0, false },
                { "../a", 0, false },
                { "../../a", 1, false },
                { "a/..", 1, false }, /* a may be a link itself */
                { "../a/..", 2, false },
                { "a/../../..", 2, false },
                { "/", 5, false },
                { "/etc/passwd", 5, false },
                { "//a", 5, false },
                { "", 5, false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                g_assert_cmpint(link_stays_inside(cases[i].target, cases[i].depth), ==, cases[i].inside);
}

/* Whatever passes is made of good names only. */
static void test_path_random(void) {
        static const char alphabet[] = "ab./\\ \n\303\274\377";
        int64_t end = g_get_monotonic_time() + G_USEC_PER_SEC / 2;
        unsigned passed = 0;

        while (g_get_monotonic_time() < end) {
                g_autofree char *clean = NULL;
                g_auto(GStrv) parts = NULL;
                char path[16];
                size_t n = (size_t) g_test_rand_int_range(0, sizeof path);

                for (size_t i = 0; i < n; i++)
                        path[i] = alphabet[g_test_rand_int_range(0, sizeof alphabet - 1)];
                path[n] = '\0';
                if (path_normalise(path, &clean) < 0)
                        continue;
                passed++;
                parts = g_strsplit(clean, "/", -1);
                for (char **part = parts; *part; part++)
                        g_assert_true(entry_name_valid(*part));
        }
        g_test_message("%u passed", passed);
        g_assert_cmpuint(passed, >, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/names/name", test_name);
        g_test_add_func("/names/number", test_number);
        g_test_add_func("/names/mount-id", test_mount_id);
        g_test_add_func("/names/path", test_path);
        g_test_add_func("/names/path-limits", test_path_limits);
        g_test_add_func("/names/path-random", test_path_random);
        g_test_add_func("/names/link", test_link);
        return g_test_run();
}
