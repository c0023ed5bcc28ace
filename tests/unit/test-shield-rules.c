/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "game-link.h"
#include "shield-world.h"

/* The rules in the kernel, with packets that arrive by an interface; what the server gets, and what is counted. */

#define OOB "\xff\xff\xff\xff"
static const char info[] = OOB "TSource Engine Query"; /* and its NUL */

static bool allowed;

/* Rates so low that nothing comes back while a test runs. */
static ShieldConfig slow(ShieldMode mode) {
        ShieldConfig c;

        shield_config_init(&c);
        c.mode = mode;
        for (unsigned kind = 0; kind < _SHIELD_LIMITED_MAX; kind++)
                c.limits[kind] = (ShieldLimit){ 1, 10, 2, 100 };
        return c;
}

static void send_info(World *w, uint16_t source, unsigned n) {
        for (unsigned i = 0; i < n; i++)
                game_link_send4(w->link, source, PORT, info, sizeof(info));
}

#define assert_about(n, expected) \
        do { \
                g_assert_cmpuint(n, >=, expected); \
                g_assert_cmpuint(n, <=, (expected) + 20); \
        } while (0)

static void test_source(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_ON);
        g_autofree char *expected = NULL;
        unsigned n;

        world_put(w, &c);
        send_info(w, 7, 60);
        n = world_received(w, 0);
        assert_about(n, 10);
        g_assert_cmpuint(world_counted(w, SHIELD_INFO, SHIELD_PASSED), ==, n);
        g_assert_cmpuint(w->counters[SHIELD_INFO][SHIELD_OVER_SOURCE], ==, 60 - n);
        g_assert_cmpuint(w->counters[SHIELD_INFO][SHIELD_OVER_PORT], ==, 0);
        expected = g_strdup_printf("198.51.0.7 27015 info %u\n", 60 - n);
        g_assert_cmpstr(world_sources(w, NFPROTO_IPV4), ==, expected);
        g_assert_cmpstr(world_next_report(w), ==, "info source 198.51.0.7 27015");
        g_assert_cmpuint(w->reports->len, ==, 1);

        /* What one has too much of takes nothing from others, other ports and other kinds. */
        send_info(w, 8, 10);
        g_assert_cmpuint(world_received(w, 0), ==, 10);
        game_link_send4(w->link, 7, OTHER_PORT, info, sizeof(info));
        game_link_send4(w->link, 7, PORT, OOB "U\xff\xff\xff\xff", 9);
        g_assert_cmpuint(world_received(w, 0), ==, 1);
        g_assert_cmpuint(world_counted(w, SHIELD_INFO, SHIELD_OVER_SOURCE), ==, 60 - n);

        /* The ports of nobody are nobody's business. */
        for (unsigned i = 0; i < 50; i++)
                game_link_send4(w->link, 7, 27099, info, sizeof(info));
        g_assert_cmpuint(world_counted(w, SHIELD_INFO, SHIELD_OVER_SOURCE), ==, 60 - n);
}

/* The first 64 bits are the source. */
static void test_ipv6(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_ON);
        unsigned n;

        world_put(w, &c);
        for (unsigned i = 0; i < 60; i++)
                game_link_send6(w->link, 0x77, i + 2, PORT, info, sizeof(info));
        n = world_received(w, 1);
        assert_about(n, 10);
        g_assert_cmpuint(world_counted(w, SHIELD_INFO, SHIELD_OVER_SOURCE), ==, 60 - n);
        g_assert_true(g_str_has_prefix(world_sources(w, NFPROTO_IPV6), "2001:db8:0:77::/64 27015 info "));
        g_assert_cmpstr(world_sources(w, NFPROTO_IPV4), ==, "");
        g_assert_cmpstr(world_next_report(w), ==, "info source 2001:db8:0:77::/64 27015");
        game_link_send6(w->link, 0x78, 1, PORT, info, sizeof(info));
        g_assert_cmpuint(world_received(w, 1), ==, 1);
}

