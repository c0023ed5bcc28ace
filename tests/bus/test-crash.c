/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What happens to a server that nobody asked for: crashes, restarts by systemd, systemctl, systemd going away; and its figures. */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "fixture.h"
#include "world.h"

#define SERVER "left4me-server@versus-1.service"
#define MOUNT "left4me-overlay@server-versus-1.service"
#define PATH LEFT4ME_INSTANCE_PREFIX "/versus_2d1"

static void succeed(Fixture *f, const char *method) {
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, method, NULL));
}

static void refuse(Fixture *f, const char *method, const char *error_name) {
        call_refused(f, PATH, LEFT4ME_INSTANCE_INTERFACE, method, NULL, error_name);
}

static void expect(Fixture *f, const char *property, const char *value) {
        mirror_wait(f->mirror, PATH, LEFT4ME_INSTANCE_INTERFACE, property, value);
}

static const char *state(Fixture *f) {
        return g_variant_get_string(
                mirror_get(f->mirror, PATH, LEFT4ME_INSTANCE_INTERFACE, "ActiveState"), NULL);
}

/* Answers come after the news that led to them: no waiting here. */
static void expect_now(Fixture *f, const char *property, const char *value) {
        GVariant *is = mirror_get(f->mirror, PATH, LEFT4ME_INSTANCE_INTERFACE, property);
        g_autofree char *text = is ? g_variant_print(is, FALSE) : g_strdup("nothing");

        g_assert_cmpstr(text, ==, value);
}

static void start_server(Fixture *f) {
        g_free(world_startable(f, "versus-1"));
        succeed(f, "Start");
        systemd_forget_calls(f->systemd);
}

static void test_crash(Fixture *f) {
        g_autofree char *pid = NULL;

        start_server(f);
        systemd_die(f->systemd, SERVER, (SystemdOutcome){ "core-dump", CLD_DUMPED, SIGSEGV, true });
        expect(f, "ActiveState", "'activating'");
        expect(f, "SubState", "'auto-restart'");
        expect(f, "MainPID", "@u 0");
        expect(f, "Restarts", "@u 0");
        systemd_auto_restart(f->systemd, SERVER, false);
        expect(f, "Restarts", "@u 1");
        expect(f, "ActiveState", "'active'");
        pid = g_strdup_printf("@u %u", systemd_main_pid(f->systemd, SERVER));
        expect(f, "MainPID", pid);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "*"), ==, 0);

        /* Killed from outside: the same. */
        systemd_die(f->systemd, SERVER, (SystemdOutcome){ "signal", CLD_KILLED, SIGKILL, true });
        systemd_auto_restart(f->systemd, SERVER, false);
        expect(f, "Restarts", "@u 2");
        expect(f, "ActiveState", "'active'");

        /* Counted since the start. */
        succeed(f, "Restart");
        expect_now(f, "Restarts", "0");
}

static void expect_last_exit(Fixture *f, const char *result, gint32 status) {
        GVariant *exit = mirror_get(f->mirror, PATH, LEFT4ME_INSTANCE_INTERFACE, "LastExit");
        const char *is;
        gint32 is_status;
        guint64 when;

        g_variant_get(exit, "(&sit)", &is, &is_status, &when);
        g_assert_cmpstr(is, ==, result);
        g_assert_cmpint(is_status, ==, status);
        g_assert_cmpuint(when, >, (guint64) g_get_real_time() - 60 * G_USEC_PER_SEC);
}

static void test_last_exit(Fixture *f) {
        start_server(f);
        expect_now(f, "LastExit", "('', 0, 0)");
        systemd_die(f->systemd, SERVER, (SystemdOutcome){ "core-dump", CLD_DUMPED, SIGSEGV, true });
        expect(f, "SubState", "'auto-restart'");
        expect_last_exit(f, "core-dump", SIGSEGV);
        systemd_auto_restart(f->systemd, SERVER, false);
        expect(f, "ActiveState", "'active'");
        expect_last_exit(f, "core-dump", SIGSEGV);

        systemd_die(f->systemd, SERVER, (SystemdOutcome){ "exit-code", CLD_EXITED, 3, false });
        expect(f, "ActiveState", "'failed'");
        expect_last_exit(f, "exit-code", 3);
        systemd_wait_state(f->systemd, MOUNT, "inactive");
        succeed(f, "Start");
        succeed(f, "Stop");
        expect_last_exit(f, "success", 0);
}

static void test_missed_exit(Fixture *f) {
        start_server(f);
        systemd_fail(
                f->systemd, SERVER, SYSTEMD_STOP, (SystemdOutcome){ "timeout", SYSTEMD_MISSED, 0, false });
        succeed(f, "Stop");
        expect_last_exit(f, "timeout", SIGKILL);

        systemd_forget_rules(f->systemd);
        succeed(f, "Start");
        systemd_die(f->systemd, SERVER, (SystemdOutcome){ "core-dump", CLD_DUMPED, SIGSEGV, false });
        expect(f, "ActiveState", "'failed'");
        expect_last_exit(f, "core-dump", SIGSEGV);
}

