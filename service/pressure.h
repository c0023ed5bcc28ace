/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The kernel's pressure stall information of a cgroup: for how much of the time some, or all, of its tasks waited. */

typedef struct PressureLine {
        double avg10, avg60, avg300; /* percent of the last seconds */
        uint64_t total;              /* usec */
} PressureLine;

typedef struct Pressure {
        PressureLine some, full;
} Pressure;

/* What stands in cpu.pressure and the like. -EBADMSG: it is something else. */
int pressure_parse(const char *text, Pressure *ret);
