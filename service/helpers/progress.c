/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>

#include "progress.h"

#define INTERVAL_US 250000

static char *make_line(uint64_t done, uint64_t of, const char *text) {
        g_autofree char *clean = g_utf8_make_valid(text, -1);

        for (char *p = clean; *p; p++)
                if (g_ascii_iscntrl(*p))
                        *p = '?';

        return of == 0 ? g_strdup_printf("@progress -1 %s", clean)
                       : g_strdup_printf(
                                 "@progress %u %s", (unsigned) (done >= of ? 100 : done * 100 / of), clean);
}

static void write_line(Progress *progress, const char *line) {
        progress->next = g_get_monotonic_time() + INTERVAL_US;
        (void) fprintf(progress->out, "%s\n", line);
        (void) fflush(progress->out);
        progress->kept[0] = '\0';
}

/* Cut to what there is room for, at a character's end. */
static void keep_line(Progress *progress, const char *line) {
        const char *end;

        (void) g_strlcpy(progress->kept, line, sizeof(progress->kept));
        (void) g_utf8_validate(progress->kept, -1, &end);
        progress->kept[end - progress->kept] = '\0';
}

void progress_report(Progress *progress, uint64_t done, uint64_t of, const char *text) {
        g_autofree char *line = NULL;

        if (!progress->out)
                return;

        line = make_line(done, of, text);
        if (g_get_monotonic_time() >= progress->next)
                write_line(progress, line);
        else
                keep_line(progress, line);
}

void progress_report_now(Progress *progress, uint64_t done, uint64_t of, const char *text) {
        progress->next = 0;
        progress_report(progress, done, of, text);
}

int progress_poll(Progress *progress, int fd, int timeout) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t wait;
        int r;

        if (!progress || progress->kept[0] == '\0')
                return poll(&p, 1, timeout);

        wait = MAX(progress->next - g_get_monotonic_time(), 0);
        r = poll(&p, 1, (int) (wait / 1000 + (wait % 1000 > 0)));
        if (g_get_monotonic_time() >= progress->next)
                write_line(progress, progress->kept);
        return r == 0 ? poll(&p, 1, timeout) : r;
}
