/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "hex.h"
#include "protocol/a2s.h"

#define INFO_REQUEST "ff ff ff ff 54 53 6f 75 72 63 65 20 45 6e 67 69 6e 65 20 51 75 65 72 79 00"
#define CHALLENGE "ff ff ff ff 41 4d 3c 2b 1a"

/* A real L4D2 server of 2012. */
#define INFO_REPLY \
        "ff ff ff ff 49 11 5a 61 6d 62 69 4c 61 6e 64 20 31 33 76 73 31 33 20 5b 32 2e 31 2e 32 2e 35 5d 00 63 35 6d " \
        "31 5f 77 61 74 65 72 66 72 6f 6e 74 00 6c 65 66 74 34 64 65 61 64 32 00 4c 65 66 74 20 34 20 44 65 61 64 20 " \
        "32 00 26 02 14 1b 00 64 6c 00 01 32 2e 31 2e 32 2e 35 00 b1 87 69 07 48 1b 05 33 11 40 01 76 65 72 73 75 73 " \
        "2c 69 6e 63 72 65 61 73 65 64 5f 6d 61 78 70 6c 61 79 65 72 73 2c 6c 6f 6f 74 2c 6e 6f 2d 73 74 65 61 6d 2c " \
        "72 61 6e 6b 2c 73 65 63 75 72 65 00 26 02 00 00 00 00 00 00"
#define PLAYER_REPLY \
        "ff ff ff ff 44 02  00 45 6c 6c 69 73 00 0c 00 00 00 00 40 a5 43  00 5a 6f 65 79 00 fd ff ff ff 00 00 75 42"

static void test_requests(void) {
        static const struct {
                A2sRequest request;
                const char *hex;
        } cases[] = {
                { { A2S_INFO_REQUEST }, INFO_REQUEST },
                { { A2S_INFO_REQUEST, true, 0x1a2b3c4d }, INFO_REQUEST "4d 3c 2b 1a" },
                { { A2S_INFO_REQUEST, true, 0 }, INFO_REQUEST "00 00 00 00" },
                { { A2S_PLAYER_REQUEST }, "ff ff ff ff 55 ff ff ff ff" },
                { { A2S_PLAYER_REQUEST, true, 0x1a2b3c4d }, "ff ff ff ff 55 4d 3c 2b 1a" },
                { { A2S_RULES_REQUEST, true, 0x1a2b3c4d }, "ff ff ff ff 56 4d 3c 2b 1a" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GByteArray) b = g_byte_array_new();
                A2sRequest r;

                a2s_encode_request(b, &cases[i].request);
                assert_hex(b, cases[i].hex);
                g_assert_cmpint(a2s_type(b->data, b->len), ==, cases[i].request.type);
                g_assert_cmpint(a2s_decode_request(b->data, b->len, &r), ==, 0);
                g_assert_cmpint(r.type, ==, cases[i].request.type);
                g_assert_cmpint(r.has_challenge, ==, cases[i].request.has_challenge);
                if (r.has_challenge)
                        g_assert_cmphex(r.challenge, ==, cases[i].request.challenge);
        }
}

static void test_broken_requests(void) {
        static const struct {
                const char *hex;
                int r;
        } cases[] = {
                { "", -EBADMSG },
                { "ff ff ff ff", -EBADMSG },
                { "ff ff ff ff 54", -EBADMSG },
                { "ff ff ff ff 54 53 00", -EBADMSG },
                { "ff ff ff ff 54 53 6f 75 72 63 65 20 45 6e 67 69 6e 65 20 51 75 65 72 79", -EBADMSG },
                { "ff ff ff ff 55", -EBADMSG },
                { "ff ff ff ff 56 01 02 03", -EBADMSG },
                { "00 ff ff ff 54", -EBADMSG },
                { "ff ff ff ff 57", -EPROTO },
                { "ff ff ff ff 69", -EPROTO },
                { CHALLENGE, -EPROTO },
                { "fe ff ff ff 57 01 00 00 02 00 e0 04 00", -EPROTO },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GByteArray) b = from_hex(cases[i].hex);
                A2sRequest r;

                g_assert_cmpint(a2s_decode_request(b->data, b->len, &r), ==, cases[i].r);
        }
}

