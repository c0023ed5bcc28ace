/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "service/pressure.h"

/* `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`; the kernel writes no locale's comma, and must not be read with one. */
static int read_line(const char *line, const char *kind, PressureLine *ret) {
        static const char *const keys[] = { "avg10=", "avg60=", "avg300=" };
        g_auto(GStrv) words = g_strsplit(line, " ", -1);
        PressureLine l = { 0 };
        double *values[] = { &l.avg10, &l.avg60, &l.avg300 };

        if (g_strv_length(words) != 5 || !g_str_equal(words[0], kind))
                return -EBADMSG;

        for (size_t k = 0; k < G_N_ELEMENTS(keys); k++) {
                const char *number = words[k + 1] + strlen(keys[k]);
                char *end;

                if (!g_str_has_prefix(words[k + 1], keys[k]) || !g_ascii_isdigit(*number))
                        return -EBADMSG;
                *values[k] = g_ascii_strtod(number, &end);
                if (*end != '\0')
                        return -EBADMSG;
        }

        if (!g_str_has_prefix(words[4], "total=") ||
                !g_ascii_string_to_unsigned(words[4] + strlen("total="), 10, 0, UINT64_MAX, &l.total, NULL))
                return -EBADMSG;

        *ret = l;
        return 0;
}

int pressure_parse(const char *text, Pressure *ret) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        Pressure p = { 0 };
        int r;

        if (g_strv_length(lines) < 2)
                return -EBADMSG;

        r = read_line(lines[0], "some", &p.some);
        if (r >= 0)
                r = read_line(lines[1], "full", &p.full);
        if (r >= 0)
                *ret = p;

        return r;
}
