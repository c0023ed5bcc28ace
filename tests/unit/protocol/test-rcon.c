/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "hex.h"
#include "protocol/rcon.h"

/* As srcds and its clients were seen to speak. */
#define AUTH "10 00 00 00  01 00 00 00  03 00 00 00  73 65 63 72 65 74 00 00"
#define AUTH_EMPTY "0a 00 00 00  01 00 00 00  00 00 00 00  00 00"
#define AUTH_ACCEPTED "0a 00 00 00  01 00 00 00  02 00 00 00  00 00"
#define AUTH_REFUSED "0a 00 00 00  ff ff ff ff  02 00 00 00  00 00"
#define EXEC "10 00 00 00  02 00 00 00  02 00 00 00  73 74 61 74 75 73 00 00"
#define MARKER "0a 00 00 00  03 00 00 00  00 00 00 00  00 00"
#define MARKER_TAIL "0e 00 00 00  03 00 00 00  00 00 00 00  00 01 00 00  00 00"

static void test_captures_are_encoded(void) {
        g_autoptr(GByteArray) b = g_byte_array_new();

        g_assert_cmpint(rcon_encode_auth(b, 1, "secret"), ==, 0);
        assert_hex(b, AUTH);

        g_byte_array_set_size(b, 0);
        rcon_encode_auth_answer(b, 1, true);
        assert_hex(b, AUTH_EMPTY AUTH_ACCEPTED);

        g_byte_array_set_size(b, 0);
        rcon_encode_auth_answer(b, 1, false);
        assert_hex(b, AUTH_EMPTY AUTH_REFUSED);

        g_byte_array_set_size(b, 0);
        g_assert_cmpint(rcon_encode_command(b, 2, "status", RCON_MARKER_VALUE, 3), ==, 0);
        assert_hex(b, EXEC MARKER);

        g_byte_array_set_size(b, 0);
        g_assert_cmpint(rcon_encode_command(b, 2, "status", RCON_MARKER_NONE, 0), ==, 0);
        assert_hex(b, EXEC);

        g_byte_array_set_size(b, 0);
        g_assert_cmpint(rcon_encode_command(b, 2, "status", RCON_MARKER_EXEC, 3), ==, 0);
        assert_hex(b, EXEC "0a 00 00 00  03 00 00 00  02 00 00 00  00 00");

        g_byte_array_set_size(b, 0);
        rcon_encode_mirror(b, 3);
        assert_hex(b, MARKER MARKER_TAIL);
}

static void assert_packet(const RconPacket *p, RconType type, int32_t id, const char *body) {
        g_autofree char *text = g_strndup(p->body, p->body_size);

        g_assert_cmpint(p->type, ==, type);
        g_assert_cmpint(p->id, ==, id);
        g_assert_cmpstr(text, ==, body);
}

