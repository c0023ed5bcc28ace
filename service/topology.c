/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "service/topology.h"

#define CPU_DIRECTORY "/sys/devices/system/cpu"
#define NODE_DIRECTORY "/sys/devices/system/node"

/* The system gets one core of so many, and not more than so many. */
#define CORES_FOR_ONE 8U
#define CORES_AT_MOST 4U

G_GNUC_PRINTF(2, 3)
static char *read_text(const char *root, const char *format, ...) {
        g_autofree char *name = NULL, *path = NULL;
        char *text = NULL;
        va_list args;

        va_start(args, format);
        name = g_strdup_vprintf(format, args);
        va_end(args);

        path = g_strconcat(root, name, NULL);
        return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

static int read_set(const char *root, const char *name, CpuSet *ret) {
        g_autofree char *text = read_text(root, "%s", name);

        return text ? cpu_set_parse(text, ret) : -ENOENT;
}

/* The number of a package may be negative on machines that have none; it is told as it is bit by bit. */
static uint32_t read_package(const char *root, uint32_t cpu) {
        g_autofree char *text = read_text(root, CPU_DIRECTORY "/cpu%u/topology/physical_package_id", cpu);

        return text ? (uint32_t) g_ascii_strtoll(text, NULL, 10) : PACKAGE_UNKNOWN;
}

/* core_id would be unique within a package, or a part of it, only. */
static uint32_t read_core(const char *root, uint32_t cpu, const CpuSet *online) {
        g_autofree char *text = read_text(root, CPU_DIRECTORY "/cpu%u/topology/thread_siblings_list", cpu);
        CpuSet siblings;

        if (!text || cpu_set_parse(text, &siblings) < 0)
                return cpu;

        cpu_set_keep(&siblings, online);
        return cpu_set_has(&siblings, cpu) ? cpu_set_next(&siblings, 0) : cpu;
}

/* A kernel without NUMA has no nodes: all is node 0. */
static void read_nodes(const char *root, Topology *t) {
        CpuSet nodes;

        if (read_set(root, NODE_DIRECTORY "/online", &nodes) < 0)
                return;

        for (uint32_t node = cpu_set_next(&nodes, 0); node < CPUS_MAX;
                node = cpu_set_next(&nodes, node + 1)) {
                g_autofree char *text = read_text(root, NODE_DIRECTORY "/node%u/cpulist", node);
                CpuSet cpus;

                if (!text || cpu_set_parse(text, &cpus) < 0)
                        continue;
                for (unsigned k = 0; k < t->cpus->len; k++) {
                        TopologyCpu *c = &g_array_index(t->cpus, TopologyCpu, k);

                        if (cpu_set_has(&cpus, c->cpu))
                                c->node = node;
                }
        }
}

int topology_read(const char *root, Topology **ret) {
        g_autoptr(Topology) t = g_new0(Topology, 1);
        int r;

        t->cpus = g_array_new(FALSE, TRUE, sizeof(TopologyCpu));

        r = read_set(root, CPU_DIRECTORY "/online", &t->online);
        if (r < 0)
                return r;

        if (read_set(root, CPU_DIRECTORY "/present", &t->present) < 0)
                t->present = t->online;
        cpu_set_join(&t->present, &t->online);

        for (uint32_t cpu = cpu_set_next(&t->present, 0); cpu < CPUS_MAX;
                cpu = cpu_set_next(&t->present, cpu + 1)) {
                TopologyCpu c = { .cpu = cpu, .package = PACKAGE_UNKNOWN, .core = cpu };

                c.online = cpu_set_has(&t->online, cpu);
                if (c.online) {
                        c.package = read_package(root, cpu);
                        c.core = read_core(root, cpu, &t->online);
                }
                g_array_append_val(t->cpus, c);
        }

        read_nodes(root, t);
        *ret = g_steal_pointer(&t);
        return 0;
}

Topology *topology_free(Topology *t) {
        if (!t)
                return NULL;

        g_array_unref(t->cpus);
        g_free(t);
        return NULL;
}

bool topology_equal(const Topology *a, const Topology *b) {
        if (a->cpus->len != b->cpus->len)
                return false;

        for (unsigned k = 0; k < a->cpus->len; k++) {
                const TopologyCpu *x = &g_array_index(a->cpus, TopologyCpu, k),
                                  *y = &g_array_index(b->cpus, TopologyCpu, k);

                if (x->cpu != y->cpu || x->package != y->package || x->core != y->core ||
                        x->node != y->node || x->online != y->online)
                        return false;
        }

        return true;
}

char *topology_refuse(const Topology *t, const CpuSet *system) {
        g_autofree char *present = cpu_set_format(&t->present), *online = cpu_set_format(&t->online),
                        *wrong = NULL;
        CpuSet rest = *system;

        if (cpu_set_count(&t->online) < 2)
                return g_strdup_printf("Only CPU %s is online: there is nothing to divide.", online);

        if (cpu_set_is_empty(system))
                return g_strdup(
                        "No CPU is named, and the system needs at least one. A good choice tells: left4mectl cpu suggest; "
                        "to end the isolation: left4mectl cpu clear");

        cpu_set_remove(&rest, &t->present);
        wrong = cpu_set_format(&rest);
        if (*wrong != '\0')
                return g_strdup_printf("There is no CPU %s: this machine has %s.", wrong, present);

        rest = *system;
        cpu_set_remove(&rest, &t->online);
        g_free(wrong);
        wrong = cpu_set_format(&rest);
        if (*wrong != '\0')
                return g_strdup_printf(
                        "CPU %s is offline. Choose among %s, or switch it on first: echo 1 > " CPU_DIRECTORY
                        "/cpu%u/online",
                        wrong, online, cpu_set_next(&rest, 0));

        rest = t->online;
        cpu_set_remove(&rest, system);
        if (cpu_set_is_empty(&rest))
                return g_strdup_printf(
                        "None would be left for the games: %s are all CPUs that are online. Leave some of them out.",
                        online);

        return NULL;
}

void topology_complement(const Topology *t, const CpuSet *system, CpuSet *ret) {
        CpuSet rest = t->present;

        cpu_set_remove(&rest, system);
        *ret = rest;
}

/* The CPUs of a core, by its number. */
static void core_cpus(const Topology *t, uint32_t core, CpuSet *ret) {
        CpuSet s = { 0 };

        for (unsigned k = 0; k < t->cpus->len; k++) {
                const TopologyCpu *c = &g_array_index(t->cpus, TopologyCpu, k);

                if (c->online && c->core == core)
                        cpu_set_add(&s, c->cpu);
        }

        *ret = s;
}

/* Whether the two have different CPUs of the core. */
static bool is_split(const CpuSet *core, const CpuSet *system, const CpuSet *games) {
        CpuSet ours = *core, theirs = *core;

        cpu_set_keep(&ours, system);
        cpu_set_keep(&theirs, games);
        if (cpu_set_is_empty(&ours) || cpu_set_is_empty(&theirs))
                return false;

        cpu_set_join(&ours, &theirs);
        return cpu_set_count(&ours) > 1;
}

void topology_split_cores(const Topology *t, const CpuSet *system, const CpuSet *games,
        void (*each)(const CpuSet *core, void *userdata), void *userdata) {
        for (unsigned k = 0; k < t->cpus->len; k++) {
                const TopologyCpu *c = &g_array_index(t->cpus, TopologyCpu, k);
                CpuSet core;

                if (!c->online || c->core != c->cpu)
                        continue;

                core_cpus(t, c->core, &core);
                if (is_split(&core, system, games))
                        each(&core, userdata);
        }
}

/* The lowest cores of one node, that of the first CPU: the kernel answers most interrupts there, and the system's memory stays near. */
void topology_suggest(const Topology *t, CpuSet *ret) {
        unsigned cores = 0, wanted, here = 0;
        CpuSet s = { 0 };
        uint32_t node = 0;

        for (unsigned k = t->cpus->len; k > 0; k--) {
                const TopologyCpu *c = &g_array_index(t->cpus, TopologyCpu, k - 1);

                if (c->online && c->core == c->cpu) {
                        cores++;
                        node = c->node;
                }
        }

        wanted = cores < 2 ? 0 : CLAMP(cores / CORES_FOR_ONE, 1, CORES_AT_MOST);
        for (unsigned k = 0; k < t->cpus->len && here < wanted; k++) {
                const TopologyCpu *c = &g_array_index(t->cpus, TopologyCpu, k);
                CpuSet core;

                if (!c->online || c->core != c->cpu || c->node != node)
                        continue;

                core_cpus(t, c->core, &core);
                cpu_set_join(&s, &core);
                here++;
        }

        *ret = s;
}
