/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Columns aligned by display width. On a terminal a table is never wider than the screen: columns that may
 * shrink give way first, the widest of them before the others. Piped, nothing is cut. Cells are made safe
 * here, so that no verb can forget it.
 */

#include <string.h>

#include "table.h"
#include "text.h"

#define GAP 2
#define SHRUNK_MIN 8
/* What is broken into lines can be read at this width, and hardly below it. */
#define WRAPPED_MIN 24

typedef struct {
        char **cells;
        Style *styles;
} Row;

struct Table {
        const TableColumn *columns;
        unsigned n_columns;
        GPtrArray *rows;
};

static void row_free(gpointer data) {
        Row *row = data;

        g_strfreev(row->cells);
        g_free(row->styles);
        g_free(row);
}

Table *table_new(const TableColumn *columns, unsigned n_columns) {
        Table *t = g_new0(Table, 1);

        t->columns = columns;
        t->n_columns = n_columns;
        t->rows = g_ptr_array_new_with_free_func(row_free);
        return t;
}

Table *table_free(Table *t) {
        if (!t)
                return NULL;

        g_ptr_array_unref(t->rows);
        g_free(t);
        return NULL;
}

unsigned table_rows(const Table *t) {
        return t->rows->len;
}

/* One text a column; fewer are filled up with empty ones. */
void table_add(Table *t, ...) {
        Row *row = g_new0(Row, 1);
        va_list cells;
        unsigned i;

        row->cells = g_new0(char *, t->n_columns + 1);
        row->styles = g_new0(Style, t->n_columns);

        va_start(cells, t);
        for (i = 0; i < t->n_columns; i++) {
                const char *cell = va_arg(cells, const char *);

                if (!cell)
                        break;
                row->cells[i] = text_safe(cell, -1, TEXT_ONE_LINE);
        }
        va_end(cells);

        for (; i < t->n_columns; i++)
                row->cells[i] = g_strdup("");

        g_ptr_array_add(t->rows, row);
}

/* Of a cell in the last row. */
void table_style(Table *t, unsigned column, Style style) {
        Row *row = g_ptr_array_index(t->rows, t->rows->len - 1);

        row->styles[column] = style;
}

static unsigned widths_sum(const Table *t, const unsigned *widths) {
        unsigned i, sum = GAP * (t->n_columns - 1);

        for (i = 0; i < t->n_columns; i++)
                sum += widths[i];

        return sum;
}

/*
 * Takes from the widest column of those with (or without) the flag what is too much, down to a readable
 * rest; of what is broken into lines that is wrapped.
 */
static void widths_shrink(
        const Table *t, unsigned *widths, unsigned columns, TableFlags flag, unsigned wrapped) {
        while (widths_sum(t, widths) > columns) {
                unsigned i, widest = t->n_columns;

                for (i = 0; i < t->n_columns; i++)
                        if ((!flag || (t->columns[i].flags & flag)) &&
                                widths[i] > (t->columns[i].flags & TABLE_WRAP ? wrapped : SHRUNK_MIN) &&
                                (widest == t->n_columns || widths[i] > widths[widest]))
                                widest = i;

                if (widest == t->n_columns)
                        return;
                widths[widest]--;
        }
}

static unsigned *table_widths(const Table *t, unsigned columns, gboolean header) {
        unsigned *widths = g_new0(unsigned, t->n_columns), i, j;

        for (i = 0; i < t->n_columns; i++) {
                widths[i] = header ? text_width(t->columns[i].title) : 0;
                for (j = 0; j < t->rows->len; j++) {
                        const Row *row = g_ptr_array_index(t->rows, j);

                        widths[i] = MAX(widths[i], text_width(row->cells[i]));
                }
        }

        widths_shrink(t, widths, columns, TABLE_WRAP, WRAPPED_MIN);
        widths_shrink(t, widths, columns, TABLE_SHRINK, WRAPPED_MIN);
        widths_shrink(t, widths, columns, 0, WRAPPED_MIN);
        widths_shrink(t, widths, columns, 0, SHRUNK_MIN);
        return widths;
}

static void print_cell(
        const Table *t, const Terminal *out, unsigned i, const char *text, Style style, unsigned width) {
        g_autofree char *cut = text_ellipsize(text, width, terminal_ellipsis(out));
        gboolean last = i + 1 == t->n_columns, right = t->columns[i].flags & TABLE_RIGHT;
        unsigned missing = width - MIN(width, text_width(cut));

        if (right)
                fprintf(out->file, "%*s", (int) missing, "");
        terminal_put(out, style, cut);
        /* No blanks at the end of a line. */
        if (!last)
                fprintf(out->file, "%*s", (int) (right ? GAP : missing + GAP), "");
}

static void print_wrapped(
        const Table *t, const Terminal *out, const char *text, Style style, const unsigned *widths) {
        unsigned indent = widths_sum(t, widths) - widths[t->n_columns - 1];
        g_auto(GStrv) lines = text_wrap(text, widths[t->n_columns - 1]);
        char **line;

        for (line = lines; *line; line++) {
                if (line > lines)
                        fprintf(out->file, "\n%*s", (int) indent, "");
                terminal_put(out, style, *line);
        }
}

void table_print(Table *t, const Terminal *out, gboolean header) {
        g_autofree unsigned *widths = table_widths(t, terminal_columns(out), header);
        unsigned i, j;

        if (header) {
                for (i = 0; i < t->n_columns; i++)
                        print_cell(t, out, i, t->columns[i].title, STYLE_BOLD, widths[i]);
                fputc('\n', out->file);
        }

        for (j = 0; j < t->rows->len; j++) {
                const Row *row = g_ptr_array_index(t->rows, j);

                for (i = 0; i < t->n_columns; i++)
                        if (out->tty && (t->columns[i].flags & TABLE_WRAP))
                                print_wrapped(t, out, row->cells[i], row->styles[i], widths);
                        else
                                print_cell(t, out, i, row->cells[i], row->styles[i], widths[i]);
                fputc('\n', out->file);
        }
}
