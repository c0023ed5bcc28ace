/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "cpu-tree.h"
#include "service/topology.h"
#include "temporary.h"

/* Two packages with a node each, two threads a core, and a hole in the numbers. */
#define TWO_PACKAGES "0:0:0:0,8 1:0:0:1,9 4:1:1:4,12 5:1:1:5,13 8:0:0:0,8 9:0:0:1,9 12:1:1:4,12 13:1:1:5,13"

static Topology *topology_of(const Temporary *t, const char *cpus) {
        Topology *topology;

        cpu_tree_write(t->path, cpus);
        g_assert_cmpint(topology_read(t->path, &topology), ==, 0);
        return topology;
}

static CpuSet set_of(const char *text) {
        CpuSet s;

        g_assert_cmpint(cpu_set_parse(text, &s), ==, 0);
        return s;
}

/* "cpu package core node" of all that are online, "cpu -" of the others. */
static char *print(const Topology *t) {
        GString *text = g_string_new(NULL);

        for (unsigned k = 0; k < t->cpus->len; k++) {
                const TopologyCpu *c = &g_array_index(t->cpus, TopologyCpu, k);

                if (c->online)
                        g_string_append_printf(text, "%u %u %u %u; ", c->cpu, c->package, c->core, c->node);
                else
                        g_string_append_printf(text, "%u -; ", c->cpu);
                g_assert_true(c->online || c->package == PACKAGE_UNKNOWN);
        }

        return g_string_free(text, FALSE);
}

static void assert_topology(const Temporary *t, const char *cpus, const char *expected) {
        g_autoptr(Topology) topology = topology_of(t, cpus);
        g_autofree char *is = print(topology);

        g_assert_cmpstr(is, ==, expected);
        g_assert_true(topology_equal(topology, topology));
}

static void test_read(Temporary *t, gconstpointer data) {
        g_autoptr(Topology) a = NULL, b = NULL;

        assert_topology(t, "0:0:0:0 1:0:0:1", "0 0 0 0; 1 0 1 0; ");
        assert_topology(t, TWO_PACKAGES,
                "0 0 0 0; 1 0 1 0; 4 1 4 1; 5 1 5 1; 8 0 0 0; 9 0 1 0; 12 1 4 1; 13 1 5 1; ");
        /* A core whose first CPU is offline goes by the other. */
        assert_topology(t, "0:0:0:0 1:offline 2:0:0:1,2", "0 0 0 0; 1 -; 2 0 2 0; ");

        a = topology_of(t, "0:0:0:0 1:0:0:1");
        b = topology_of(t, "0:0:0:0 1:offline");
        g_assert_false(topology_equal(a, b));
}