static void test_challenge(void) {
        g_autoptr(GByteArray) b = g_byte_array_new(), other = from_hex(PLAYER_REPLY);
        uint32_t challenge = 7;

        a2s_encode_challenge(b, 0x1a2b3c4d);
        assert_hex(b, CHALLENGE);
        g_assert_cmpint(a2s_decode_challenge(b->data, b->len - 1, &challenge), ==, -EBADMSG);
        g_assert_cmpint(a2s_decode_challenge(other->data, other->len, &challenge), ==, -EPROTO);
        g_assert_cmpuint(challenge, ==, 7);
        g_assert_cmpint(a2s_decode_challenge(b->data, b->len, &challenge), ==, 0);
        g_assert_cmphex(challenge, ==, 0x1a2b3c4d);
}

static void test_info_of_a_real_server(void) {
        g_autoptr(GByteArray) b = from_hex(INFO_REPLY), again = g_byte_array_new();
        g_autoptr(A2sInfo) info = NULL;

        g_assert_cmpint(a2s_decode_info(b->data, b->len, &info), ==, 0);
        g_assert_cmpuint(info->protocol, ==, 17);
        g_assert_cmpstr(info->name, ==, "ZambiLand 13vs13 [2.1.2.5]");
        g_assert_cmpstr(info->map, ==, "c5m1_waterfront");
        g_assert_cmpstr(info->folder, ==, "left4dead2");
        g_assert_cmpstr(info->game, ==, "Left 4 Dead 2");
        g_assert_cmpuint(info->app_id, ==, 550);
        g_assert_cmpuint(info->players, ==, 20);
        g_assert_cmpuint(info->max_players, ==, 27);
        g_assert_cmpuint(info->bots, ==, 0);
        g_assert_cmpint(info->server_type, ==, 'd');
        g_assert_cmpint(info->environment, ==, 'l');
        g_assert_false(info->password);
        g_assert_true(info->vac);
        g_assert_cmpstr(info->version, ==, "2.1.2.5");
        g_assert_cmphex(info->has, ==, 0xb1);
        g_assert_cmpuint(info->port, ==, 27015);
        g_assert_cmpuint(info->steam_id, ==, 90090903374088199);
        g_assert_cmpstr(info->keywords, ==, "versus,increased_maxplayers,loot,no-steam,rank,secure");
        g_assert_cmpuint(info->game_id, ==, 550);
        g_assert_cmpstr(info->tv_name, ==, "");

        g_assert_cmpint(a2s_encode_info(again, info), ==, 0);
        assert_hex(again, INFO_REPLY);
}

/* Cut anywhere: refused up to the version, and from there on a part of what was announced. */
static void test_info_cut_anywhere(void) {
        g_autoptr(GByteArray) b = from_hex(INFO_REPLY);
        uint8_t has = 0;

        for (size_t n = 0; n < b->len; n++) {
                g_autofree guint8 *exact = g_memdup2(b->data, n);
                g_autoptr(A2sInfo) info = NULL;
                int r;

                r = a2s_decode_info(exact, n, &info);
                if (n < 84) {
                        g_assert_cmpint(r, ==, -EBADMSG);
                        g_assert_null(info);
                        continue;
                }
                g_assert_cmpint(r, ==, 0);
                g_assert_true(g_str_has_prefix("2.1.2.5", info->version));
                g_assert_cmphex(has & (uint8_t) ~info->has, ==, 0);
                has = info->has;
        }
        g_assert_cmphex(has, ==, 0xb0);
}

