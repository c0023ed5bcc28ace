/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "jitter.h"
#include "server.h"
#include "util.h"

void jitter_add(Jitter *j, uint64_t late_us, uint64_t missed) {
        j->late_us[j->n++ % JITTER_TICKS] = late_us < UINT32_MAX ? (uint32_t) late_us : UINT32_MAX;
        j->missed += missed;
}

static int compare(const void *a, const void *b) {
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

        return (x > y) - (x < y);
}

void jitter_report(Server *s) {
        static uint32_t sorted[JITTER_TICKS];
        Jitter *j = &s->jitter;
        size_t n = j->n < JITTER_TICKS ? j->n : JITTER_TICKS;
        uint64_t sum = 0;

        memcpy(sorted, j->late_us, n * sizeof(*sorted));
        qsort(sorted, n, sizeof(*sorted), compare);
        for (size_t i = 0; i < n; i++)
                sum += sorted[i];
        standin_note("jitter ticks=%zu missed=%zu mean=%llu p50=%u p95=%u p99=%u max=%u", n, j->missed,
                (unsigned long long) (n ? sum / n : 0), n ? sorted[n / 2] : 0, n ? sorted[n * 95 / 100] : 0,
                n ? sorted[n * 99 / 100] : 0, n ? sorted[n - 1] : 0);
        j->n = j->missed = 0;
}
