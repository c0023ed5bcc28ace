/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/file-name.h"

#define PATH_MAX_BYTES 4000U
#define DEPTH_MAX 100U

static bool is_printable(gunichar c) {
        /* Format characters turn text round, or are not seen at all. */
        return g_unichar_isprint(c) && g_unichar_type(c) != G_UNICODE_FORMAT && c != '\\';
}

char *file_name_escape(const char *name) {
        GString *text = g_string_new(NULL);

        while (*name != '\0') {
                gunichar c = g_utf8_get_char_validated(name, -1);
                size_t n = (gint32) c < 0 ? 1 : (size_t) g_utf8_skip[(unsigned char) *name];

                if ((gint32) c >= 0 && is_printable(c))
                        g_string_append_len(text, name, (gssize) n);
                else
                        for (size_t i = 0; i < n; i++)
                                g_string_append_printf(text, "\\x%02x", (unsigned char) name[i]);
                name += n;
        }

        return g_string_free(text, FALSE);
}

static bool element_is_valid(const char *element, size_t n) {
        return n >= 1 && n <= 255 && !(n == 1 && element[0] == '.') &&
               !(n == 2 && element[0] == '.' && element[1] == '.');
}

static bool elements_are_valid(const char *path) {
        unsigned depth = 0;

        for (;;) {
                size_t n = strcspn(path, "/");

                if (!element_is_valid(path, n) || ++depth > DEPTH_MAX)
                        return false;
                if (path[n] == '\0')
                        return true;
                path += n + 1;
        }
}

char *file_path_unescape(const char *path, bool root) {
        g_autoptr(GString) bytes = g_string_new(NULL);

        if (*path == '\0')
                return root ? g_strdup("") : NULL;

        for (const char *p = path; *p != '\0'; p++) {
                char c = *p;

                if (c == '\\') {
                        if (p[1] != 'x' || !g_ascii_isxdigit(p[2]) || !g_ascii_isxdigit(p[3]))
                                return NULL;
                        c = (char) (g_ascii_xdigit_value(p[2]) << 4 | g_ascii_xdigit_value(p[3]));
                        if (c == '\0' || c == '/')
                                return NULL;
                        p += 3;
                }
                g_string_append_c(bytes, c);
        }

        if (bytes->len > PATH_MAX_BYTES || !elements_are_valid(bytes->str))
                return NULL;

        return g_string_free(g_steal_pointer(&bytes), FALSE);
}
