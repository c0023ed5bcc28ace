/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "service/shaper-config.h"

/* The words of the store. */

static void test_words(void) {
        static const char line[] =
                "eth0 bandwidth=450000000 rtt=30000 preset=precedence isolation=dual-dsthost line=atm "
                "overhead=-64 mpu=64 ack-filter=ack-filter-aggressive ingress=64000 nat=1 wash=1 takeover=1";
        g_autofree char *interface = NULL, *again = NULL, *defaults = NULL, *name = NULL;
        ShaperConfig c, d;

        g_assert_cmpint(shaper_config_parse(line, &interface, &c), ==, 0);
        g_assert_cmpstr(interface, ==, "eth0");
        again = shaper_config_render(interface, &c);
        g_assert_cmpstr(again, ==, line);

        shaper_config_init(&d);
        g_assert_false(shaper_config_equal(&c, &d));
        defaults = shaper_config_render("x", &d);
        g_assert_cmpint(shaper_config_parse("x", &name, &c), ==, 0);
        g_assert_true(shaper_config_equal(&c, &d));
        g_assert_false(c.egress.has_overhead);
        g_assert_cmpuint(c.egress.preset, ==, CAKE_DIFFSERV_DIFFSERV4);
}

static void test_bad_words(void) {
        static const char *const lines[] = { "", " ", "a/b", "a:b bandwidth=0", "sixteencharacter", "eth0 ",
                "eth0 bandwidth", "eth0 bandwidth=", "eth0 bandwidth=1", "eth0 bandwidth=-1",
                "eth0 bandwidth=1000000000001", "eth0 bandwidth=1e6", "eth0 bandwidth=64000x", "eth0 rtt=0",
                "eth0 rtt=10000001", "eth0 preset=", "eth0 preset=3", "eth0 overhead=257",
                "eth0 overhead=-65", "eth0 mpu=257", "eth0 ingress=1", "eth0 speed=1" };

        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
                char *interface = NULL;
                ShaperConfig c;

                g_assert_cmpint(shaper_config_parse(lines[i], &interface, &c), ==, -EINVAL);
                g_assert_null(interface);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/shaper-config/words", test_words);
        g_test_add_func("/shaper-config/bad-words", test_bad_words);
        return g_test_run();
}
