/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <stdio.h>

/* Lines `@progress PERCENT text`, which the manager follows on the standard output of a build: at most
 * four a second, and what comes too early takes the place of what came too early before it. */
typedef struct Progress {
        FILE *out;      /* NULL: nobody follows */
        int64_t next;   /* when another line may be written, monotonic µs */
        char kept[256]; /* what came too early, cut: the manager shows no more; "" for nothing */
} Progress;

/* of: how much it will be in all, 0 when that is not known (then PERCENT is -1). */
void progress_report(Progress *progress, uint64_t done, uint64_t of, const char *text);

/* The same, at once: for what is said rarely. */
void progress_report_now(Progress *progress, uint64_t done, uint64_t of, const char *text);

/* Waits until fd can be read, as poll() does, and meanwhile writes what was kept, when its time has come: nobody knows when the next
 * line comes. progress may be NULL. */
int progress_poll(Progress *progress, int fd, int timeout);
