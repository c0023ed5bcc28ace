/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "protocol/rcon-text.h"
#include "protocol/scan.h"

#define COLUMNS_MAX 32

/* GoldSource and old Source: CPU In Out Uptime Users FPS Players. TF2: CPU In_(KB/s) Out_(KB/s) Uptime Map_changes FPS Players Connects.
 * CS:GO: CPU NetIn NetOut Uptime Maps FPS Players and more. */
static const struct {
        const char *name;
        size_t offset;
} columns[] = {
        { "CPU", offsetof(RconStats, cpu) },
        { "In", offsetof(RconStats, in) },
        { "In_(KB/s)", offsetof(RconStats, in) },
        { "NetIn", offsetof(RconStats, in) },
        { "Out", offsetof(RconStats, out) },
        { "Out_(KB/s)", offsetof(RconStats, out) },
        { "NetOut", offsetof(RconStats, out) },
        { "Uptime", offsetof(RconStats, uptime) },
        { "Users", offsetof(RconStats, users) },
        { "Connects", offsetof(RconStats, users) },
        { "Map_changes", offsetof(RconStats, map_changes) },
        { "Maps", offsetof(RconStats, map_changes) },
        { "FPS", offsetof(RconStats, fps) },
        { "Players", offsetof(RconStats, players) },
};

static bool is_blank(const char *line) {
        scan_blanks(&line);
        return !*line;
}

/* At most COLUMNS_MAX words of a line, in place: they point into it. */
static unsigned split(char *line, const char *words[COLUMNS_MAX]) {
        unsigned n = 0;
        char *save = NULL;

        for (char *w = strtok_r(line, " \t\r", &save); w && n < COLUMNS_MAX;
                w = strtok_r(NULL, " \t\r", &save))
                words[n++] = w;
        return n;
}

static bool set_column(RconStats *s, const char *name, double value) {
        for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
                if (g_ascii_strcasecmp(columns[i].name, name) == 0) {
                        memcpy((char *) s + columns[i].offset, &value, sizeof(value));
                        return true;
                }
        return false;
}

static int read_table(char *header, char *row, RconStats *ret) {
        RconStats s = { -1, -1, -1, -1, -1, -1, -1, -1 };
        const char *names[COLUMNS_MAX], *values[COLUMNS_MAX];
        unsigned n = split(header, names), known = 0;

        if (n == 0 || split(row, values) != n || g_ascii_strcasecmp(names[0], "CPU") != 0)
                return -EBADMSG;

        for (unsigned i = 0; i < n; i++) {
                double value;
                char *end;

                value = g_ascii_strtod(values[i], &end);
                if (*end || !isfinite(value))
                        return -EBADMSG;
                known += set_column(&s, names[i], value);
        }
        if (known < 2)
                return -EBADMSG;
        *ret = s;
        return 0;
}

int rcon_stats_parse(const char *text, size_t size, RconStats *ret) {
        g_autofree char *copy = g_strndup(text, MIN(size, RCON_TEXT_MAX));
        g_auto(GStrv) lines = NULL;
        char *header = NULL;

        if (size > RCON_TEXT_MAX)
                return -EMSGSIZE;

        lines = g_strsplit(copy, "\n", -1);
        for (char **l = lines; *l; l++) {
                if (is_log_line(*l) || is_blank(*l))
                        continue;
                if (header)
                        return read_table(header, *l, ret);
                header = *l;
        }
        return -EBADMSG;
}

char *rcon_stats_format(const RconStats *s) {
        return g_strdup_printf("CPU   In    Out   Uptime  Users   FPS    Players\n"
                               "%5.2f %5.2f %5.2f %7.0f %5.0f %7.2f %7.0f\n",
                s->cpu, s->in, s->out, s->uptime, s->users, s->fps, s->players);
}
