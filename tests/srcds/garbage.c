/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "garbage.h"
#include "protocol/rcon.h"
#include "server.h"
#include "util.h"

typedef void (*Kind)(Server *s, GByteArray *out, uint32_t id);

void garbage_set(Server *s, const char *what, int kind) {
        bool both = strcasecmp(what, "both") == 0;

        s->garbage = (Garbage){
                .a2s = both || strcasecmp(what, "a2s") == 0,
                .rcon = both || strcasecmp(what, "rcon") == 0,
                .kind = kind,
                .random = s->schedule.seed,
        };
}

static void append(GByteArray *out, const void *data, size_t size) {
        g_byte_array_append(out, data, (guint) size);
}

static void append_number(GByteArray *out, uint32_t n) {
        const uint8_t b[] = { n & 0xff, n >> 8 & 0xff, n >> 16 & 0xff, n >> 24 };

        append(out, b, sizeof(b));
}

static void append_random(Server *s, GByteArray *out, size_t size) {
        while (size-- > 0) {
                uint8_t b = (uint8_t) random_next(&s->garbage.random);

                append(out, &b, 1);
        }
}

#define APPEND_TEXT(out, text) append(out, text, sizeof(text) - 1) /* NULs inside are part of it */

static void a2s_short(Server *s, GByteArray *out, uint32_t type) {
        APPEND_TEXT(out, "\xff\xff\xff");
}

static void a2s_random(Server *s, GByteArray *out, uint32_t type) {
        append_random(s, out, 32);
}

static void a2s_random_body(Server *s, GByteArray *out, uint32_t type) {
        APPEND_TEXT(out, "\xff\xff\xff\xff");
        append(out, &(uint8_t){ (uint8_t) type }, 1);
        append_random(s, out, 200);
}

static void a2s_endless_name(Server *s, GByteArray *out, uint32_t type) {
        APPEND_TEXT(out, "\xff\xff\xff\xffI\x11");
        while (out->len < 1400)
                APPEND_TEXT(out, "A");
}

static void a2s_cut_off(Server *s, GByteArray *out, uint32_t type) {
        APPEND_TEXT(out,
                "\xff\xff\xff\xffI\x11name\0map\0left4dead2\0Left 4 Dead 2\0\x26\x02\x01\x04\0dl\0\x01"
                "2.2.4.3\0\xff\x01");
}

static void a2s_false_count(Server *s, GByteArray *out, uint32_t type) {
        APPEND_TEXT(out, "\xff\xff\xff\xff"
                         "D\xff\0only one\0\x01\0\0\0\0\0\x80\x3f");
}

static void a2s_wrong_type(Server *s, GByteArray *out, uint32_t type) {
        APPEND_TEXT(out, "\xff\xff\xff\xffm127.0.0.1\0");
}

static void a2s_challenges(Server *s, GByteArray *out, uint32_t type) {
        a2s_encode_challenge(out, (uint32_t) random_next(&s->garbage.random) | 1);
}

static void a2s_lost_part(Server *s, GByteArray *out, uint32_t type) {
        APPEND_TEXT(out, "\xfe\xff\xff\xff\x07\0\0\0\x03\0\xa4\x04\xff\xff\xff\xff"
                         "E\xff\xffmp_gamemode\0");
}

static void a2s_impossible_part(Server *s, GByteArray *out, uint32_t type) {
        APPEND_TEXT(out, "\xfe\xff\xff\xff\x07\0\0\0\x02\x09\xa4\x04rest");
}

static void a2s_compressed(Server *s, GByteArray *out, uint32_t type) {
        APPEND_TEXT(out, "\xfe\xff\xff\xff\x07\0\0\x80\x01\0\xa4\x04\xff\xff\xff\x7f\0\0\0\0BZh9");
}

