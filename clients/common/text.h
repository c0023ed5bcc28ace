/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * Text from elsewhere on its way to a terminal: made harmless, measured, cut and wrapped by display
 * columns.
 */

typedef enum {
        TEXT_ONE_LINE,
        TEXT_KEEP_LINES, /* line feeds pass */
} TextMode;

/* g_utf8_next_char() for text that is const. */
static inline const char *text_next(const char *p) {
        return p + g_utf8_skip[(unsigned char) *p];
}

gboolean text_unsafe(gunichar c);
char *text_safe(const char *text, gssize length, TextMode mode);
unsigned text_width(const char *text);
char *text_ellipsize(const char *text, unsigned width, const char *ellipsis);
char *text_pad(const char *text, unsigned width, gboolean right);
char **text_wrap(const char *text, unsigned width);
char *text_ascii(const char *text);
