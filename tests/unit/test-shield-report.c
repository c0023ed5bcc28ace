/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/shield-report.h"

static const uint8_t ipv4[] = { 0x45, 0, 0, 53, 0, 1, 0, 0, 64, 17, 0, 0, 198, 51, 100, 7, 192, 0, 2,
        1,                                   /* IP */
        0x30, 0x39, 0x69, 0x87, 0, 33, 0, 0, /* UDP */
        0xff, 0xff, 0xff, 0xff, 'T' };

/* From 2001:db8:64::7, with destination options and a fragment header before UDP. */
static const uint8_t ipv6[] = { 0x60, 0, 0, 0, 0, 32, 60, 64, 0x20, 0x01, 0x0d, 0xb8, 0, 0x64, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 7, 0x20, 0x01, 0x0d, 0xb8, 0, 0x64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, /* IP */
        44, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                              /* options */
        17, 0, 0, 1, 0, 0, 0, 9,                                                      /* fragment */
        0x30, 0x39, 0x69, 0x87, 0, 33, 0, 0 };                                        /* UDP */

static void test_reports(void) {
        g_autofree char *prefix = shield_report_prefix(SHIELD_INFO, false),
                        *of_port = shield_report_prefix(SHIELD_MALFORMED, true);
        ShieldReport report;

        g_assert_cmpint(shield_report_parse(prefix, ipv4, sizeof(ipv4), &report), ==, 0);
        g_assert_cmpint(report.kind, ==, SHIELD_INFO);
        g_assert_false(report.of_port);
        g_assert_cmpstr(report.source, ==, "198.51.100.7");
        g_assert_cmpuint(report.port, ==, 27015);

        g_assert_cmpint(shield_report_parse(of_port, ipv6, sizeof(ipv6), &report), ==, 0);
        g_assert_cmpint(report.kind, ==, SHIELD_MALFORMED);
        g_assert_true(report.of_port);
        g_assert_cmpstr(report.source, ==, "2001:db8:64::/64");
        g_assert_cmpuint(report.port, ==, 27015);
}

static void test_prefixes(void) {
        static const char *const wrong[] = { "", "left4me", "left4me info", "left4me info source ",
                "left4me info both", "left4me infos source", "other info source", "left4me  source" };
        ShieldReport report;

        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
                g_assert_cmpint(shield_report_parse(wrong[i], ipv4, sizeof(ipv4), &report), ==, -EBADMSG);
}

/* Whatever is cut off, nothing is read that is not there (the sanitizers look), and no port is made up. */
static void cut(const uint8_t *packet, size_t size, size_t ip, size_t udp) {
        for (size_t n = 0; n <= size; n++) {
                g_autofree uint8_t *copy = g_memdup2(packet, n);
                ShieldReport report;
                int r = shield_report_parse("left4me other port", copy, n, &report);

                g_assert_cmpint(r, ==, n >= ip ? 0 : -EBADMSG);
                if (r >= 0)
                        g_assert_cmpuint(report.port, ==, n >= udp ? 27015 : 0);
        }
}

static void test_cut(void) {
        cut(ipv4, sizeof(ipv4), 20, 28);
        cut(ipv6, sizeof(ipv6), 40, 72);
}

static void test_random(void) {
        for (unsigned round = 0; round < 50000; round++) {
                uint8_t packet[SHIELD_REPORT_LENGTH];
                size_t n = (size_t) g_test_rand_int_range(0, sizeof(packet) + 1);
                g_autofree uint8_t *copy = NULL;
                ShieldReport report;

                for (size_t i = 0; i < n; i++)
                        packet[i] = (uint8_t) g_test_rand_int();
                if (n > 8 && round % 2 == 0) {
                        memcpy(packet, ipv6, 8);
                        packet[6] = (uint8_t[]){ 0, 43, 44, 60, 17 }[round / 2 % 5];
                }
                copy = g_memdup2(packet, n);
                (void) shield_report_parse("left4me info source", copy, n, &report);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/shield-report/reports", test_reports);
        g_test_add_func("/shield-report/prefixes", test_prefixes);
        g_test_add_func("/shield-report/cut", test_cut);
        g_test_add_func("/shield-report/random", test_random);
        return g_test_run();
}
