/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/rcon-text.h"

/* L4D2 2.2.4.3, build 10097. */
#define HEAD \
        "hostname: My Server\n" \
        "version : 2.2.4.3 10097 secure  (unknown)\n" \
        "udp/ip  : 10.0.0.4:27015 [ public 203.0.113.66:27015 ]\n" \
        "os      : Linux Dedicated\n" \
        "map     : c2m1_highway\n"
#define COLUMNS "\n# userid name uniqueid connected ping loss state rate adr\n"
#define ROWS \
        "# 26 1 \"Player Six\" STEAM_1:0:12345678 05:40 99 0 active 30000 198.51.100.4:44563\n" \
        "#27 \"Coach\" BOT active\n" \
        "#75 \"Tank\" BOT active\n" \
        "# 116 2 \"a \"quoted\" name\" STEAM_1:1:87654321 1:02:33 45 2 spawning 30000 203.0.113.8:27005\n"

static RconStatus *parse(const char *text) {
        RconStatus *s = NULL;

        g_assert_cmpint(rcon_status_parse(text, strlen(text), &s), ==, 0);
        return s;
}

static void test_status(void) {
        g_autoptr(RconStatus) s = parse(
                HEAD "players : 2 humans, 5 bots (12 max) (not hibernating) (unreserved)\n" COLUMNS ROWS
                     "#end\n");
        const RconPlayer *p;

        g_assert_cmpstr(s->hostname, ==, "My Server");
        g_assert_cmpstr(s->version, ==, "2.2.4.3");
        g_assert_cmpuint(s->build, ==, 10097);
        g_assert_true(s->secure);
        g_assert_cmpstr(s->address, ==, "10.0.0.4:27015");
        g_assert_cmpstr(s->public_address, ==, "203.0.113.66:27015");
        g_assert_cmpstr(s->os, ==, "Linux Dedicated");
        g_assert_cmpstr(s->map, ==, "c2m1_highway");
        g_assert_cmpuint(s->humans, ==, 2);
        g_assert_cmpuint(s->bots, ==, 5);
        g_assert_cmpuint(s->max_players, ==, 12);
        g_assert_false(s->hibernating);
        g_assert_false(s->reserved);
        g_assert_true(s->complete);
        g_assert_cmpuint(s->unread, ==, 0);
        g_assert_cmpuint(s->players->len, ==, 4);

        p = g_ptr_array_index(s->players, 0);
        g_assert_cmpuint(p->userid, ==, 26);
        g_assert_cmpuint(p->slot, ==, 1);
        g_assert_cmpstr(p->name, ==, "Player Six");
        g_assert_cmpstr(p->unique_id, ==, "STEAM_1:0:12345678");
        g_assert_cmpuint(p->steam_id, ==, 76561197984957084);
        g_assert_cmpuint(p->connected, ==, 340);
        g_assert_cmpuint(p->ping, ==, 99);
        g_assert_cmpuint(p->loss, ==, 0);
        g_assert_cmpstr(p->state, ==, "active");
        g_assert_cmpuint(p->rate, ==, 30000);
        g_assert_cmpstr(p->address, ==, "198.51.100.4:44563");

        p = g_ptr_array_index(s->players, 2);
        g_assert_true(p->bot);
        g_assert_cmpuint(p->userid, ==, 75);
        g_assert_cmpstr(p->name, ==, "Tank");
        g_assert_cmpuint(p->steam_id, ==, 0);

        p = g_ptr_array_index(s->players, 3);
        g_assert_cmpstr(p->name, ==, "a \"quoted\" name");
        g_assert_cmpuint(p->connected, ==, 3753);
        g_assert_cmpuint(p->loss, ==, 2);
}

