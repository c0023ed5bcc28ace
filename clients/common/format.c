/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "format.h"

/* "512B", "1.5K", "28.0G": the letters and the powers of 1024 that systemctl and ls -h use. */
char *format_bytes(uint64_t bytes) {
        static const char letters[] = "BKMGTPE";
        unsigned i = 0;
        uint64_t unit = 1;

        while (i < sizeof(letters) - 2 && bytes / unit >= 1024) {
                unit *= 1024;
                i++;
        }

        if (i == 0)
                return g_strdup_printf("%" G_GUINT64_FORMAT "B", bytes);

        return g_strdup_printf("%" G_GUINT64_FORMAT ".%u%c", bytes / unit,
                (unsigned) (bytes % unit * 10 / unit), letters[i]);
}

/* The two largest units say enough: "3d 4h", "2min 5s", "1.250s", "40ms". */
char *format_duration(uint64_t usec) {
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = { { "w", USEC_PER_WEEK }, { "d", USEC_PER_DAY }, { "h", USEC_PER_HOUR },
                { "min", USEC_PER_MINUTE }, { "s", USEC_PER_SEC } };
        unsigned i;

        if (usec < USEC_PER_SEC)
                return g_strdup_printf("%ums", (unsigned) (usec / USEC_PER_MSEC));

        for (i = 0; usec < units[i].usec;)
                i++;

        if (i + 1 < G_N_ELEMENTS(units) && usec % units[i].usec >= units[i + 1].usec)
                return g_strdup_printf("%" G_GUINT64_FORMAT "%s %" G_GUINT64_FORMAT "%s",
                        usec / units[i].usec, units[i].name, usec % units[i].usec / units[i + 1].usec,
                        units[i + 1].name);

        return g_strdup_printf("%" G_GUINT64_FORMAT "%s", usec / units[i].usec, units[i].name);
}

/* What runs on while somebody looks: "0:07", "12:34", "1:02:03". */
char *format_clock(uint64_t usec) {
        uint64_t s = usec / USEC_PER_SEC;

        if (s < 3600)
                return g_strdup_printf("%" G_GUINT64_FORMAT ":%02" G_GUINT64_FORMAT, s / 60, s % 60);

        return g_strdup_printf("%" G_GUINT64_FORMAT ":%02" G_GUINT64_FORMAT ":%02" G_GUINT64_FORMAT,
                s / 3600, s / 60 % 60, s % 60);
}

char *format_ago(uint64_t then, uint64_t now) {
        g_autofree char *duration = NULL;

        /* Two clocks are compared when the service is on another host, and the clock may have been set. */
        if (then > now)
                return g_strdup("just now");

        duration = format_duration(now - then);
        return g_strconcat(duration, " ago", NULL);
}

static char *format_local(uint64_t usec, const char *format, const char *otherwise) {
        g_autoptr(GDateTime) time = NULL;

        if (usec == 0)
                return g_strdup(otherwise);

        if (usec / USEC_PER_SEC <= G_MAXINT64 / USEC_PER_SEC)
                time = g_date_time_new_from_unix_local((gint64) (usec / USEC_PER_SEC));
        if (!time)
                return g_strdup("?");

        return g_date_time_format(time, format);
}

char *format_timestamp(uint64_t usec) {
        return format_local(usec, "%a %Y-%m-%d %H:%M:%S %Z", "never");
}

char *format_log_time(uint64_t usec) {
        return format_local(usec, "%b %d %H:%M:%S", "-");
}

char *format_date(uint64_t usec) {
        return format_local(usec, "%Y-%m-%d %H:%M", "-");
}

static char *format_signal(int number) {
        const char *name = sigabbrev_np(number);

        return name ? g_strdup_printf("SIG%s", name) : g_strdup_printf("signal %d", number);
}

/* How a process ended: systemd's word for it and the exit code or the signal's number. */
char *format_exit(const char *result, int status) {
        static const struct {
                const char *result, *words;
        } known[] = {
                { "", "not yet" },
                { "success", "without an error" },
                { "watchdog", "gave no sign of life" },
                { "timeout", "did not start or stop in time" },
                { "protocol", "did not say that it is ready" },
                { "oom-kill", "killed: out of memory" },
                { "start-limit-hit", "crashed too often within a minute" },
                { "resources", "the system lacked resources for it" },
                { "exec-condition", "a condition for its start is not met" },
        };
        g_autofree char *name = NULL;
        unsigned i;

        /* left4me-run ends with 128 + n when signal n ended the game. */
        if (g_str_equal(result, "exit-code") && status > 128 && sigabbrev_np(status - 128)) {
                name = format_signal(status - 128);
                return g_strdup_printf("ended by %s (code %d)", name, status);
        }

        if (g_str_equal(result, "exit-code"))
                return g_strdup_printf("ended with code %d", status);

        if (g_str_equal(result, "signal") || g_str_equal(result, "core-dump")) {
                name = format_signal(status);
                return g_strdup_printf(
                        "%s by %s", g_str_equal(result, "signal") ? "ended" : "crashed", name);
        }

        for (i = 0; i < G_N_ELEMENTS(known); i++)
                if (g_str_equal(result, known[i].result))
                        return g_strdup(known[i].words);

        return g_strdup(result);
}

/* MainPID becomes main_pid, CPUUsage cpu_usage, IPIngressBytes ip_ingress_bytes: the keys of all JSON. */
char *format_snake_case(const char *camel) {
        GString *snake = g_string_new(NULL);
        const char *p;

        for (p = camel; *p; p++) {
                /* CPUs is one word. */
                gboolean plural = p[0] != 0 && p[1] == 's' && !g_ascii_islower(p[2]);
                gboolean starts = g_ascii_isupper(*p) && p > camel &&
                                  (!g_ascii_isupper(p[-1]) || (g_ascii_islower(p[1]) && !plural));

                if (starts)
                        g_string_append_c(snake, '_');
                g_string_append_c(snake, g_ascii_tolower(*p));
        }

        return g_string_free(snake, FALSE);
}

/* systemd's two states of a unit as one everyday word. */
const char *format_state(const char *active, const char *sub) {
        if (g_str_equal(active, "active"))
                return "running";
        if (g_str_equal(active, "inactive"))
                return "stopped";
        if (g_str_equal(sub, "auto-restart") || g_str_equal(sub, "auto-restart-queued"))
                return "restarting";
        if (g_str_equal(active, "activating"))
                return "starting";
        if (g_str_equal(active, "deactivating"))
                return "stopping";

        return active;
}