static void test_info_with_all_fields(void) {
        A2sInfo in = {
                .protocol = 17,
                .name = (char *) (uintptr_t) "a\xff",
                .server_type = 'd',
                .environment = 'w',
                .password = true,
                .has = 0xFF,
                .port = 1,
                .steam_id = UINT64_MAX,
                .tv_port = 27020,
                .tv_name = (char *) (uintptr_t) "TV",
                .game_id = 550,
        };
        g_autoptr(GByteArray) b = g_byte_array_new();
        g_autofree char *huge = g_strnfill(A2S_REPLY_MAX, 'x');
        g_autoptr(A2sInfo) info = NULL;
        guint size;

        g_assert_cmpint(a2s_encode_info(b, &in), ==, 0);
        g_assert_cmpint(a2s_decode_info(b->data, b->len, &info), ==, 0);
        g_assert_cmpstr(info->name, ==, "a\357\277\275");
        g_assert_cmpstr(info->version, ==, "");
        g_assert_cmpstr(info->tv_name, ==, "TV");
        g_assert_cmpuint(info->tv_port, ==, 27020);
        g_assert_cmpuint(info->steam_id, ==, UINT64_MAX);
        g_assert_cmpuint(info->game_id, ==, 550);
        g_assert_cmphex(info->has, ==, 0xF1);
        g_assert_true(info->password);

        size = b->len;
        in.keywords = huge;
        g_assert_cmpint(a2s_encode_info(b, &in), ==, -EMSGSIZE);
        g_assert_cmpuint(b->len, ==, size);
}

static void assert_player(const GPtrArray *players, guint i, const char *name, int score, double seconds) {
        const A2sPlayer *p = g_ptr_array_index(players, i);

        g_assert_cmpstr(p->name, ==, name);
        g_assert_cmpint(p->score, ==, score);
        g_assert_cmpfloat_with_epsilon(p->seconds, seconds, 0.001);
}

static void test_players(void) {
        g_autoptr(GByteArray) b = from_hex(PLAYER_REPLY), again = g_byte_array_new();
        g_autoptr(GPtrArray) players = NULL, none = NULL, many = a2s_players_new();

        g_assert_cmpint(a2s_decode_players(b->data, b->len, &players), ==, 0);
        g_assert_cmpuint(players->len, ==, 2);
        assert_player(players, 0, "Ellis", 12, 330.5);
        assert_player(players, 1, "Zoey", -3, 61.25);
        g_assert_cmpint(a2s_encode_players(again, players), ==, 0);
        assert_hex(again, PLAYER_REPLY);

        /* The count does not decide; what is cut off goes; not-a-number and infinite times. */
        b->data[5] = 200;
        g_clear_pointer(&players, g_ptr_array_unref);
        g_assert_cmpint(a2s_decode_players(b->data, b->len - 1, &players), ==, 0);
        g_assert_cmpuint(players->len, ==, 1);
        memcpy(b->data + b->len - 4, "\x00\x00\xc0\x7f", 4);
        memcpy(b->data + 17, "\x00\x00\x80\xff", 4);
        g_clear_pointer(&players, g_ptr_array_unref);
        g_assert_cmpint(a2s_decode_players(b->data, b->len, &players), ==, 0);
        assert_player(players, 0, "Ellis", 12, -1);
        assert_player(players, 1, "Zoey", -3, -1);

        g_assert_cmpint(a2s_decode_players(b->data, 5, &none), ==, -EBADMSG);
        g_assert_cmpint(a2s_decode_rules(b->data, b->len, &none), ==, -EPROTO);
        g_assert_null(none);

        for (guint i = 0; i <= A2S_PLAYERS_MAX; i++)
                a2s_players_add(many, "", 0, 0);
        g_assert_cmpint(a2s_encode_players(again, many), ==, -EMSGSIZE);
        assert_hex(again, PLAYER_REPLY);
}

