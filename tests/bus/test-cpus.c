/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which CPUs are whose: the real left4me-cpus sets it, a stand-in for systemd keeps it, on a made-up machine. */

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fixture.h"
#include "tests/unit/cpu-tree.h"
#include "world.h"

#define CPUS LEFT4ME_CPUS_PATH, LEFT4ME_CPUS_INTERFACE
#define SLICE(name) LEFT4ME_SLICE_PREFIX "/" name, LEFT4ME_SLICE_INTERFACE

static const char *const units[] = { "system.slice", "user.slice", "init.scope", "l4d2-build.slice",
        "l4d2-game.slice" };

static Call *begin_set(Fixture *f, const char *list) {
        g_autofree char *arguments = g_strdup_printf("(@au [%s],)", list);

        return call_begin(f->client, CPUS, "Set", g_variant_new_parsed(arguments));
}

static void set(Fixture *f, const char *list) {
        g_variant_unref(call_end(begin_set(f, list)));
}

/* Refused with that name, and a message that says so. */
static void refuse(Fixture *f, const char *list, const char *name, const char *words) {
        Call *c = begin_set(f, list);

        g_assert_cmpstr(call_error_name(c), ==, name);
        if (!strstr(c->error->message, words))
                g_error("[%s] should be refused with '%s', not: %s", list, words, c->error->message);
        call_free(c);
}

static void expect(Fixture *f, const char *property, const char *value) {
        const char *type = g_str_equal(property, "Topology")     ? "a(uuub)"
                           : g_str_equal(property, "SplitCores") ? "aau"
                                                                 : "au";
        g_autofree char *typed = g_strdup_printf("@%s %s", type, value);

        mirror_wait(f->mirror, CPUS, property, typed);
}

/* What systemd has: one list for the system's side, one for the games. */
static void expect_sets(Fixture *f, const char *system, const char *games) {
        for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
                g_assert_cmpstr(systemd_get_cpus(f->systemd, units[i]), ==,
                        g_str_equal(units[i], "l4d2-game.slice") ? games : system);
}

static void test_properties(Fixture *f) {
        expect(f, "Topology", "[(0, 0, 0, true), (1, 0, 1, true), (2, 0, 2, true), (3, 0, 3, true)]");
        expect(f, "System", "[]");
        expect(f, "Games", "[0, 1, 2, 3]");
        expect(f, "SplitCores", "[]");
        mirror_wait(f->mirror, SLICE("game"), "AllowedCPUs", "@au []");
        mirror_wait(f->mirror, SLICE("build"), "Unit", "'l4d2-build.slice'");
        mirror_wait(f->mirror, SLICE("system"), "Unit", "'system.slice'");
        mirror_wait(f->mirror, SLICE("user"), "Name", "'user'");
        g_assert_false(mirror_has(f->mirror, LEFT4ME_SLICE_PREFIX "/init"));
}

static void test_set_and_clear(Fixture *f) {
        g_autofree char *drop_in = NULL;

        world_divide_cpus(f);
        set(f, "0");
        /* All of it is told before the answer. */
        expect_sets(f, "0", "1-3");
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit left4me-cpus@0.service"), ==, 1);
        expect(f, "System", "[0]");
        expect(f, "Games", "[1, 2, 3]");
        mirror_wait(f->mirror, SLICE("game"), "AllowedCPUs", "@au [1, 2, 3]");
        mirror_wait(f->mirror, SLICE("user"), "AllowedCPUs", "@au [0]");
        drop_in = fixture_read(f, "etc/systemd/system.control/init.scope.d/50-AllowedCPUs.conf");
        g_assert_nonnull(strstr(drop_in, "[Scope]\nAllowedCPUs=\nAllowedCPUs=0\n"));

        set(f, "3, 0, 1");
        expect_sets(f, "0-1,3", "2");
        g_assert_cmpuint(
                systemd_count_calls(f->systemd, "StartUnit left4me-cpus@0\\x2d1\\x2c3.service"), ==, 1);
        g_variant_unref(call(f, CPUS, "Clear", NULL));
        expect_sets(f, "", "");
        expect(f, "System", "[]");
        expect(f, "Games", "[0, 1, 2, 3]");
        g_assert_false(fixture_exists(f, "run/left4me-cpus/undo"));
        g_assert_false(fixture_exists(f, "etc/systemd/system.control/init.scope.d/50-AllowedCPUs.conf"));
}

static void rewrite(Fixture *f, const char *cpus) {
        cpu_tree_write(f->root, cpus);
        g_variant_unref(call(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "Reload", NULL));
}

