/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hex.h"

void append_hex(GByteArray *out, const char *text) {
        for (const char *p = text; *p; p++) {
                guint8 byte;

                if (g_ascii_isspace(*p))
                        continue;
                g_assert_true(g_ascii_isxdigit(p[0]) && g_ascii_isxdigit(p[1]));
                byte = (guint8) (g_ascii_xdigit_value(p[0]) * 16 + g_ascii_xdigit_value(p[1]));
                g_byte_array_append(out, &byte, 1);
                p++;
        }
}

GByteArray *from_hex(const char *text) {
        GByteArray *b = g_byte_array_new();

        append_hex(b, text);
        return b;
}

static char *to_hex(const GByteArray *b) {
        GString *s = g_string_new(NULL);

        for (guint i = 0; i < b->len; i++)
                g_string_append_printf(s, "%s%02x", i > 0 ? " " : "", b->data[i]);
        return g_string_free(s, FALSE);
}

void assert_hex(const GByteArray *b, const char *expected) {
        g_autoptr(GByteArray) e = from_hex(expected);
        g_autofree char *have = to_hex(b), *want = to_hex(e);

        g_assert_cmpstr(have, ==, want);
}