static void test_rules(void) {
        g_autoptr(GByteArray) b = g_byte_array_new();
        g_autoptr(GPtrArray) rules = a2s_rules_new(), read = NULL, cut = NULL;
        const A2sRule *r;

        a2s_rules_add(rules, "mp_gamemode", "coop");
        a2s_rules_add(rules, "", "nameless");
        a2s_rules_add(rules, "sv_cheats", "0");
        g_assert_cmpint(a2s_encode_rules(b, rules), ==, 0);
        g_assert_cmpint(memcmp(b->data, "\xff\xff\xff\xff\x45\x03\x00mp_gamemode", 19), ==, 0);

        g_assert_cmpint(a2s_decode_rules(b->data, b->len, &read), ==, 0);
        g_assert_cmpuint(read->len, ==, 2);
        r = g_ptr_array_index(read, 1);
        g_assert_cmpstr(r->name, ==, "sv_cheats");
        g_assert_cmpstr(r->value, ==, "0");

        g_assert_cmpint(a2s_decode_rules(b->data, b->len - 2, &cut), ==, 0);
        g_assert_cmpuint(cut->len, ==, 1);
}

/* A reply of many rules, longer than a datagram. */
static GByteArray *make_long_reply(unsigned n) {
        g_autoptr(GPtrArray) rules = a2s_rules_new();
        GByteArray *b = g_byte_array_new();

        for (unsigned i = 0; i < n; i++) {
                g_autofree char *name = g_strdup_printf("sm_plugin_%03u_version", i);

                a2s_rules_add(rules, name, "1.0.0");
        }
        g_assert_cmpint(a2s_encode_rules(b, rules), ==, 0);
        return b;
}

static int add(A2sAssembly *a, const GPtrArray *parts, guint i, GByteArray **ret) {
        const GByteArray *part = g_ptr_array_index(parts, i);

        return a2s_assembly_add(a, part->data, part->len, ret);
}

static void test_parts_in_any_order(void) {
        g_autoptr(GByteArray) reply = make_long_reply(150), other = make_long_reply(100);
        g_autoptr(A2sAssembly) a = a2s_assembly_new();
        g_autoptr(GPtrArray) parts = NULL, older = NULL;
        g_autoptr(GByteArray) joined = NULL;

        g_assert_cmpint(a2s_split(reply, 0x84ff, A2S_PART_SIZE, &parts), ==, 0);
        g_assert_cmpint(a2s_split(other, 0x84fe, A2S_PART_SIZE, &older), ==, 0);
        g_assert_cmpuint(parts->len, ==, 4);

        /* As CS:GO was captured. */
        g_assert_cmpint(memcmp(((GByteArray *) g_ptr_array_index(parts, 0))->data,
                                "\xfe\xff\xff\xff\xff\x84\x00\x00\x04\x00\xa4\x04\xff\xff\xff\xff\x45", 17),
                ==, 0);

        for (guint i = 0; i < 2; i++)
                g_assert_cmpint(add(a, older, i, &joined), ==, 0);
        for (guint i = parts->len - 1; i > 0; i--)
                for (int twice = 0; twice < 2; twice++)
                        g_assert_cmpint(add(a, parts, i, &joined), ==, 0);
        g_assert_cmpint(add(a, parts, 0, &joined), ==, 1);
        g_assert_cmpmem(joined->data, joined->len, reply->data, reply->len);

        /* The older one is still good. */
        g_clear_pointer(&joined, g_byte_array_unref);
        g_assert_cmpint(add(a, older, 2, &joined), ==, 1);
        g_assert_cmpmem(joined->data, joined->len, other->data, other->len);
}

