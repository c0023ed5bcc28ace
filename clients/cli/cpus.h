/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

#include "cli.h"

/* What the service says of the CPUs, and sets of them as people write them. A set is an array of numbers (GArray of uint32_t), sorted. */

#define CPU_NUMBER_MAX 8191U

/* "0,4-5": FALSE when it is none. Numbers that are written twice stay twice: the service says what it thinks of that. */
gboolean cpus_parse(const char *text, GArray **ret);
char *cpus_format(GVariant *set); /* an au; "none" when empty */

gboolean cpus_has(GVariant *set, uint32_t cpu);

typedef struct {
        uint32_t cpu, package, core;
        gboolean online;
        const char *owner; /* "system", "games", "both", "all" (nothing is divided), "offline" */
        double load;       /* percent, < 0: not known */
} CpuInfo;

typedef struct {
        GVariant *properties; /* of the object */
        GVariant *system, *games, *split;
        GArray *cpus; /* CpuInfo */
} CpuView;

/* Measures the load for so many seconds, 0 for not at all. NULL with *error. */
CpuView *cpu_view_load(Cli *cli, double seconds, GError **error);
CpuView *cpu_view_free(CpuView *v);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CpuView, cpu_view_free)

/* The cores as boxes, package by package, as many beside each other as the terminal has room for. */
void cpu_map_print(Cli *cli, const CpuView *v);
