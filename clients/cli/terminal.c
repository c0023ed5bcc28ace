/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "terminal.h"
#include "text.h"

static const char *const sequences[] = {
        [STYLE_BOLD] = "\033[1m",
        [STYLE_DIM] = "\033[2m",
        [STYLE_RED] = "\033[1;31m",
        [STYLE_GREEN] = "\033[1;32m",
        [STYLE_YELLOW] = "\033[1;33m",
};

void terminal_init(Terminal *t, FILE *file) {
        const char *term = g_getenv("TERM"), *no_color = g_getenv("NO_COLOR");

        t->file = file;
        t->tty = isatty(fileno(file)) && g_strcmp0(term, "dumb") != 0;
        t->color = t->tty && !(no_color && *no_color);
        t->utf8 = g_get_charset(NULL);
}

/* Asked each time, because the window may have been resized; no limit where there is no terminal. */
unsigned terminal_columns(const Terminal *t) {
        struct winsize size;
        const char *columns;
        guint64 number;

        if (!t->tty)
                return G_MAXINT;

        if (ioctl(fileno(t->file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                return size.ws_col;

        columns = g_getenv("COLUMNS");
        if (columns && g_ascii_string_to_unsigned(columns, 10, 1, G_MAXINT, &number, NULL))
                return (unsigned) number;

        return 80;
}

unsigned terminal_rows(const Terminal *t) {
        struct winsize size;

        return t->tty && ioctl(fileno(t->file), TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row
                                                                                           : 24;
}

const char *terminal_ellipsis(const Terminal *t) {
        return t->utf8 ? "\342\200\246" : "...";
}

void terminal_put(const Terminal *t, Style style, const char *text) {
        g_autofree char *ascii = NULL;

        if (!t->utf8)
                text = ascii = text_ascii(text);

        if (t->color && sequences[style])
                fprintf(t->file, "%s%s\033[0m", sequences[style], text);
        else
                fputs(text, t->file);
}

/* Plain text, which is made safe here. */
void terminal_printf(const Terminal *t, const char *format, ...) {
        g_autofree char *text = NULL, *safe = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);

        safe = text_safe(text, -1, TEXT_KEEP_LINES);
        terminal_put(t, STYLE_NONE, safe);
}