static void test_short_replies_are_not_split(void) {
        g_autoptr(GByteArray) reply = from_hex(INFO_REPLY);
        g_autoptr(GPtrArray) parts = NULL, none = NULL;

        g_assert_cmpint(a2s_split(reply, 1, 10, &parts), ==, 0);
        g_assert_cmpuint(parts->len, ==, 1);
        assert_hex(g_ptr_array_index(parts, 0), INFO_REPLY);

        g_byte_array_set_size(reply, A2S_DATAGRAM_MAX + 1);
        g_assert_cmpint(a2s_split(reply, 1, 40, &none), ==, -EMSGSIZE);
        g_assert_cmpint(a2s_split(reply, 1, 0, &none), ==, -EINVAL);
        g_assert_cmpint(a2s_split(reply, 1, 65536, &none), ==, -EINVAL);
        g_assert_cmpint(a2s_split(reply, 0x80000001, 1188, &none), ==, -EINVAL);
        g_assert_null(none);
}

static void test_parts_without_marker(void) {
        g_autoptr(A2sAssembly) a = a2s_assembly_new();
        g_autoptr(GByteArray) joined = NULL, part = from_hex("fe ff ff ff 01 00 00 00 01 00 e0 04 45 00 00");

        g_assert_cmpint(a2s_assembly_add(a, part->data, part->len, &joined), ==, 1);
        assert_hex(joined, "ff ff ff ff 45 00 00");
}

static void test_hostile_parts(void) {
        static const struct {
                const char *hex;
                int r;
        } cases[] = {
                { "fe ff ff ff", -EBADMSG }, { "ff ff ff ff 45 00 00", -EBADMSG },
                { "fe ff ff ff 57 01 00 00 06 00 e0", -EBADMSG },
                { "fe ff ff ff 57 01 00 00 06 00 e0 04", -EBADMSG },    /* nothing in it */
                { "fe ff ff ff 57 01 00 00 00 00 e0 04 45", -EBADMSG }, /* of none */
                { "fe ff ff ff 57 01 00 00 06 06 e0 04 45", -EBADMSG }, /* the seventh of six */
                { "fe ff ff ff 57 01 00 00 21 00 e0 04 45", -EMSGSIZE },
                { "fe ff ff ff 57 01 00 80 06 00 e0 04 45", -ENOTSUP },
                { "fe ff ff ff 57 01 00 00 06 00 e0 04 45", 0 },
                { "fe ff ff ff 57 01 00 00 05 01 e0 04 45", -EBADMSG }, /* once of six, once of five */
        };
        g_autofree guint8 *large = g_malloc0(12 + A2S_REPLY_MAX);
        g_autoptr(A2sAssembly) a = a2s_assembly_new();
        g_autoptr(GByteArray) joined = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GByteArray) b = from_hex(cases[i].hex);

                g_assert_cmpint(a2s_assembly_add(a, b->data, b->len, &joined), ==, cases[i].r);
        }

        /* One byte more than fits with the one that is there. */
        memcpy(large, "\xfe\xff\xff\xff\x57\x01\x00\x00\x06\x01\xff\xff", 12);
        g_assert_cmpint(a2s_assembly_add(a, large, 12 + A2S_REPLY_MAX, &joined), ==, -EMSGSIZE);
        g_assert_cmpint(a2s_assembly_add(a, large, 11 + A2S_REPLY_MAX, &joined), ==, 0);
        g_assert_null(joined);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/a2s/requests", test_requests);
        g_test_add_func("/a2s/broken-requests", test_broken_requests);
        g_test_add_func("/a2s/challenge", test_challenge);
        g_test_add_func("/a2s/info", test_info_of_a_real_server);
        g_test_add_func("/a2s/info-cut", test_info_cut_anywhere);
        g_test_add_func("/a2s/info-full", test_info_with_all_fields);
        g_test_add_func("/a2s/players", test_players);
        g_test_add_func("/a2s/rules", test_rules);
        g_test_add_func("/a2s/parts", test_parts_in_any_order);
        g_test_add_func("/a2s/short-replies", test_short_replies_are_not_split);
        g_test_add_func("/a2s/parts-without-marker", test_parts_without_marker);
        g_test_add_func("/a2s/hostile-parts", test_hostile_parts);
        return g_test_run();
}