/* Every bad set, by name; systemd hears of none. */
static void test_refusals(Fixture *f) {
        static const char invalid[] = LEFT4ME_ERROR_INVALID_ARGUMENT;

        world_divide_cpus(f);
        refuse(f, "", invalid, "No CPU is named");
        refuse(f, "4", invalid, "There is no CPU 4: this machine has 0-3");
        refuse(f, "0, 9, 10", invalid, "There is no CPU 9-10");
        refuse(f, "4294967295", invalid, "There is no CPU 4294967295");
        refuse(f, "1, 1", invalid, "CPU 1 is named twice");
        refuse(f, "0, 1, 2, 3", invalid, "None would be left for the games");
        rewrite(f, "0:0:0:0 1:0:0:1 2:offline");
        expect(f, "Topology", "[(0, 0, 0, true), (1, 0, 1, true), (2, 4294967295, 2, false)]");
        refuse(f, "2", invalid, "CPU 2 is offline");
        refuse(f, "0, 1", invalid, "None would be left for the games");
        rewrite(f, "0:0:0:0 1:offline 2:offline");
        refuse(f, "0", invalid, "Only CPU 0 is online");
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit *"), ==, 0);
        expect_sets(f, "", "");
}

/* A CPU that is offline is the games' when it comes back; one that goes leaves its side with the rest. */
static void test_offline(Fixture *f) {
        world_divide_cpus(f);
        rewrite(f, "0:0:0:0 1:0:0:1 2:offline 3:0:0:3");
        set(f, "0, 3");
        expect_sets(f, "0,3", "1-2");
        expect(f, "Games", "[1, 2]");
        rewrite(f, "0:0:0:0 1:0:0:1 2:0:0:2 3:offline");
        expect(f, "Topology",
                "[(0, 0, 0, true), (1, 0, 1, true), (2, 0, 2, true), (3, 4294967295, 3, false)]");
        expect_sets(f, "0,3", "1-2");
        expect(f, "System", "[0, 3]");
}

static void test_split(Fixture *f) {
        g_autoptr(GVariant) reply = NULL;
        g_autofree char *text = NULL;

        world_divide_cpus(f);
        rewrite(f, CPU_TREE_SMT8);
        reply = call(f, CPUS, "Suggest", NULL);
        text = g_variant_print(reply, TRUE);
        g_assert_cmpstr(text, ==, "([uint32 0, 4],)");
        set(f, "0");
        expect(f, "SplitCores", "[[0, 4]]");
        set(f, "0, 4");
        expect(f, "SplitCores", "[]");
        expect(f, "Games", "[1, 2, 3, 5, 6, 7]");
}

/* Where the kernel divides nothing, nothing is stored either; but what is stored can be cleared. */
static void test_without_cpuset(Fixture *f) {
        world_divide_cpus(f);
        fixture_write(f, "sys/fs/cgroup/cgroup.controllers", "cpu io memory pids\n");
        systemd_without_cpuset(f->systemd, true);
        refuse(f, "0", LEFT4ME_ERROR_NOT_SUPPORTED, "no cpuset controller");
        expect_sets(f, "", "");
        systemd_set_cpus(f->systemd, "system.slice", "0");
        expect(f, "System", "[0, 1, 2, 3]");
        g_variant_unref(call(f, CPUS, "Clear", NULL));
        expect(f, "System", "[]");
}

/* That systemd has taken it is not enough. */
static void test_no_effect(Fixture *f) {
        world_divide_cpus(f);
        systemd_be_stubborn(f->systemd, "user.slice");
        refuse(f, "0", LEFT4ME_ERROR_FAILED,
                "user.slice is to run on CPU 0, but the kernel lets it run on 0-3");
        systemd_without_cpuset(f->systemd, true);
        refuse(f, "0", LEFT4ME_ERROR_FAILED, "the kernel sets it no limit");
        systemd_without_cpuset(f->systemd, false);
        systemd_be_stubborn(f->systemd, NULL);
        set(f, "0");
}

/* What fails half-way is set back. */
static void test_all_or_nothing(Fixture *f) {
        world_divide_cpus(f);
        set(f, "1");
        expect_sets(f, "1", "0,2-3");
        systemd_refuse(f->systemd, "l4d2-build.slice", "org.freedesktop.DBus.Error.AccessDenied");
        refuse(f, "0", LEFT4ME_ERROR_FAILED, "The CPU sets stay as they were");
        systemd_forget_rules(f->systemd);
        expect_sets(f, "1", "0,2-3");
        expect(f, "System", "[1]");
        set(f, "2");
        expect_sets(f, "2", "0-1,3");
        g_assert_false(fixture_exists(f, "run/left4me-cpus/undo"));
}