/* Each kind by its byte, on both families. */
static void test_kinds(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_COUNT);
        unsigned n_other = 0;

        world_put(w, &c);
        for (unsigned byte = 0; byte < 256; byte++) {
                char payload[25] = OOB;
                bool known = false;

                payload[4] = (char) byte;
                game_link_send4(w->link, (uint16_t) (byte + 2), PORT, payload, sizeof(payload));
                game_link_send6(w->link, (uint16_t) (byte + 2), 1, PORT, payload, sizeof(payload));
                for (ShieldKind kind = 0; kind < SHIELD_OTHER; kind++) {
                        size_t n;
                        const char *bytes = shield_kind_bytes(kind, &n);

                        known = known || memchr(bytes, (int) byte, n);
                }
                n_other += !known;
        }
        g_assert_cmpuint(world_received(w, 0) + world_received(w, 1), ==, 512);
        world_read_counters(w);
        for (ShieldKind kind = 0; kind < SHIELD_OTHER; kind++) {
                size_t n;

                (void) shield_kind_bytes(kind, &n);
                g_assert_cmpuint(w->counters[kind][SHIELD_PASSED], ==, 2 * n);
        }
        g_assert_cmpuint(
                w->counters[SHIELD_OTHER][SHIELD_PASSED] + w->counters[SHIELD_OTHER][SHIELD_OVER_PORT], ==,
                2 * n_other);
}

/* Whatever else goes on, and however much they send. */
static void test_players(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_ON);
        const char packet[64] = "\x01\x00\x00\x00";
        unsigned n;

        world_put(w, &c);
        for (unsigned i = 0; i < 2000; i++) {
                game_link_send4(w->link, 7, PORT, packet, sizeof(packet) - i % 59);
                send_info(w, (uint16_t) (i % 2 == 0 ? 7 : 1000 + i), 1);
        }
        n = world_received(w, 0);
        g_assert_cmpuint(n, ==, 2000 + world_counted(w, SHIELD_INFO, SHIELD_PASSED));
        assert_about(n, 2000 + 50);
        for (unsigned i = 0; i < 2000; i++)
                game_link_send6(w->link, 1, 7, PORT, packet, sizeof(packet));
        g_assert_cmpuint(world_received(w, 1), ==, 2000);
}

static void test_wrong(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_ON);
        static const struct {
                const char *payload;
                size_t size;
        } wrong[] = { { "", 1 }, { "\x01\x02\x03\x04", 4 }, { OOB, 4 }, { OOB "TSource Engine Query", 24 },
                { OOB "U\xff\xff\xff", 8 }, { OOB "V", 5 } };
        char full[1401] = OOB "TSource Engine Query";

        world_put(w, &c);
        for (unsigned i = 0; i < 3; i++)
                game_link_send4(w->link, 7, PORT, NULL, 0);
        game_link_send6(w->link, 7, 7, PORT, NULL, 0);
        g_assert_cmpuint(world_counted(w, SHIELD_EMPTY, SHIELD_OVER_SOURCE), ==, 4);
        g_assert_cmpstr(world_sources(w, NFPROTO_IPV4), ==, "198.51.0.7 27015 empty 3\n");

        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
                game_link_send4(w->link, 8, PORT, wrong[i].payload, wrong[i].size);
        g_assert_cmpuint(world_counted(w, SHIELD_MALFORMED, SHIELD_OVER_SOURCE), ==, G_N_ELEMENTS(wrong));
        game_link_fragment4(w->link, 8, PORT);
        game_link_fragment6(w->link, 8, PORT);
        game_link_send4(w->link, 8, PORT, full, sizeof(full));
        g_assert_cmpuint(
                world_counted(w, SHIELD_MALFORMED, SHIELD_OVER_SOURCE), ==, G_N_ELEMENTS(wrong) + 3);
        g_assert_cmpuint(world_received(w, 0) + world_received(w, 1), ==, 0);

        game_link_send4(w->link, 8, PORT, full, sizeof(full) - 1);
        game_link_send4(w->link, 8, PORT, full + 4, sizeof(full) - 5);
        game_link_send4(w->link, 8, PORT, OOB "V\xff\xff\xff\xff", 9);
        g_assert_cmpuint(world_received(w, 0), ==, 3);
}

/* Ever new addresses have one half of the port's limit, those who were there before the rest. */
static void test_invented(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_ON);
        unsigned n;

        world_put(w, &c);
        send_info(w, 7, 1);
        for (unsigned i = 0; i < 5000; i++)
                send_info(w, (uint16_t) (1000 + i), 1);
        n = world_received(w, 0);
        assert_about(n, 50);
        g_assert_cmpuint(world_counted(w, SHIELD_INFO, SHIELD_OVER_PORT), ==, 5001 - n);
        g_assert_cmpuint(world_keys(w, "shield-seen4", NFPROTO_IPV4), ==, n);
        g_assert_cmpuint(world_keys(w, shield_sources_set(NFPROTO_IPV4), NFPROTO_IPV4), ==, 0);
        g_assert_true(g_str_has_prefix(world_next_report(w), "info port 198.51."));
        g_assert_cmpuint(w->reports->len, ==, 1);
        send_info(w, 7, 9);
        g_assert_cmpuint(world_received(w, 0), ==, 9);
        for (uint16_t source = 8; source < 108; source++)
                send_info(w, source, 1);
        g_assert_cmpuint(world_received(w, 0), <=, 20);
}

