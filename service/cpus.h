/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/object.h"
#include "service/slice.h"
#include "service/topology.h"

/*
 * Which CPUs are whose. systemd keeps that, and is asked; a change is made by left4me-cpus@LIST.service, the one unit that is root, and
 * has ended when the kernel says so.
 */

typedef struct CpusChange CpusChange;
typedef struct CpusWatch CpusWatch;

struct Cpus {
        Object object;
        Manager *manager;
        Topology *topology;        /* empty when the kernel tells none */
        Slice *slices[_SLICE_MAX]; /* by SliceId */
        CpuSet system;             /* empty: not divided */
        CpuSet games;
        GPtrArray *waiting; /* CpusWaiter */
        CpusChange *change; /* under way, or NULL */
        CpusWatch *watch;
};

/* Bits of what changed. */
enum {
        CPUS_CHANGED_TOPOLOGY = 1U << 0,
        CPUS_CHANGED_SYSTEM = 1U << 1,
        CPUS_CHANGED_GAMES = 1U << 2,
        CPUS_CHANGED_SPLIT = 1U << 3,
};

int cpus_new(Manager *m, Cpus **ret);
Cpus *cpus_free(Cpus *c);

/* Asks the kernel and systemd how things stand; all news is told. done (NULL for nobody) is called when the answers are there. */
void cpus_refresh(Cpus *c, void (*done)(Cpus *c, void *userdata), void *userdata);

/* Whether the kernel divides CPUs at all, among control groups. */
bool cpus_are_divisible(const Cpus *c);

/* Gives these CPUs to the system; NULL: all to everybody. Takes the request on success. Errors: InvalidArgument, Busy, NotSupported. */
int cpus_set(Cpus *c, const CpuSet *system, Request *q, sd_bus_error *error);

/* Makes whole what a power cut has left half changed. To be called with what systemd has been asked, by cpus_refresh(). */
void cpus_resume(Cpus *c, void *userdata);

/* What does not hold of what systemd is told, as a sentence; NULL when the kernel has it all. */
char *cpus_find_gap(const Cpus *c);

/* How long each CPU has worked, out of /proc/stat: each(cpu, busy, total), in usec. */
int cpu_times_parse(const char *text, long ticks_per_second,
        int (*each)(uint32_t cpu, uint64_t busy, uint64_t total, void *userdata), void *userdata);

/* Calls changed() when drop-ins of the units or the CPUs that are online may have changed. */
CpusWatch *cpus_watch_new(Manager *m, void (*changed)(void *userdata), void *userdata);
CpusWatch *cpus_watch_free(CpusWatch *w);
