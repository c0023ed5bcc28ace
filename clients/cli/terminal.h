/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdio.h>

/* One output stream and what may be sent to it. Text for terminal_put() has been made safe (text_safe). */

typedef enum {
        STYLE_NONE,
        STYLE_BOLD,
        STYLE_DIM,
        STYLE_RED,
        STYLE_GREEN,
        STYLE_YELLOW,
} Style;

typedef struct {
        FILE *file;
        gboolean tty; /* lines can be rewritten */
        gboolean color;
        gboolean utf8;
} Terminal;

void terminal_init(Terminal *t, FILE *file);
unsigned terminal_columns(const Terminal *t);
unsigned terminal_rows(const Terminal *t);
const char *terminal_ellipsis(const Terminal *t);
void terminal_put(const Terminal *t, Style style, const char *text);
void terminal_printf(const Terminal *t, const char *format, ...) G_GNUC_PRINTF(2, 3);
