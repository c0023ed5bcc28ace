/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "progress.h"
#include "text.h"

#define BAR_MIN 10
#define BAR_MAX 40

struct Progress {
        const Terminal *err;
        gboolean active; /* there is somebody to show it to */
        char *shown;
};

Progress *progress_new(Cli *cli) {
        Progress *p = g_new0(Progress, 1);

        p->err = &cli->err;
        p->active = cli->err.tty && !cli->quiet;
        return p;
}

Progress *progress_free(Progress *p) {
        if (!p)
                return NULL;

        progress_clear(p);
        g_free(p);
        return NULL;
}

/* Expects a line that is safe; cuts it one column short of the edge, where some terminals wrap. */
void progress_show(Progress *p, const char *line) {
        g_autofree char *cut = NULL;

        if (!p->active)
                return;

        cut = text_ellipsize(line, terminal_columns(p->err) - 1, terminal_ellipsis(p->err));
        if (g_strcmp0(cut, p->shown) == 0)
                return;

        fputs("\r\033[K", p->err->file);
        terminal_put(p->err, STYLE_NONE, cut);
        fflush(p->err->file);

        g_free(p->shown);
        p->shown = g_steal_pointer(&cut);
}

/* Before anything else is printed. */
void progress_clear(Progress *p) {
        if (!p->shown)
                return;

        fputs("\r\033[K", p->err->file);
        fflush(p->err->file);
        g_clear_pointer(&p->shown, g_free);
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