static void test_idle(void) {
        g_autoptr(RconStatus) s = parse(
                "hostname: \nversion : 2.2.4.3 10097 insecure  (unknown)\r\nudp/ip  : 10.0.0.4:27015 [ public same ]\n"
                "os : x\nmap     : c1m1_hotel at ( 1, 2, 3 )\n"
                "players : 0 humans, 0 bots (4/8 max) (hibernating) (reserved 1860000a1b2c3d4)\n"
                "# userid name uniqueid connected ping loss state rate adr\n#end\n");

        g_assert_cmpstr(s->hostname, ==, "");
        g_assert_false(s->secure);
        g_assert_cmpstr(s->public_address, ==, "10.0.0.4:27015");
        g_assert_cmpstr(s->map, ==, "c1m1_hotel");
        g_assert_cmpuint(s->max_players, ==, 4);
        g_assert_true(s->hibernating);
        g_assert_true(s->reserved);
        g_assert_cmphex(s->lobby, ==, 0x1860000a1b2c3d4);
        g_assert_true(s->complete);
        g_assert_cmpuint(s->players->len, ==, 0);
}

static void test_odd_rows(void) {
        g_autoptr(RconStatus) s = parse(
                HEAD "players : 9 humans, 0 bots (12 max) (not hibernating) (reserved)\n"
                     "L 11/06/2020 - 19:05:14: rcon from \"127.0.0.1:54598\": command \"status\"\n"
                     "# userid name uniqueid connected ping loss state rate adr\n"
                     "#   3   4   \"padded\"    [U:1:5]   00:01   1   2   connecting   30000   loopback\n"
                     "# 5 6 \"no rights\" STEAM_ID_PENDING 00:00 0 0 challenging 30000\n"
                     "# 7 \"no slot\" UNKNOWN 10:00 0 0 active 30000 1.2.3.4:5\n"
                     "# 8 9 \"\" STEAM_1:0:1 10:00 0 0 active 30000 1.2.3.4:5\n"
                     "# 8 9 \"broken\" STEAM_9:5:1 10:00 0 0 active 30000 1.2.3.4:5\n"
                     "# 8 9 \"broken\" STEAM_1:0:1 10 0 0 active 30000 1.2.3.4:5\n"
                     "# 8 9 \"broken\" STEAM_1:0:1 10:00 -1 0 active 30000 1.2.3.4:5\n"
                     "# 99999999999 9 \"broken\" STEAM_1:0:1 10:00 0 0 active 30000 1.2.3.4:5\n"
                     "# 8 9 \"broken\n"
                     "# 8 9 broken STEAM_1:0:1\n"
                     "#\n"
                     "L 11/06/2020 - 19:05:14: # 8 9 \"log\" BOT active\n"
                     "hostname: not this one\n"
                     "# 10 \"last\377\r\033[1m\" BOT active");
        static const char *const names[] = { "padded", "no rights", "no slot", "", "last\357\277\275??[1m" };
        const RconPlayer *p;

        g_assert_cmpuint(s->players->len, ==, G_N_ELEMENTS(names));
        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                p = g_ptr_array_index(s->players, i);
                g_assert_cmpstr(p->name, ==, names[i]);
        }
        p = g_ptr_array_index(s->players, 0);
        g_assert_cmpuint(p->steam_id, ==, 76561197960265733);
        g_assert_cmpstr(p->address, ==, "loopback");
        p = g_ptr_array_index(s->players, 1);
        g_assert_cmpuint(p->steam_id, ==, 0);
        g_assert_cmpstr(p->address, ==, "");
        g_assert_cmpuint(s->unread, ==, 7);
        g_assert_cmpstr(s->hostname, ==, "My Server");
        g_assert_true(s->reserved);
        g_assert_cmpuint(s->lobby, ==, 0);
        g_assert_false(s->complete);
}

/* A host's name may look like anything; it is one line. */
static void test_hostname_cannot_lie(void) {
        g_autoptr(RconStatus)
                s = parse("hostname: players : 9 humans, 9 bots (9 max)\n"
                          "players : 1 humans, 0 bots (4 max) (not hibernating) (unreserved)\n#\n#end\n");

        g_assert_cmpstr(s->hostname, ==, "players : 9 humans, 9 bots (9 max)");
        g_assert_cmpuint(s->humans, ==, 1);
}