static void test_captures_are_decoded(void) {
        static const struct {
                RconSender from;
                const char *hex;
                RconType type;
                int32_t id;
                const char *body;
        } captures[] = {
                { RCON_FROM_CLIENT, AUTH, RCON_AUTH, 1, "secret" },
                { RCON_FROM_SERVER, AUTH_EMPTY, RCON_VALUE, 1, "" },
                { RCON_FROM_SERVER, AUTH_ACCEPTED, RCON_AUTH_RESPONSE, 1, "" },
                { RCON_FROM_SERVER, AUTH_REFUSED, RCON_AUTH_RESPONSE, RCON_ID_REFUSED, "" },
                { RCON_FROM_CLIENT, EXEC, RCON_EXEC, 2, "status" },
                { RCON_FROM_CLIENT, MARKER, RCON_VALUE, 3, "" },
                { RCON_FROM_SERVER, MARKER_TAIL, RCON_VALUE, 3, "" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(captures); i++) {
                g_autoptr(GByteArray) b = from_hex(captures[i].hex);
                RconPacket p;

                g_assert_cmpint(rcon_decode(captures[i].from, b->data, b->len, &p, NULL), ==, b->len);
                assert_packet(&p, captures[i].type, captures[i].id, captures[i].body);
        }
}

/* However TCP cuts it: the bytes that are said to be missing complete a packet in two steps at most. */
static void test_stream_is_decoded_from_any_cut(void) {
        g_autoptr(GByteArray) b = from_hex(AUTH_EMPTY AUTH_ACCEPTED);

        for (size_t n = 0; n < b->len; n++) {
                g_autofree guint8 *exact = g_memdup2(b->data, n);
                size_t missing = 0;
                RconPacket p;
                ssize_t r;

                r = rcon_decode(RCON_FROM_SERVER, exact, n, &p, &missing);
                g_assert_cmpint(r, ==, n < 14 ? 0 : 14);
                g_assert_cmpuint(missing, ==, n < 14 ? 14 - n : 0);
        }
}

static void test_broken_packets_are_refused(void) {
        static const struct {
                const char *hex;
                int from_server;
                int from_client;
        } cases[] = {
                { "09 00 00 00", -EBADMSG, -EBADMSG },
                { "00 00 00 00", -EBADMSG, -EBADMSG },
                { "ff ff ff ff", -EBADMSG, -EBADMSG },
                { "00 00 00 80", -EBADMSG, -EBADMSG },
                { "ff ff ff 7f", -EMSGSIZE, -EMSGSIZE },
                { "0b 10 00 00", -EMSGSIZE, -EMSGSIZE },
                { "0a 10 00 00", 0, 0 },
                { "0a 00 00 00  01 00 00 00  03 00 00 00", -EPROTO, 0 },
                { "0a 00 00 00  01 00 00 00  01 00 00 00", -EPROTO, -EPROTO },
                { "0a 00 00 00  01 00 00 00  ff ff ff ff", -EPROTO, -EPROTO },
                { "48 54 54 50 2f 31 2e 31", -EMSGSIZE, -EMSGSIZE },
        };
        RconPacket p;

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GByteArray) b = from_hex(cases[i].hex);

                g_assert_cmpint(
                        rcon_decode(RCON_FROM_SERVER, b->data, b->len, &p, NULL), ==, cases[i].from_server);
                g_assert_cmpint(
                        rcon_decode(RCON_FROM_CLIENT, b->data, b->len, &p, NULL), ==, cases[i].from_client);
        }
}

static void test_what_cannot_be_sent_is_refused(void) {
        g_autofree char *longest = g_strnfill(RCON_COMMAND_MAX, 'x'),
                        *longer = g_strnfill(RCON_COMMAND_MAX + 1, 'x');
        static const char *const refused[] = { "", "a\nb", "a\rb", "a\033b", "a\177b", "a\302\205b", "\377",
                "\303" };
        g_autoptr(GByteArray) b = g_byte_array_new();
        g_autofree char *body = g_malloc0(RCON_BODY_MAX + 1);

        for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
                g_assert_cmpint(rcon_encode_auth(b, 1, refused[i]), ==, -EINVAL);
                g_assert_cmpint(rcon_encode_command(b, 1, refused[i], RCON_MARKER_NONE, 0), ==, -EINVAL);
        }
        g_assert_cmpint(rcon_encode_command(b, 1, longer, RCON_MARKER_NONE, 0), ==, -EINVAL);
        g_assert_cmpint(rcon_encode_auth(b, 0, "secret"), ==, -EINVAL);
        g_assert_cmpint(rcon_encode_auth(b, RCON_ID_REFUSED, "secret"), ==, -EINVAL);
        g_assert_cmpint(rcon_encode_command(b, -5, "status", RCON_MARKER_NONE, 0), ==, -EINVAL);
        g_assert_cmpint(rcon_encode_command(b, 2, "status", RCON_MARKER_VALUE, 2), ==, -EINVAL);
        g_assert_cmpint(rcon_encode_command(b, 2, "status", RCON_MARKER_EXEC, 0), ==, -EINVAL);
        g_assert_cmpint(rcon_encode(b, RCON_VALUE, 1, body, RCON_BODY_MAX + 1), ==, -EMSGSIZE);
        g_assert_cmpint(rcon_encode(b, (RconType) 7, 1, NULL, 0), ==, -EINVAL);
        g_assert_cmpuint(b->len, ==, 0);

        g_assert_cmpint(rcon_encode_command(b, 1, longest, RCON_MARKER_NONE, 0), ==, 0);
        g_assert_cmpuint(b->len, ==, RCON_REQUEST_MAX);

        g_assert_true(rcon_command_is_valid("say \"a; b\"; status"));
        g_assert_true(rcon_argument_is_valid(""));
        g_assert_true(rcon_argument_is_valid("D\303\251j\303\240 vu"));
        g_assert_false(rcon_argument_is_valid("a\"b"));
        g_assert_false(rcon_argument_is_valid("a;quit"));
}

