/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The remote console: a stream of packets, which a server or a client sent, and the answers to `status` and `stats`. */
#include <string.h>

#include "fuzz.h"
#include "protocol/rcon-text.h"
#include "protocol/rcon.h"

/* What was decoded is encoded as the same, but for what stood behind a NUL. */
static void check_packet(RconSender from, const RconPacket *p) {
        g_autoptr(GByteArray) b = g_byte_array_new();
        RconPacket again;

        g_assert_cmpint(rcon_encode(b, p->type, p->id, p->body, p->body_size), ==, 0);
        g_assert_cmpint(rcon_decode(from, b->data, b->len, &again, NULL), ==, b->len);
        g_assert_cmpint(again.type, ==, p->type);
        g_assert_cmpint(again.id, ==, p->id);
        g_assert_cmpmem(again.body, again.body_size, p->body, p->body_size);
}

static void read_stream(RconSender from, const uint8_t *data, size_t size) {
        g_autoptr(RconAnswer) answer = rcon_answer_new(2, 3, 5000);

        while (size > 0) {
                size_t missing = 0, less = size - 1;
                RconPacket p;
                ssize_t n;

                n = rcon_decode(from, data, size, &p, &missing);
                if (n <= 0) {
                        g_assert_true(n < 0 || (missing > 0 && size + missing <= RCON_PACKET_MAX));
                        return;
                }
                g_assert_cmpuint((size_t) n, <=, size);
                g_assert_cmpuint(p.body_size + RCON_OVERHEAD, <=, (size_t) n);
                g_assert_true((size_t) n <= less || rcon_decode(from, data, less, &p, &missing) <= 0);
                (void) rcon_decode(from, data, size, &p, &missing);

                check_packet(from, &p);
                (void) rcon_auth_result(&p, 1);
                (void) rcon_answer_add(answer, &p);
                g_assert_cmpuint(answer->text->len, <=, 5000);
                data += n;
                size -= (size_t) n;
        }
}

/* Once read and written, it is read and written as the same. */
static void read_status(const char *text, size_t size) {
        g_autoptr(RconStatus) s = NULL, again = NULL;
        g_autofree char *first = NULL, *second = NULL;

        if (rcon_status_parse(text, size, &s) < 0)
                return;
        g_assert_true(g_utf8_validate(s->hostname, -1, NULL));
        for (guint i = 0; i < s->players->len; i++) {
                const RconPlayer *p = g_ptr_array_index(s->players, i);

                g_assert_true(g_utf8_validate(p->name, -1, NULL));
                g_assert_true(*p->unique_id && *p->state);
        }
        if (!*s->version || !*s->address || !*s->map)
                return;

        first = rcon_status_format(s);
        if (strlen(first) > RCON_TEXT_MAX)
                return;
        g_assert_cmpint(rcon_status_parse(first, strlen(first), &again), ==, 0);
        second = rcon_status_format(again);
        g_assert_cmpstr(second, ==, first);
}

static void read_stats(const char *text, size_t size) {
        g_autofree char *written = NULL;
        RconStats s, again;

        if (rcon_stats_parse(text, size, &s) < 0)
                return;
        written = rcon_stats_format(&s);
        g_assert_cmpint(rcon_stats_parse(written, strlen(written), &again), ==, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autofree char *line = g_strndup((const char *) data, size);
        g_autoptr(GByteArray) b = g_byte_array_new();

        read_stream(RCON_FROM_SERVER, data, size);
        read_stream(RCON_FROM_CLIENT, data, size);
        read_status((const char *) data, size);
        read_stats((const char *) data, size);

        if (rcon_encode_command(b, 1, line, RCON_MARKER_EXEC, 2) == 0) {
                g_assert_cmpuint(b->len, <=, RCON_REQUEST_MAX + RCON_OVERHEAD);
                g_assert_null(strpbrk(line, "\r\n\033"));
        }
        return 0;
}
