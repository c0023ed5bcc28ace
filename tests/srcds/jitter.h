/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How late ticks are by no fault of the server's own: from the moment when one was due to its end, less the processor's time
 * that its work took. What is left is waiting: for the timer, and for a processor that others have. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "types.h"

#define JITTER_TICKS 8192 /* the last ones, some two minutes at 60 a second */

typedef struct Jitter {
        uint32_t late_us[JITTER_TICKS];
        size_t n;      /* ticks since the last reset */
        size_t missed; /* which were due while another one was late */
} Jitter;

void jitter_add(Jitter *j, uint64_t late_us, uint64_t missed);
void jitter_report(Server *s); /* and begins anew */
