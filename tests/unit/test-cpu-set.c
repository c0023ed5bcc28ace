/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "service/cpu-set.h"

static CpuSet set_of(const char *text) {
        CpuSet s;

        g_assert_cmpint(cpu_set_parse(text, &s), ==, 0);
        return s;
}

static void assert_set(const CpuSet *s, const char *text) {
        g_autofree char *is = cpu_set_format(s);

        g_assert_cmpstr(is, ==, text);
}

/* What the kernel and people write, and what is none. */
static void test_parse(void) {
        static const struct {
                const char *text;
                int r;
                const char *canonical;
        } cases[] = {
                { "", 0, "" },
                { "\n", 0, "" },
                { "0", 0, "0" },
                { "0\n", 0, "0" },
                { "0-3", 0, "0-3" },
                { "0-3,8-11\n", 0, "0-3,8-11" },
                { "0,1", 0, "0-1" },
                { "5,1,0,2,5", 0, "0-2,5" },
                { "7-7", 0, "7" },
                { "8191", 0, "8191" },
                { "0-8191", 0, "0-8191" },
                { "63,64", 0, "63-64" },
                { "8192", -ERANGE, NULL },
                { "0-8192", -ERANGE, NULL },
                { "4294967296", -ERANGE, NULL },
                { "99999999999999999999999", -ERANGE, NULL },
                { "3-1", -EINVAL, NULL },
                { "a", -EINVAL, NULL },
                { "-1", -EINVAL, NULL },
                { "+1", -EINVAL, NULL },
                { " 1", -EINVAL, NULL },
                { "1 ", -EINVAL, NULL },
                { "01", -EINVAL, NULL },
                { "0x1", -EINVAL, NULL },
                { "1,", -EINVAL, NULL },
                { ",1", -EINVAL, NULL },
                { "1,,2", -EINVAL, NULL },
                { "1-", -EINVAL, NULL },
                { "1-2-3", -EINVAL, NULL },
                { "0-6:2/4", -EINVAL, NULL },
                { "1\n2", -EINVAL, NULL },
                { "1\n\n", -EINVAL, NULL },
        };

        for (size_t k = 0; k < G_N_ELEMENTS(cases); k++) {
                CpuSet s = { .words = { 42 } };

                g_assert_cmpint(cpu_set_parse(cases[k].text, &s), ==, cases[k].r);
                if (cases[k].r == 0)
                        assert_set(&s, cases[k].canonical);
                else
                        g_assert_cmpuint(s.words[0], ==, 42);
        }
}

/* What comes to the helper that is root has one form only. */
static void test_canonical(void) {
        static const char *const good[] = { "0", "0-1", "0,2", "0-3,8-11", "8191" };
        static const char *const bad[] = { "", "\n", "0\n", "0,1", "1,0", "0,0", "0-0", "0-2,2", "0-1,2",
                "00", "clear", "0/3", "0,4 ", "\\x2c", "0;1" };
        CpuSet s;

        for (size_t k = 0; k < G_N_ELEMENTS(good); k++) {
                g_assert_cmpint(cpu_set_parse_canonical(good[k], &s), ==, 0);
                assert_set(&s, good[k]);
        }
        for (size_t k = 0; k < G_N_ELEMENTS(bad); k++)
                g_assert_cmpint(cpu_set_parse_canonical(bad[k], &s), ==, -EINVAL);
        g_assert_cmpint(cpu_set_parse_canonical("8192", &s), ==, -ERANGE);
}

static void test_algebra(void) {
        CpuSet a = set_of("0-70"), b = set_of("64-80,8000");

        g_assert_cmpuint(cpu_set_count(&a), ==, 71);
        g_assert_false(cpu_set_is_empty(&a));
        g_assert_true(cpu_set_has(&a, 70));
        g_assert_false(cpu_set_has(&a, 71));
        g_assert_false(cpu_set_has(&a, UINT32_MAX));
        g_assert_cmpuint(cpu_set_next(&b, 81), ==, 8000);
        g_assert_cmpuint(cpu_set_next(&b, 8001), ==, CPUS_MAX);

        cpu_set_keep(&a, &b);
        assert_set(&a, "64-70");
        cpu_set_join(&a, &b);
        g_assert_true(cpu_set_equal(&a, &b));
        b = set_of("65");
        cpu_set_remove(&a, &b);
        assert_set(&a, "64,66-80,8000");
        cpu_set_remove(&a, &a);
        g_assert_true(cpu_set_is_empty(&a));
}

/* systemd pads what it answers, and takes any length. */
static void test_bytes(void) {
        static const uint8_t padded[16] = { 0x0f, 0x01 };
        uint8_t bytes[CPUS_MAX / 8];
        g_autofree uint8_t *long_one = g_malloc0(CPUS_MAX / 8 + 8);
        CpuSet s;

        cpu_set_from_bytes(padded, sizeof(padded), &s);
        assert_set(&s, "0-3,8");
        g_assert_cmpuint(cpu_set_to_bytes(&s, bytes), ==, 2);
        g_assert_cmpmem(bytes, 2, padded, 2);

        cpu_set_from_bytes(NULL, 0, &s);
        g_assert_true(cpu_set_is_empty(&s));
        g_assert_cmpuint(cpu_set_to_bytes(&s, bytes), ==, 0);

        long_one[CPUS_MAX / 8 - 1] = 0x80;
        long_one[CPUS_MAX / 8] = 0xff;
        cpu_set_from_bytes(long_one, CPUS_MAX / 8 + 8, &s);
        assert_set(&s, "8191");
        g_assert_cmpuint(cpu_set_to_bytes(&s, bytes), ==, CPUS_MAX / 8);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cpu-set/parse", test_parse);
        g_test_add_func("/cpu-set/canonical", test_canonical);
        g_test_add_func("/cpu-set/algebra", test_algebra);
        g_test_add_func("/cpu-set/bytes", test_bytes);
        return g_test_run();
}