static void test_no_status(void) {
        static const char *const texts[] = { "", "\n", "Unknown command \"status\"", HEAD,
                "players : none\n", "players : 1 humans, 0 bots\n",
                "# players : 1 humans, 0 bots (4 max)\n" };
        g_autofree char *large = g_strnfill(RCON_TEXT_MAX + 1, '\n');
        g_autoptr(GString) many = g_string_new("players : 1 humans, 0 bots (4 max)\n#\n");
        RconStatus *s = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                g_assert_cmpint(rcon_status_parse(texts[i], strlen(texts[i]), &s), ==, -EBADMSG);
        g_assert_cmpint(rcon_status_parse(large, RCON_TEXT_MAX + 1, &s), ==, -EMSGSIZE);
        for (unsigned i = 0; i <= RCON_PLAYERS_MAX; i++)
                g_string_append(many, "#1 \"\" BOT active\n");
        g_assert_cmpint(rcon_status_parse(many->str, many->len, &s), ==, -EMSGSIZE);
        g_assert_null(s);
}

static void test_status_round_trip(void) {
        static const char *const texts[] = {
                HEAD "players : 2 humans, 5 bots (12 max) (not hibernating) (unreserved)\n" COLUMNS ROWS
                     "#end\n",
                HEAD "players : 0 humans, 0 bots (4 max) (hibernating) (reserved 186000000000001)\n" COLUMNS
                     "#end\n",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(RconStatus) s = parse(texts[i]);
                g_autofree char *text = rcon_status_format(s);

                g_assert_cmpstr(text, ==, texts[i]);
        }
}

static void test_stats(void) {
        static const struct {
                const char *text;
                RconStats stats;
        } cases[] = {
                { "CPU   In    Out   Uptime  Users   FPS    Players\n31.01  2.00  4.00       3     0   59.94       9\n"
                  "L 01/06/2025 - 00:03:30: rcon from \"198.51.100.4:55454\": command \"stats\"\n",
                        { 31.01, 2, 4, 3, 0, -1, 59.94, 9 } },
                { "\nCPU    In_(KB/s)  Out_(KB/s)  Uptime  Map_changes  FPS      Players  Connects\n"
                  "0.00   82.99      619.13      287     14           66.67    64       900\n",
                        { 0, 82.99, 619.13, 287, 900, 14, 66.67, 64 } },
                { "   CPU   NetIn   NetOut    Uptime  Maps   FPS   Players  Svms    +-ms   ~tick\r\n"
                  "L 01/06/2025 - 00:03:30: x\n"
                  "   0.0      0.0      0.0      24     0  125.31       0    0.26    0.38    0.21\r\n",
                        { 0, 0, 0, 24, -1, 0, 125.31, 0 } },
        };
        static const char *const broken[] = { "", "CPU FPS", "CPU FPS\n1", "CPU FPS\n1 2 3", "CPU FPS\n1 x",
                "CPU x\n1 2", "CPU FPS\nnan 1", "FPS CPU\n1 2", "Unknown command \"stats\"\n" };
        RconStats s = { 0 }, again;

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_assert_cmpint(rcon_stats_parse(cases[i].text, strlen(cases[i].text), &s), ==, 0);
                g_assert_cmpmem(&s, sizeof(s), &cases[i].stats, sizeof(s));
                if (i == 0) {
                        g_autofree char *text = rcon_stats_format(&s);

                        g_assert_cmpint(rcon_stats_parse(text, strlen(text), &again), ==, 0);
                        g_assert_cmpmem(&s, sizeof(s), &again, sizeof(s));
                }
        }
        for (size_t i = 0; i < G_N_ELEMENTS(broken); i++)
                g_assert_cmpint(rcon_stats_parse(broken[i], strlen(broken[i]), &s), ==, -EBADMSG);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/rcon-text/status", test_status);
        g_test_add_func("/rcon-text/idle", test_idle);
        g_test_add_func("/rcon-text/odd-rows", test_odd_rows);
        g_test_add_func("/rcon-text/hostname", test_hostname_cannot_lie);
        g_test_add_func("/rcon-text/no-status", test_no_status);
        g_test_add_func("/rcon-text/round-trip", test_status_round_trip);
        g_test_add_func("/rcon-text/stats", test_stats);
        return g_test_run();
}