static void test_missed_crash(Fixture *f) {
        start_server(f);
        systemd_die(f->systemd, SERVER, (SystemdOutcome){ "oom-kill", SYSTEMD_MISSED, 0, true });
        expect(f, "SubState", "'auto-restart'");
        expect_last_exit(f, "oom-kill", SIGKILL);
        systemd_auto_restart(f->systemd, SERVER, false);
        expect(f, "ActiveState", "'active'");
        expect_last_exit(f, "oom-kill", SIGKILL);
}

static void test_start_limit(Fixture *f) {
        start_server(f);
        for (guint i = 0; i < 5; i++) {
                systemd_die(f->systemd, SERVER, (SystemdOutcome){ "signal", CLD_KILLED, SIGSEGV, true });
                expect(f, "SubState", "'auto-restart'");
                systemd_auto_restart(f->systemd, SERVER, i == 4);
                if (i < 4)
                        expect(f, "ActiveState", "'active'");
        }
        expect(f, "ActiveState", "'failed'");
        expect_last_exit(f, "signal", SIGSEGV);
        systemd_wait_state(f->systemd, MOUNT, "inactive");

        /* Whoever starts it by hand wants to try again. */
        succeed(f, "Start");
        expect_now(f, "ActiveState", "'active'");
        g_assert_cmpuint(systemd_count_calls(f->systemd, "ResetFailedUnit " SERVER), ==, 1);
}

/* Its end by itself, and stops and starts by systemctl, are seen as well. */
static void test_others(Fixture *f) {
        start_server(f);
        systemd_die(f->systemd, SERVER, (SystemdOutcome){ NULL, CLD_EXITED, 0, false });
        expect(f, "ActiveState", "'inactive'");
        systemd_wait_state(f->systemd, MOUNT, "inactive");
        systemd_admin_start(f->systemd, SERVER);
        expect(f, "ActiveState", "'active'");
        systemd_admin_stop(f->systemd, SERVER);
        expect(f, "ActiveState", "'inactive'");
        systemd_wait_state(f->systemd, MOUNT, "inactive");
        succeed(f, "Start");
        g_assert_cmpstr(state(f), ==, "active");
}

/* A stop while systemd waits to restart a crashed server. */
static void test_stop_after_crash(Fixture *f) {
        start_server(f);
        systemd_die(f->systemd, SERVER, (SystemdOutcome){ "signal", CLD_KILLED, SIGSEGV, true });
        expect(f, "SubState", "'auto-restart'");
        succeed(f, "Stop");
        expect_now(f, "ActiveState", "'inactive'");
        g_assert_cmpstr(systemd_active_state(f->systemd, MOUNT), ==, "inactive");
}

static void test_statistics(Fixture *f) {
        g_autoptr(GVariant) stopped = NULL, running = NULL, all = NULL, figures = NULL;
        g_autofree char *text = NULL, *all_text = NULL;
        guint64 memory;

        g_free(world_startable(f, "versus-1"));
        stopped = call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "GetStatistics", NULL);
        text = g_variant_print(stopped, TRUE);
        g_assert_cmpstr(text, ==, "(@a{sv} {},)");
        succeed(f, "Start");
        running = call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "GetStatistics", NULL);
        figures = g_variant_get_child_value(running, 0);
        g_assert_true(g_variant_lookup(figures, "MemoryCurrent", "t", &memory));
        g_assert_cmpuint(memory, ==, 104857600);
        g_assert_true(g_variant_lookup(figures, "CPUUsage", "t", &memory));
        g_assert_true(g_variant_lookup(figures, "Tasks", "t", &memory));
        all = call(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "GetStatistics", NULL);
        all_text = g_variant_print(all, FALSE);
        g_assert_nonnull(strstr(all_text, PATH));
}

/* systemd goes and comes back, and reloads: what happened meanwhile is seen. */
static void test_systemd_gone(Fixture *f) {
        start_server(f);
        systemd_vanish(f->systemd);
        refuse(f, "Stop", LEFT4ME_ERROR_STOP_FAILED);
        systemd_die(f->systemd, SERVER, (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        systemd_return(f->systemd);
        expect(f, "ActiveState", "'failed'");
        systemd_wait_state(f->systemd, MOUNT, "inactive");
        g_assert_cmpuint(systemd_subscribers(f->systemd), ==, 1);
        succeed(f, "Start");
        systemd_reload(f->systemd);
        fixture_ping(f);
        expect_now(f, "ActiveState", "'active'");
        succeed(f, "Stop");
}

static void add_tests(void) {
        fixture_add("/crash/crash", test_crash);
        fixture_add("/crash/last-exit", test_last_exit);
        fixture_add("/crash/missed-exit", test_missed_exit);
        fixture_add("/crash/missed-crash", test_missed_crash);
        fixture_add("/crash/start-limit", test_start_limit);
        fixture_add("/crash/others", test_others);
        fixture_add("/crash/stop-after-crash", test_stop_after_crash);
        fixture_add("/crash/statistics", test_statistics);
        fixture_add("/crash/systemd-gone", test_systemd_gone);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