/* Those who are known are held by all of the port's limit. */
static void test_port(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_ON);

        world_put(w, &c);
        for (unsigned round = 0; round < 10; round++)
                for (uint16_t source = 2; source < 42; source++)
                        send_info(w, source, 1);
        assert_about(world_received(w, 0), 100);
        assert_about(400 - world_counted(w, SHIELD_INFO, SHIELD_OVER_PORT), 100);
        g_assert_cmpuint(w->counters[SHIELD_INFO][SHIELD_OVER_SOURCE], ==, 0);
}

/* When no more sources can be remembered, new ones are held by the port's limit, and known ones by their own. */
static void test_full(World *w, gconstpointer data) {
        ShieldConfig c;

        shield_config_init(&c);
        c.limits[SHIELD_INFO] = (ShieldLimit){ 1, 3, 500000, 1000000 };
        world_put(w, &c);
        for (unsigned i = 0; i < SEEN_MAX + 500; i++)
                send_info(w, (uint16_t) (1000 + i), 1);
        g_assert_cmpuint(world_keys(w, "shield-seen4", NFPROTO_IPV4), ==, SEEN_MAX);
        g_assert_cmpuint(world_counted(w, SHIELD_INFO, SHIELD_PASSED), ==, SEEN_MAX + 500);
        (void) world_received(w, 0);
        for (unsigned i = 0; i < 20; i++)
                send_info(w, (uint16_t) (1000 + SEEN_MAX + i), 20);
        g_assert_cmpuint(world_counted(w, SHIELD_INFO, SHIELD_OVER_SOURCE), ==, 0);
        (void) world_received(w, 0);
        send_info(w, 1000, 20);
        assert_about(world_received(w, 0), 2);
        assert_about(world_counted(w, SHIELD_INFO, SHIELD_OVER_SOURCE), 10);
}

static void test_count(World *w, gconstpointer data) {
        ShieldConfig c = slow(SHIELD_COUNT);

        world_put(w, &c);
        send_info(w, 7, 60);
        game_link_send4(w->link, 7, PORT, NULL, 0);
        g_assert_cmpuint(world_received(w, 0), ==, 61);
        assert_about(world_counted(w, SHIELD_INFO, SHIELD_OVER_SOURCE), 35);
        g_assert_cmpuint(w->counters[SHIELD_EMPTY][SHIELD_OVER_SOURCE], ==, 1);
        g_assert_true(strstr(world_sources(w, NFPROTO_IPV4), "198.51.0.7 27015 info "));
        g_assert_true(g_str_has_prefix(world_next_report(w), "info source 198.51.0.7"));
}

/* From any mode to any other; what is limited begins anew. */
static void test_changes(World *w, gconstpointer data) {
        static const ShieldMode modes[] = { SHIELD_OFF, SHIELD_ON, SHIELD_ON, SHIELD_COUNT, SHIELD_OFF,
                SHIELD_COUNT, SHIELD_ON, SHIELD_OFF };

        for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
                ShieldConfig c = slow(modes[i]);
                unsigned n;

                world_put(w, &c);
                send_info(w, 7, 60);
                n = world_received(w, 0);
                if (modes[i] == SHIELD_ON)
                        assert_about(n, 10);
                else
                        g_assert_cmpuint(n, ==, 60);
                world_read_counters(w);
        }
        assert_about(world_counted(w, SHIELD_INFO, SHIELD_OVER_SOURCE), 5 * 50 - 20);
}

static void test_skipped(void) {
        g_test_skip("needs nf_tables and a network namespace with an interface of its own");
}

static void add(const char *path, void (*test)(World *w, gconstpointer data)) {
        if (allowed)
                g_test_add(path, World, NULL, world_set_up, test, world_tear_down);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        allowed = world_can_be();
        if (!allowed)
                g_test_add_func("/shield-rules", test_skipped);
        add("/shield-rules/source", test_source);
        add("/shield-rules/ipv6", test_ipv6);
        add("/shield-rules/kinds", test_kinds);
        add("/shield-rules/players", test_players);
        add("/shield-rules/wrong", test_wrong);
        add("/shield-rules/invented", test_invented);
        add("/shield-rules/port", test_port);
        add("/shield-rules/full", test_full);
        add("/shield-rules/count", test_count);
        add("/shield-rules/changes", test_changes);
        return g_test_run();
}
