/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "service/cpus.h"

/* user, nice, system, idle, iowait, irq, softirq, steal; what comes after them (guests) is in user and nice already. */
#define FIELDS 8U
#define IDLE 3U
#define IOWAIT 4U

/* `cpu0 1 2 3 ...`: false for the line of them all together, and for what is none. */
static bool read_line(const char *line, uint32_t *ret_cpu, uint64_t *ret_busy, uint64_t *ret_total) {
        g_auto(GStrv) words = g_strsplit(line, " ", -1);
        uint64_t busy = 0, total = 0;
        guint64 cpu, ticks;

        if (g_strv_length(words) < FIELDS + 1 || !g_str_has_prefix(words[0], "cpu") ||
                !g_ascii_string_to_unsigned(words[0] + strlen("cpu"), 10, 0, CPUS_MAX - 1, &cpu, NULL))
                return false;

        for (unsigned k = 0; k < FIELDS; k++) {
                if (!g_ascii_string_to_unsigned(words[k + 1], 10, 0, UINT64_MAX, &ticks, NULL))
                        return false;
                total += ticks;
                if (k != IDLE && k != IOWAIT)
                        busy += ticks;
        }

        *ret_cpu = (uint32_t) cpu;
        *ret_busy = busy;
        *ret_total = total;
        return true;
}

int cpu_times_parse(const char *text, long ticks_per_second,
        int (*each)(uint32_t cpu, uint64_t busy, uint64_t total, void *userdata), void *userdata) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        uint64_t usec = (uint64_t) (G_USEC_PER_SEC / ticks_per_second);
        int r = 0;

        for (char **line = lines; *line && r >= 0; line++) {
                uint64_t busy, total;
                uint32_t cpu;

                if (read_line(*line, &cpu, &busy, &total))
                        r = each(cpu, busy * usec, total * usec, userdata);
        }

        return r < 0 ? r : 0;
}
