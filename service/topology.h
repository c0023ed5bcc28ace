/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/cpu-set.h"

/* The CPUs of the machine, as sysfs has them; and what follows from them. Pure but for the reading. */

/* Of a CPU that is offline, of which the kernel tells nothing. */
#define PACKAGE_UNKNOWN UINT32_MAX

typedef struct TopologyCpu {
        uint32_t cpu;
        uint32_t package;
        uint32_t core; /* the lowest CPU of its core: siblings have the same */
        uint32_t node;
        bool online;
} TopologyCpu;

typedef struct Topology {
        GArray *cpus; /* TopologyCpu, by number; there may be holes between the numbers */
        CpuSet present, online;
} Topology;

/* root: before /sys. < 0 when there is no list of CPUs that are online. */
int topology_read(const char *root, Topology **ret);
Topology *topology_free(Topology *t);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Topology, topology_free)

bool topology_equal(const Topology *a, const Topology *b);

/* What stands against giving these CPUs to the system, and what to do; NULL for nothing. */
char *topology_refuse(const Topology *t, const CpuSet *system);

/* What is left for the games, CPUs included that are offline now and may come back. */
void topology_complement(const Topology *t, const CpuSet *system, CpuSet *ret);

/* Calls each() for every core that has a CPU in system and another one in games, with the core's CPUs. */
void topology_split_cores(const Topology *t, const CpuSet *system, const CpuSet *games,
        void (*each)(const CpuSet *core, void *userdata), void *userdata);

/* A good set for the system: whole cores, where the machine has two of them. Empty when it is too small. */
void topology_suggest(const Topology *t, CpuSet *ret);
