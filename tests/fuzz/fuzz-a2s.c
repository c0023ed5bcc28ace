/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams as a server or a client sent them. The input is a row of them, each behind its size as 16 bits; also all of it is one. */
#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "protocol/a2s.h"
#include "protocol/wire.h"

static void read_info(const uint8_t *data, size_t size) {
        g_autoptr(GByteArray) b = g_byte_array_new(), c = g_byte_array_new();
        g_autoptr(A2sInfo) info = NULL, again = NULL;

        if (a2s_decode_info(data, size, &info) < 0)
                return;
        g_assert_true(g_utf8_validate(info->name, -1, NULL) && g_utf8_validate(info->keywords, -1, NULL));
        if (a2s_encode_info(b, info) < 0)
                return;
        g_assert_cmpint(a2s_decode_info(b->data, b->len, &again), ==, 0);
        g_assert_cmpint(a2s_encode_info(c, again), ==, 0);
        g_assert_cmpmem(b->data, b->len, c->data, c->len);
}

static void read_players(const uint8_t *data, size_t size) {
        g_autoptr(GPtrArray) players = NULL, again = NULL;
        g_autoptr(GByteArray) b = g_byte_array_new();

        if (a2s_decode_players(data, size, &players) < 0 || a2s_encode_players(b, players) < 0)
                return;
        for (guint i = 0; i < players->len; i++) {
                const A2sPlayer *p = g_ptr_array_index(players, i);

                g_assert_true(isfinite(p->seconds) && p->seconds >= -1);
        }
        g_assert_cmpint(a2s_decode_players(b->data, b->len, &again), ==, 0);
        g_assert_cmpuint(again->len, ==, players->len);
}

static void read_rules(const uint8_t *data, size_t size) {
        g_autoptr(GPtrArray) rules = NULL, again = NULL, parts = NULL;
        g_autoptr(A2sAssembly) assembly = a2s_assembly_new();
        g_autoptr(GByteArray) b = g_byte_array_new(), joined = NULL;

        if (a2s_decode_rules(data, size, &rules) < 0 || a2s_encode_rules(b, rules) < 0)
                return;
        g_assert_cmpint(a2s_decode_rules(b->data, b->len, &again), ==, 0);
        g_assert_cmpuint(again->len, ==, rules->len);

        if (a2s_split(b, 5, 200, &parts) < 0 || parts->len < 2)
                return;
        for (guint i = parts->len; i > 0; i--) {
                const GByteArray *part = g_ptr_array_index(parts, i - 1);

                g_assert_cmpint(a2s_assembly_add(assembly, part->data, part->len, &joined), ==, i == 1);
        }
        g_assert_cmpmem(joined->data, joined->len, b->data, b->len);
}

static void read_datagram(A2sAssembly *assembly, const uint8_t *data, size_t size) {
        g_autofree uint8_t *exact = g_memdup2(data, size);
        g_autoptr(GByteArray) joined = NULL, b = g_byte_array_new();
        A2sRequest request, again;
        uint32_t challenge;

        read_info(exact, size);
        read_players(exact, size);
        read_rules(exact, size);
        (void) a2s_decode_challenge(exact, size, &challenge);
        if (a2s_decode_request(exact, size, &request) == 0) {
                a2s_encode_request(b, &request);
                g_assert_cmpint(a2s_decode_request(b->data, b->len, &again), ==, 0);
                g_assert_cmpint(again.type, ==, request.type);
                g_assert_cmpint(again.has_challenge, ==, request.has_challenge);
        }

        if (a2s_assembly_add(assembly, exact, size, &joined) != 1)
                return;
        g_assert_cmpuint(joined->len, <=, A2S_REPLY_MAX + 4);
        g_assert_cmpint(a2s_type(joined->data, joined->len), !=, A2S_PART);
        read_players(joined->data, joined->len);
        read_rules(joined->data, joined->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autoptr(A2sAssembly) assembly = a2s_assembly_new();
        Wire w = { data, size };
        uint16_t n;

        read_datagram(assembly, data, size);
        while (wire_read_u16(&w, &n)) {
                size_t take = MIN(n, w.left);

                read_datagram(assembly, w.p, take);
                w.p += take;
                w.left -= take;
        }
        return 0;
}
