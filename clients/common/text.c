/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Log lines, messages and file names come from game servers and archives: whoever plays on a server can
 * write into its log. A terminal obeys what it is sent, so nothing reaches one that did not pass
 * text_safe(): controls (C0, DEL, C1) and the characters that turn the direction of writing are spelt out,
 * what is no UTF-8 becomes U+FFFD. All other functions expect its result.
 */

#include <string.h>

#include "text.h"

/*
 * What no terminal shall see: controls, and characters that change how the text around them is shown, or
 * hide in it. (Soft hyphens, joiners and marks pass: written language needs those.)
 */
gboolean text_unsafe(gunichar c) {
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
               (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
               (c >= 0xe0000 && c <= 0xe007f);
}

char *text_safe(const char *text, gssize length, TextMode mode) {
        g_autoptr(GString) safe = NULL;
        const char *p, *end;

        if (!text)
                return g_strdup("");

        end = text + (length < 0 ? strlen(text) : (gsize) length);
        safe = g_string_sized_new((gsize) (end - text));

        for (p = text; p < end;) {
                gunichar c = *p ? g_utf8_get_char_validated(p, end - p) : 0;

                if (c == (gunichar) -1 || c == (gunichar) -2) {
                        g_string_append(safe, "\357\277\275");
                        p++;
                        continue;
                }

                if (c == '\t')
                        g_string_append_c(safe, ' ');
                else if (c == '\n' && mode == TEXT_KEEP_LINES)
                        g_string_append_c(safe, '\n');
                else if (text_unsafe(c))
                        g_string_append_printf(safe, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
                else
                        g_string_append_len(safe, p, text_next(p) - p);

                p = text_next(p);
        }

        return g_string_free(g_steal_pointer(&safe), FALSE);
}

static unsigned char_width(gunichar c) {
        if (g_unichar_iszerowidth(c))
                return 0;

        return g_unichar_iswide(c) ? 2 : 1;
}

unsigned text_width(const char *text) {
        unsigned width = 0;
        const char *p;

        for (p = text; *p; p = text_next(p))
                width += char_width(g_utf8_get_char(p));

        return width;
}

/* Where a text must end to be no wider than so many columns. */
static const char *text_cut(const char *text, unsigned width) {
        unsigned used = 0;
        const char *p;

        for (p = text; *p; p = text_next(p)) {
                used += char_width(g_utf8_get_char(p));
                if (used > width)
                        break;
        }

        return p;
}

char *text_ellipsize(const char *text, unsigned width, const char *ellipsis) {
        unsigned tail = text_width(ellipsis);
        const char *end;

        if (text_width(text) <= width)
                return g_strdup(text);

        if (tail > width)
                return g_strndup(ellipsis, (gsize) (text_cut(ellipsis, width) - ellipsis));

        end = text_cut(text, width - tail);
        return g_strdup_printf("%.*s%s", (int) (end - text), text, ellipsis);
}

char *text_pad(const char *text, unsigned width, gboolean right) {
        unsigned have = text_width(text);
        int missing = have < width ? (int) (width - have) : 0;

        if (right)
                return g_strdup_printf("%*s%s", missing, "", text);

        return g_strdup_printf("%s%*s", text, missing, "");
}

/* Breaks at spaces where there are any, else inside a word. */
char **text_wrap(const char *text, unsigned width) {
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

        width = MAX(width, 2);

        while (*text) {
                const char *feed = strchrnul(text, '\n'), *end = text_cut(text, width), *space;

                if (feed <= end)
                        end = feed;
                else if (*end) {
                        for (space = end; space > text && *space != ' ';)
                                space--;
                        if (space > text)
                                end = space;
                }

                g_ptr_array_add(lines, g_strndup(text, (gsize) (end - text)));
                text = end;
                while (*text == ' ')
                        text++;
                if (text == feed && *text == '\n')
                        text++;
        }

        if (lines->len == 0)
                g_ptr_array_add(lines, g_strdup(""));
        g_ptr_array_add(lines, NULL);
        return (char **) g_ptr_array_free(g_steal_pointer(&lines), FALSE);
}

/* For a terminal that does not speak UTF-8. */
char *text_ascii(const char *text) {
        GString *ascii = g_string_new(NULL);
        const char *p;

        for (p = text; *p; p = text_next(p)) {
                gunichar c = g_utf8_get_char(p);

                if (c < 0x80)
                        g_string_append_c(ascii, (char) c);
                else if (c == 0x2026)
                        g_string_append(ascii, "...");
                else if (c == 0xa0)
                        g_string_append_c(ascii, ' ');
                else if (c == 0x25cf)
                        g_string_append_c(ascii, '*');
                else
                        g_string_append_c(ascii, '?');
        }

        return g_string_free(ascii, FALSE);
}