typedef struct Wait {
        Fixture *fixture;
        const char *list;
} Wait;

static bool user_has(void *data) {
        const Wait *w = data;

        return g_str_equal(systemd_get_cpus(w->fixture->systemd, "user.slice"), w->list);
}

static void on_child(GPid pid, int status, gpointer data) {
        *(int *) data = status;
}

static bool has_ended(void *data) {
        return *(int *) data >= 0;
}

/* Runs the helper; its exit code. */
static int run_helper(Fixture *f, const char *verb, const char *list) {
        int status = -1;

        g_child_watch_add(world_run_cpus(f, verb, list), on_child, &status);
        loop_until(has_ended, &status, "left4me-cpus to end");
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A change from 1 to 0 that stands still in its middle. */
static Call *begin_stalled(Fixture *f) {
        Call *c;

        set(f, "1");
        systemd_stall_properties(f->systemd, "init.scope");
        c = begin_set(f, "0");
        loop_until(user_has, &(Wait){ f, "0" }, "user.slice to be set");
        return c;
}

static void kill_helper(Fixture *f) {
        g_variant_unref(call_end(call_begin_to(f->client, "org.freedesktop.systemd1",
                "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "KillUnit",
                g_variant_new("(ssi)", "left4me-cpus@0.service", "main", 9), G_DBUS_CALL_FLAGS_NONE)));
}

/* Killed in the middle: the unit's ExecStopPost= finds what to set back. */
static void test_killed(Fixture *f) {
        Call *c;

        world_divide_cpus(f);
        c = begin_stalled(f);
        kill_helper(f);
        g_assert_cmpstr(call_error_name(c), ==, LEFT4ME_ERROR_FAILED);
        call_free(c);
        g_assert_cmpstr(systemd_get_cpus(f->systemd, "system.slice"), ==, "0");
        g_assert_true(fixture_exists(f, "run/left4me-cpus/undo"));

        systemd_stall_properties(f->systemd, NULL);
        g_assert_cmpint(run_helper(f, "settle", NULL), ==, 0);
        expect_sets(f, "1", "0,2-3");
        g_assert_false(fixture_exists(f, "run/left4me-cpus/undo"));
        expect(f, "System", "[1]");
}

/* Everything stops in the middle, and what is in /run is gone with it. */
static void cut_power(Fixture *f) {
        g_autofree char *undo = fixture_path(f, "run/left4me-cpus/undo");

        fixture_kill(f);
        kill_helper(f);
        g_assert_cmpint(g_unlink(undo), ==, 0);
        systemd_stall_properties(f->systemd, NULL);
}

/* One that left4med began itself may be under way. */
static void set_next(Fixture *f, const char *list) {
        for (;;) {
                g_autoptr(Call) c = begin_set(f, list);

                call_wait(c);
                if (!c->error)
                        return;

                g_assert_cmpstr(call_error_name(c), ==, LEFT4ME_ERROR_BUSY);
        }
}

/* What was half changed is made whole with the next start; what is whole is let be. */
static void test_power_cut(Fixture *f) {
        Call *c;

        world_divide_cpus(f);
        c = begin_stalled(f);
        cut_power(f);
        call_free(c);
        g_assert_cmpstr(systemd_get_cpus(f->systemd, "l4d2-game.slice"), ==, "0,2-3");

        fixture_start(f);
        expect(f, "System", "[0]");
        expect(f, "Games", "[1, 2, 3]");
        expect_sets(f, "0", "1-3");
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit left4me-cpus@0.service"), ==, 2);

        /* What somebody sets apart when no change was cut off is his. */
        set_next(f, "3");
        systemd_set_cpus(f->systemd, "user.slice", "2");
        fixture_stop(f);
        fixture_start(f);
        expect(f, "System", "[2, 3]");
        g_variant_unref(call(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "Reload", NULL));
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit left4me-cpus@3.service"), ==, 1);
}

/* The helper takes nobody's word. */
static void test_helper(Fixture *f) {
        static const char *const bad[] = { "", "4", "0-3", "0,1", "1,0", "0,0", "00", "0-0", "0/1", "all",
                "clear\n", "0\n", "8192", "-1", "0;reboot", "../../etc/shadow" };
        g_autofree char *folder = NULL;

        world_divide_cpus(f);
        folder = fixture_path(f, "run/left4me-cpus");
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_cmpint(run_helper(f, "apply", bad[i]), ==, 1);
        g_assert_cmpint(run_helper(f, "apply", NULL), ==, 1);
        g_assert_cmpint(run_helper(f, "settle", NULL), ==, 0);
        expect_sets(f, "", "");

        /* What others could write to, it does not read. */
        g_assert_cmpint(chmod(folder, 0755), ==, 0);
        g_assert_cmpint(run_helper(f, "apply", "0"), ==, 1);
        g_assert_cmpint(chmod(folder, 0700), ==, 0);
        fixture_write(f, "run/left4me-cpus/undo", "nonsense");
        g_assert_cmpint(run_helper(f, "apply", "0"), ==, 1);
        g_assert_cmpint(run_helper(f, "settle", NULL), ==, 1);
        expect_sets(f, "", "");
}

static void test_busy(Fixture *f) {
        const char *unit = "left4me-cpus@0.service";
        Call *c;

        world_divide_cpus(f);
        systemd_hold(f->systemd, unit, SYSTEMD_START);
        c = begin_set(f, "0");
        systemd_wait_held(f->systemd, unit, SYSTEMD_START);
        refuse(f, "1", LEFT4ME_ERROR_BUSY, "under way");
        call_refused(f, CPUS, "Clear", NULL, LEFT4ME_ERROR_BUSY);
        systemd_release(f->systemd, unit);
        g_variant_unref(call_end(c));
        expect(f, "System", "[0]");
}

/* systemctl set-property, by somebody else, is seen though systemd sends no signal; so is what stands at the start. */
static void test_outside(Fixture *f) {
        systemd_set_cpus(f->systemd, "user.slice", "2-3");
        mirror_wait(f->mirror, SLICE("user"), "AllowedCPUs", "@au [2, 3]");
        expect(f, "System", "[0, 1, 2, 3]");
        for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
                systemd_set_cpus(f->systemd, units[i], i < 4 ? "2-3" : "0-1");
        expect(f, "System", "[2, 3]");
        expect(f, "Games", "[0, 1]");
        fixture_stop(f);
        fixture_start(f);
        expect(f, "System", "[2, 3]");
        /* Of CPUs that are not there the kernel makes no limit. */
        systemd_set_cpus(f->systemd, "l4d2-game.slice", "100");
        expect(f, "Games", "[0, 1, 2, 3]");
        expect(f, "SplitCores", "[]");
}

static void expect_statistics(Fixture *f, const char *path, const char *interface, const char *expected) {
        g_autoptr(GVariant) reply = call(f, path, interface, "GetStatistics", NULL);
        g_autofree char *text = g_variant_print(reply, TRUE);

        g_assert_cmpstr(text, ==, expected);
}

static void test_statistics(Fixture *f) {
        fixture_write(f, "proc/stat",
                "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 100 10 20 1000 50 1 2 3 0 0\ncpu1 0 0 0 7 0 0 0 0 0 0\nctxt 99\n");
        expect_statistics(
                f, CPUS, "({'CPUs': <[(uint32 0, uint64 1360000, uint64 11860000), (1, 0, 70000)]>},)");
        fixture_write(f, "sys/fs/cgroup/user.slice/cpu.pressure",
                "some avg10=1.50 avg60=0.25 avg300=0.00 total=1234\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=99\n");
        fixture_write(f, "sys/fs/cgroup/user.slice/io.pressure", "nonsense\n");
        expect_statistics(f, SLICE("user"),
                "({'EffectiveCPUs': <[uint32 0, 1, 2, 3]>, 'CPUUsageNSec': <uint64 2000000000>, 'MemoryCurrent': <uint64 52428800>, "
                "'Tasks': <uint64 12>, 'CPUPressure': <(1.5, 0.25, 0.0, uint64 1234, 0.5, 0.0, 0.0, uint64 99)>},)");
        expect_statistics(f, SLICE("build"), "(@a{sv} {},)");
}

static void add_tests(void) {
        fixture_add("/cpus/properties", test_properties);
        fixture_add("/cpus/set-and-clear", test_set_and_clear);
        fixture_add("/cpus/refusals", test_refusals);
        fixture_add("/cpus/offline", test_offline);
        fixture_add("/cpus/split", test_split);
        fixture_add("/cpus/without-cpuset", test_without_cpuset);
        fixture_add("/cpus/no-effect", test_no_effect);
        fixture_add("/cpus/all-or-nothing", test_all_or_nothing);
        fixture_add("/cpus/killed", test_killed);
        fixture_add("/cpus/power-cut", test_power_cut);
        fixture_add("/cpus/helper", test_helper);
        fixture_add("/cpus/busy", test_busy);
        fixture_add("/cpus/outside", test_outside);
        fixture_add("/cpus/statistics", test_statistics);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
