/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "card.h"
#include "format.h"
#include "text.h"

#define KEY_WIDTH 12

void card_heading(Cli *cli, Style style, const char *heading) {
        g_autofree char *safe = text_safe(heading, -1, TEXT_ONE_LINE), *cut = NULL;
        unsigned columns = terminal_columns(&cli->out);

        cut = text_ellipsize(safe, columns > 2 ? columns - 2 : columns, terminal_ellipsis(&cli->out));
        terminal_put(&cli->out, style, "\342\227\217 ");
        terminal_put(&cli->out, STYLE_BOLD, cut);
        fputc('\n', cli->out.file);
}

void card_line(Cli *cli, const char *key, const char *value) {
        card_line_styled(cli, key, value, STYLE_NONE);
}

/*
 * Long values are broken into lines on a terminal. No key: goes on with the line above. Nothing is printed
 * of what is empty.
 */
void card_line_styled(Cli *cli, const char *key, const char *value, Style style) {
        g_autofree char *safe = text_safe(value, -1, TEXT_KEEP_LINES);
        unsigned columns = terminal_columns(&cli->out);
        g_auto(GStrv) lines = NULL;
        char **line;

        if (!*safe)
                return;

        lines = text_wrap(safe, columns > KEY_WIDTH + 2 ? columns - KEY_WIDTH - 2 : columns);
        for (line = lines; *line; line++) {
                fprintf(cli->out.file, "%*s%s ", KEY_WIDTH, line == lines ? key : "",
                        line == lines && *key ? ":" : " ");
                terminal_put(&cli->out, line == lines ? style : STYLE_NONE, *line);
                fputc('\n', cli->out.file);
        }
}

/* A moment and how long ago it was; nothing of what has not been. */
void card_time(Cli *cli, const char *key, uint64_t usec) {
        g_autofree char *time = format_timestamp(usec),
                        *ago = format_ago(usec, (uint64_t) g_get_real_time()), *both = NULL;

        if (usec == 0)
                return;

        both = g_strdup_printf("%s; %s", time, ago);
        card_line(cli, key, both);
}
