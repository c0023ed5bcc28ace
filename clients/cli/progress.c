/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "progress.h"
#include "text.h"

#define BAR_MIN 10
#define BAR_MAX 40
#define EDGE 3U

struct Progress {
        const Terminal *err;
        gboolean active; /* there is somebody to show it to */
        char **shown;    /* NULL: nothing */
        unsigned n;
        unsigned columns; /* of the terminal when they were put there */
};

Progress *progress_new(Cli *cli) {
        Progress *p = g_new0(Progress, 1);

        p->err = &cli->err;
        p->active = cli->err.tty && !cli->quiet;
        return p;
}

static void forget(Progress *p) {
        g_clear_pointer(&p->shown, g_strfreev);
        p->n = 0;
}

Progress *progress_free(Progress *p) {
        if (!p)
                return NULL;

        progress_clear(p);
        g_free(p);
        return NULL;
}

gboolean progress_active(const Progress *p) {
        return p->active;
}

/* How far the first line is above the cursor. A terminal that has become narrower has broken what was too wide for it. */
static unsigned rows_above(const Progress *p) {
        unsigned columns = terminal_columns(p->err), rows = 0, i;

        for (i = 0; i < p->n; i++)
                rows += columns < p->columns ? MAX(1, (text_width(p->shown[i]) + columns - 1) / columns) : 1;

        return rows - 1;
}

static void go_to_first(const Progress *p) {
        unsigned rows = rows_above(p);

        fputc('\r', p->err->file);
        if (rows > 0)
                fprintf(p->err->file, "\033[%uA", rows);
}

/* Cut short of the edge: some terminals wrap in the last column, and an interrupt shows as two characters more. */
static char *cut_line(const Progress *p, unsigned columns, const ProgressLine *line) {
        return text_ellipsize(line->text, columns > EDGE ? columns - EDGE : 1, terminal_ellipsis(p->err));
}

/* Only what has changed, or all; over a slow line that matters. */
static void put_lines(Progress *p, const ProgressLine *lines, char **cut, unsigned n, gboolean all) {
        for (unsigned i = 0; i < n; i++) {
                if (all || !g_str_equal(cut[i], p->shown[i])) {
                        fputs("\033[K", p->err->file);
                        terminal_put(p->err, lines[i].style, cut[i]);
                }
                if (i + 1 < n)
                        fputs("\r\n", p->err->file);
        }
        fflush(p->err->file);
}

/* Expects lines that are safe, no more than the terminal has. */
void progress_show(Progress *p, const ProgressLine *lines, unsigned n) {
        unsigned columns = terminal_columns(p->err), i;
        g_auto(GStrv) cut = NULL;
        gboolean same, all = TRUE;

        if (!p->active || n == 0)
                return;

        cut = g_new0(char *, n + 1);
        for (i = 0; i < n; i++)
                cut[i] = cut_line(p, columns, &lines[i]);

        same = p->n == n && p->columns == columns;
        for (i = 0; i < n && same; i++)
                same = g_str_equal(cut[i], p->shown[i]);
        if (same)
                return;

        if (p->n > 0 && (p->n != n || p->columns != columns))
                progress_clear(p);
        else if (p->n > 0) {
                go_to_first(p);
                all = FALSE;
        } else
                fputc('\r', p->err->file);
        put_lines(p, lines, cut, n, all);

        forget(p);
        p->shown = g_steal_pointer(&cut);
        p->n = n;
        p->columns = columns;
}

/* Before anything else is printed. */
void progress_clear(Progress *p) {
        if (p->n == 0)
                return;

        go_to_first(p);
        fputs(p->n > 1 ? "\033[J" : "\033[K", p->err->file);
        fflush(p->err->file);
        forget(p);
}

/* The lines as they end; there may be more of them than the terminal has. */
void progress_end(Progress *p, const ProgressLine *lines, unsigned n) {
        unsigned columns = terminal_columns(p->err), i;

        progress_clear(p);
        for (i = 0; i < n && p->active; i++) {
                g_autofree char *cut = cut_line(p, columns, &lines[i]);

                terminal_put(p->err, lines[i].style, cut);
                fputc('\n', p->err->file);
        }
        fflush(p->err->file);
}

/*
 * "l4d2: unpacking  [=====>      ]  45%  1.1G of 2.4G"; without a bar when the fraction is not known
 * (negative).
 */
char *progress_bar(unsigned columns, const char *label, double fraction, const char *details) {
        g_autofree char *bar = NULL, *cut = NULL;
        unsigned room, used, width, filled;

        if (fraction < 0)
                return *details ? g_strdup_printf("%s  %s", label, details) : g_strdup(label);

        /* Two gaps, the brackets, the percentage, and the column that stays free. */
        used = text_width(details) + strlen("  [] 100%  ") + 1;
        room = columns > used + BAR_MIN ? columns - used - BAR_MIN : BAR_MIN;
        cut = text_ellipsize(label, room, "...");
        used += text_width(cut);
        width = CLAMP(columns > used ? columns - used : 0, BAR_MIN, BAR_MAX);

        filled = (unsigned) (CLAMP(fraction, 0.0, 1.0) * width);
        bar = g_malloc0(width + 1);
        memset(bar, ' ', width);
        memset(bar, '=', filled);
        if (filled > 0 && filled < width)
                bar[filled - 1] = '>';

        return g_strdup_printf(
                "%s  [%s] %3u%%  %s", cut, bar, (unsigned) (CLAMP(fraction, 0.0, 1.0) * 100), details);
}
