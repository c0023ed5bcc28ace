/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <stdio.h>

/* Lines `@progress PERCENT text`, which the manager follows on the standard output of a build: at most
 * four a second. */
typedef struct Progress {
        FILE *out;    /* NULL: nobody follows */
        int64_t next; /* when another line may be written, monotonic µs */
} Progress;

/* of: how much it will be in all, 0 when that is not known (then PERCENT is -1). */
void progress_report(Progress *progress, uint64_t done, uint64_t of, const char *text);