static void test_auth(void) {
        RconPacket p = { .type = RCON_VALUE, .id = 7 };

        g_assert_cmpint(rcon_auth_result(&p, 7), ==, 0);
        p.type = RCON_AUTH_RESPONSE;
        g_assert_cmpint(rcon_auth_result(&p, 7), ==, 1);
        g_assert_cmpint(rcon_auth_result(&p, 8), ==, -EPROTO);
        p.id = RCON_ID_REFUSED;
        g_assert_cmpint(rcon_auth_result(&p, 7), ==, -EACCES);
}

/* Feeds the bytes of a server to the answer; what the last packet returned. */
static int feed(RconAnswer *a, const GByteArray *b) {
        size_t at = 0;
        int r = 0;

        while (at < b->len) {
                RconPacket p;
                ssize_t n;

                n = rcon_decode(RCON_FROM_SERVER, b->data + at, b->len - at, &p, NULL);
                g_assert_cmpint(n, >, 0);
                at += (size_t) n;
                r = rcon_answer_add(a, &p);
                if (r < 0)
                        return r;
        }
        return r;
}

static void test_long_answers_are_put_together(void) {
        g_autofree char *text = g_strnfill(10000, 'x');

        for (size_t size = 0; size <= 10000; size += 2500) {
                g_autoptr(GByteArray) b = g_byte_array_new();
                g_autoptr(RconAnswer) a = rcon_answer_new(4, 5, 10000), small = rcon_answer_new(4, 5, 9999);

                /* The tail of the marker before, and an answer nobody waits for any more. */
                append_hex(b, MARKER_TAIL);
                rcon_encode_answer(b, 2, "late", 4);
                rcon_encode_answer(b, 4, text, size);
                g_assert_cmpint(feed(a, b), ==, 0);
                g_assert_cmpuint(a->packets, ==, MAX(1, (size + 4085) / 4086));
                g_assert_false(a->complete);

                rcon_encode_mirror(b, 5);
                rcon_answer_free(g_steal_pointer(&a));
                a = rcon_answer_new(4, 5, 10000);
                g_assert_cmpint(feed(a, b), ==, 1);
                g_assert_true(a->complete);
                g_assert_cmpuint(a->text->len, ==, size);

                g_assert_cmpint(feed(small, b), ==, size < 10000 ? 1 : -EMSGSIZE);
                g_assert_cmpuint(small->text->len, <=, 9999);
        }
}

/* Whatever is encoded is decoded as what it was, also from a stream of many. */
static void test_round_trip(void) {
        g_autoptr(GByteArray) b = g_byte_array_new();
        size_t at = 0;

        for (int i = 0; i <= (int) RCON_BODY_MAX; i += 64) {
                g_autofree char *body = g_strnfill((gsize) i, 'a');

                g_assert_cmpint(rcon_encode(b, RCON_VALUE, -i, body, (size_t) i), ==, 0);
        }

        for (int i = 0; i <= (int) RCON_BODY_MAX; i += 64) {
                RconPacket p;
                ssize_t n;

                n = rcon_decode(RCON_FROM_CLIENT, b->data + at, b->len - at, &p, NULL);
                g_assert_cmpint(n, ==, i + 14);
                g_assert_cmpint(p.id, ==, -i);
                g_assert_cmpuint(p.body_size, ==, i);
                at += (size_t) n;
        }
        g_assert_cmpuint(at, ==, b->len);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/rcon/captures-are-encoded", test_captures_are_encoded);
        g_test_add_func("/rcon/captures-are-decoded", test_captures_are_decoded);
        g_test_add_func("/rcon/any-cut", test_stream_is_decoded_from_any_cut);
        g_test_add_func("/rcon/broken-packets", test_broken_packets_are_refused);
        g_test_add_func("/rcon/cannot-be-sent", test_what_cannot_be_sent_is_refused);
        g_test_add_func("/rcon/auth", test_auth);
        g_test_add_func("/rcon/long-answers", test_long_answers_are_put_together);
        g_test_add_func("/rcon/round-trip", test_round_trip);
        return g_test_run();
}
