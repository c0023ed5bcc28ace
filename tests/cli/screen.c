/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>

#include "screen.h"
#include "text.h"

typedef struct {
        GPtrArray *lines; /* GString, one byte for each column */
        unsigned row, column, columns;
} Screen;

static void clear_line(gpointer data) {
        g_string_free(data, TRUE);
}

static GString *line_at(Screen *s, unsigned row) {
        while (s->lines->len <= row)
                g_ptr_array_add(s->lines, g_string_new(NULL));

        return g_ptr_array_index(s->lines, row);
}

static void put(Screen *s, char c) {
        GString *line = line_at(s, s->row);

        if (s->column + 1 >= s->columns)
                g_error("'%s' reaches column %u", line->str, s->columns);
        while (line->len <= s->column)
                g_string_append_c(line, ' ');
        line->str[s->column++] = c;
}

/* The sequence behind ESC [; returns its end. */
static const char *control(Screen *s, const char *p) {
        unsigned number = (unsigned) strtoul(p, NULL, 10);

        p += strspn(p, "0123456789;");
        if (*p == 'A') {
                g_assert_cmpuint(number, <=, s->row);
                s->row -= number;
        } else if (*p == 'K')
                g_string_truncate(line_at(s, s->row), MIN(line_at(s, s->row)->len, s->column));
        else if (*p == 'J') {
                g_string_truncate(line_at(s, s->row), MIN(line_at(s, s->row)->len, s->column));
                g_ptr_array_set_size(s->lines, (int) s->row + 1);
        } else if (*p != 'm')
                g_error("a sequence that ends with '%c'", *p);

        return p + 1;
}

char *screen_of(const GString *output, unsigned columns) {
        Screen s = { .lines = g_ptr_array_new_with_free_func(clear_line), .columns = columns };
        GString *text = g_string_new(NULL);
        const char *p = output->str;

        while (*p)
                if (g_str_has_prefix(p, "\033["))
                        p = control(&s, p + 2);
                else if (*p == '\r') {
                        s.column = 0;
                        p++;
                } else if (*p == '\n') {
                        s.row++;
                        p++;
                } else {
                        /* A character of several bytes has one column. */
                        put(&s, (unsigned char) *p < 0x80 ? *p : '?');
                        p = text_next(p);
                }

        for (guint i = 0; i < s.lines->len; i++)
                g_string_append_printf(text, "%s\n", g_strchomp(line_at(&s, i)->str));

        g_ptr_array_unref(s.lines);
        return g_string_free(text, FALSE);
}

void assert_screen(const GString *output, unsigned columns, const char *expected) {
        g_autofree char *screen = screen_of(output, columns);

        g_assert_cmpstr(screen, ==, expected);
}
