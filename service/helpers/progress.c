/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "progress.h"

#define INTERVAL_US 250000

void progress_report(Progress *progress, uint64_t done, uint64_t of, const char *text) {
        int64_t now = g_get_monotonic_time();
        g_autofree char *clean = NULL;

        if (!progress->out || now < progress->next)
                return;
        progress->next = now + INTERVAL_US;

        clean = g_utf8_make_valid(text, -1);
        for (char *p = clean; *p; p++)
                if (g_ascii_iscntrl(*p))
                        *p = '?';
        if (of == 0)
                (void) fprintf(progress->out, "@progress -1 %s\n", clean);
        else
                (void) fprintf(progress->out, "@progress %u %s\n",
                        (unsigned) (done >= of ? 100 : done * 100 / of), clean);
        (void) fflush(progress->out);
}