/* What is missing or nonsense makes no crash; without a list of CPUs there is no topology. */
static void test_odd(Temporary *t, gconstpointer data) {
        Topology *none = NULL;
        g_autoptr(Topology) odd = NULL;
        g_autofree char *is = NULL;

        g_assert_cmpint(topology_read(t->path, &none), ==, -ENOENT);
        cpu_tree_write(t->path, "0:0:0:0");
        temporary_put(t, "sys/devices/system/cpu/online", "zero\n");
        g_assert_cmpint(topology_read(t->path, &none), ==, -EINVAL);
        g_assert_null(none);

        temporary_put(t, "sys/devices/system/cpu/online", "0-2\n");
        temporary_put(t, "sys/devices/system/cpu/present", "");
        temporary_put(t, "sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "9,10\n");
        temporary_put(t, "sys/devices/system/cpu/cpu0/topology/physical_package_id", "-1\n");
        temporary_put(t, "sys/devices/system/node/online", "0,99\n");
        g_assert_cmpint(topology_read(t->path, &odd), ==, 0);
        is = print(odd);
        g_assert_cmpstr(is, ==, "0 4294967295 0 0; 1 4294967295 1 0; 2 4294967295 2 0; ");
}

static void assert_refused(const Topology *t, const char *system, const char *words) {
        CpuSet s = set_of(system);
        g_autofree char *why = topology_refuse(t, &s);

        if (!words)
                g_assert_cmpstr(why, ==, NULL);
        else if (!why || !strstr(why, words))
                g_error("'%s' should be refused with '%s', not '%s'", system, words, why ?: "nothing");
}

static void test_refuse(Temporary *t, gconstpointer data) {
        g_autoptr(Topology) four = topology_of(t, "0:0:0:0 1:0:0:1 2:0:0:2 3:0:0:3"),
                            some = topology_of(t, "0:0:0:0 1:0:0:1 2:offline 5:0:0:5"),
                            one = topology_of(t, "0:0:0:0"), left = topology_of(t, "0:0:0:0 1:offline");

        assert_refused(four, "0", NULL);
        assert_refused(four, "0-2", NULL);
        assert_refused(four, "3", NULL);
        assert_refused(four, "", "No CPU is named");
        assert_refused(four, "4", "no CPU 4: this machine has 0-3");
        assert_refused(four, "0,7-9", "no CPU 7-9");
        assert_refused(four, "0-3", "None would be left");
        assert_refused(some, "3", "no CPU 3: this machine has 0-2,5");
        assert_refused(some, "0,2", "CPU 2 is offline. Choose among 0-1,5");
        assert_refused(some, "0-1,5", "None would be left");
        assert_refused(some, "0,5", NULL);
        assert_refused(one, "0", "Only CPU 0 is online");
        assert_refused(left, "0", "Only CPU 0 is online");
}

/* One that is offline is the games' when it comes back. */
static void test_complement(Temporary *t, gconstpointer data) {
        g_autoptr(Topology) some = topology_of(t, "0:0:0:0 1:0:0:1 2:offline 5:0:0:5");
        CpuSet system = set_of("0,5"), games;
        g_autofree char *is = NULL;

        topology_complement(some, &system, &games);
        is = cpu_set_format(&games);
        g_assert_cmpstr(is, ==, "1-2");
}

static void append_core(const CpuSet *core, void *userdata) {
        g_autofree char *text = cpu_set_format(core);

        g_string_append_printf(userdata, "[%s]", text);
}

static void assert_split(const Topology *t, const char *system, const char *games, const char *expected) {
        g_autoptr(GString) is = g_string_new(NULL);
        CpuSet a = set_of(system), b = set_of(games);

        topology_split_cores(t, &a, &b, append_core, is);
        g_assert_cmpstr(is->str, ==, expected);
}

static void test_split(Temporary *t, gconstpointer data) {
        g_autoptr(Topology) smt = topology_of(t, CPU_TREE_SMT8), plain = topology_of(t, "0:0:0:0 1:0:0:1"),
                            half = topology_of(t, "0:0:0:0,2 1:0:0:1 2:0:0:0,2 3:offline");

        assert_split(smt, "0,4", "1-3,5-7", "");
        assert_split(smt, "0", "1-7", "[0,4]");
        assert_split(smt, "0-1", "2-7", "[0,4][1,5]");
        assert_split(smt, "", "0-7", "");
        assert_split(smt, "0-7", "0-7", "[0,4][1,5][2,6][3,7]");
        assert_split(plain, "0", "1", "");
        assert_split(plain, "0-1", "0-1", "");
        assert_split(half, "0", "1-3", "[0,2]");
        assert_split(half, "1", "0,2-3", "");
}

static void assert_suggested(const Temporary *t, const char *cpus, const char *expected) {
        g_autoptr(Topology) topology = topology_of(t, cpus);
        g_autofree char *is = NULL, *why = NULL;
        CpuSet s;

        topology_suggest(topology, &s);
        is = cpu_set_format(&s);
        g_assert_cmpstr(is, ==, expected);
        if (*expected != '\0') {
                why = topology_refuse(topology, &s);
                g_assert_cmpstr(why, ==, NULL);
        }
}

/* So many cores, the second threads behind the first ones, in nodes of equal size. */
static char *big(unsigned cores, unsigned nodes) {
        GString *s = g_string_new(NULL);

        for (unsigned k = 0; k < 2 * cores; k++) {
                unsigned core = k % cores, node = core * nodes / cores;

                g_string_append_printf(
                        s, "%s%u:%u:%u:%u,%u", k > 0 ? " " : "", k, node, node, core, core + cores);
        }

        return g_string_free(s, FALSE);
}

static void test_suggest(Temporary *t, gconstpointer data) {
        g_autofree char *big16 = big(16, 2), *big64 = big(64, 8), *big8 = big(8, 8);

        assert_suggested(t, "0:0:0:0", "");
        assert_suggested(t, "0:0:0:0 1:offline", "");
        /* Two threads of one core: each half would disturb the other. */
        assert_suggested(t, "0:0:0:0-1 1:0:0:0-1", "");
        assert_suggested(t, "0:0:0:0 1:0:0:1", "0");
        assert_suggested(t, "0:0:0:0 1:0:0:1 2:0:0:2 3:0:0:3", "0");
        assert_suggested(t, CPU_TREE_SMT4, "0,2");
        assert_suggested(t, CPU_TREE_SMT8, "0,4");
        assert_suggested(t, TWO_PACKAGES, "0,8");
        assert_suggested(t, "0:offline 1:0:0:1 2:0:0:2 3:0:0:3", "1");
        assert_suggested(t, big16, "0-1,16-17");
        assert_suggested(t, big64, "0-3,64-67");
        /* All from one node, if that has but one. */
        assert_suggested(t, big8, "0,8");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        TEMPORARY_ADD("/topology/read", test_read);
        TEMPORARY_ADD("/topology/odd", test_odd);
        TEMPORARY_ADD("/topology/refuse", test_refuse);
        TEMPORARY_ADD("/topology/complement", test_complement);
        TEMPORARY_ADD("/topology/split", test_split);
        TEMPORARY_ADD("/topology/suggest", test_suggest);
        return g_test_run();
}