static void a2s_control_characters(Server *s, GByteArray *out, uint32_t type) {
        APPEND_TEXT(out,
                "\xff\xff\xff\xff"
                "D\x02\0\x1b[2J\x07\xff\xfe\xc3\0\xff\xff\xff\x7f\0\0\xc0\x7f\0<script>\r\n\0\0\0\0\x80"
                "\0\0\x80\xff");
}

static const Kind a2s_kinds[] = { a2s_short, a2s_random, a2s_random_body, a2s_endless_name, a2s_cut_off,
        a2s_false_count, a2s_wrong_type, a2s_challenges, a2s_lost_part, a2s_impossible_part, a2s_compressed,
        a2s_control_characters };

static void rcon_negative_size(Server *s, GByteArray *out, uint32_t id) {
        append_number(out, UINT32_MAX);
        append_number(out, id);
        append_number(out, 0);
}

static void rcon_huge_size(Server *s, GByteArray *out, uint32_t id) {
        append_number(out, INT32_MAX);
        append_number(out, id);
        append_number(out, 0);
        append_random(s, out, 4096);
}

static void rcon_small_size(Server *s, GByteArray *out, uint32_t id) {
        append_number(out, 9);
        append_number(out, id);
        append_number(out, 0);
        append_random(s, out, 1);
}

static void rcon_noise(Server *s, GByteArray *out, uint32_t id) {
        append_random(s, out, 256);
}

static void rcon_never_whole(Server *s, GByteArray *out, uint32_t id) {
        append_number(out, 4096);
        append_number(out, id);
        append_number(out, 0);
        APPEND_TEXT(out, "the rest never comes");
}

static void rcon_wrong_id(Server *s, GByteArray *out, uint32_t id) {
        rcon_encode_answer(out, (int32_t) (id + 1000), "of another question\n", 20);
}

static void rcon_wrong_type(Server *s, GByteArray *out, uint32_t id) {
        append_number(out, 10);
        append_number(out, id);
        append_number(out, 77);
        APPEND_TEXT(out, "\0\0");
}

static void rcon_refusal(Server *s, GByteArray *out, uint32_t id) {
        rcon_encode_auth_answer(out, (int32_t) id, false);
}

static void rcon_no_end(Server *s, GByteArray *out, uint32_t id) {
        append_number(out, 14);
        append_number(out, id);
        append_number(out, 0);
        APPEND_TEXT(out, "\xff\x1b[2Jxx");
}

static void rcon_flood(Server *s, GByteArray *out, uint32_t id) {
        static const char text[] = "a line of an answer that goes on and on\n";

        for (unsigned i = 0; i < 20000; i++)
                rcon_encode_answer(out, (int32_t) id, text, sizeof(text) - 1);
}

static const Kind rcon_kinds[] = { rcon_negative_size, rcon_huge_size, rcon_small_size, rcon_noise,
        rcon_never_whole, rcon_wrong_id, rcon_wrong_type, rcon_refusal, rcon_no_end, rcon_flood };

static void pick(Server *s, const Kind *kinds, size_t n, GByteArray *out, uint32_t id) {
        Garbage *g = &s->garbage;
        size_t i = g->kind >= 0 ? (size_t) g->kind % n : g->n % n;

        g->n++;
        kinds[i](s, out, id);
}

bool garbage_a2s(Server *s, const Peer *peer, const A2sRequest *request) {
        static const char types[] = {
                [A2S_INFO_REQUEST] = 'I', [A2S_PLAYER_REQUEST] = 'D', [A2S_RULES_REQUEST] = 'E'
        };
        g_autoptr(GByteArray) out = NULL;

        if (!s->garbage.a2s)
                return false;
        out = g_byte_array_new();
        pick(s, a2s_kinds, ELEMENTSOF(a2s_kinds), out, (uint8_t) types[request->type]);
        peer_send(peer, out->data, out->len);
        return true;
}

bool garbage_rcon(Server *s, GByteArray *out, int32_t id) {
        if (!s->garbage.rcon)
                return false;
        pick(s, rcon_kinds, ELEMENTSOF(rcon_kinds), out, (uint32_t) id);
        return true;
}
