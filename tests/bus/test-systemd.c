/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* systemd executes itself anew, and calls, answers and signals are lost; what counts then is what has become of the units. And what it
 * is not asked for: more than it can bear, or a signal that comes too late. */

#include <signal.h>
#include <sys/wait.h>

#include "fixture.h"
#include "world.h"

#define PATH LEFT4ME_INSTANCE_PREFIX "/versus_2d1"
#define SERVER "left4me-server@versus-1.service"
#define MOUNT "left4me-overlay@server-versus-1.service"
#define OTHER_PATH LEFT4ME_INSTANCE_PREFIX "/other"
#define OTHER "left4me-server@other.service"
#define NO_REPLY "org.freedesktop.DBus.Error.NoReply"

static Call *begin(Fixture *f, const char *method) {
        return call_begin(f->client, PATH, LEFT4ME_INSTANCE_INTERFACE, method, NULL);
}

static void expect_state(Fixture *f, const char *state) {
        mirror_wait(f->mirror, PATH, LEFT4ME_INSTANCE_INTERFACE, "ActiveState", state);
}

static void run_server(Fixture *f) {
        g_free(world_startable(f, "versus-1"));
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
}

/* A call that has come to this step of a unit when systemd goes. */
static Call *begin_unseen(Fixture *f, const char *method, const char *unit, SystemdStep step) {
        Call *c;

        systemd_hold(f->systemd, unit, step);
        c = begin(f, method);
        systemd_wait_held(f->systemd, unit, step);
        systemd_vanish(f->systemd);
        fixture_ping(f);
        return c;
}

/* Its name goes while a job is under way; how that ends is told by no signal. */
static void test_job_ends_unseen(Fixture *f) {
        Call *start, *stop;

        g_free(world_startable(f, "versus-1"));
        start = begin_unseen(f, "Start", SERVER, SYSTEMD_START);
        systemd_release(f->systemd, SERVER);
        systemd_return(f->systemd);
        g_variant_unref(call_end(start));
        expect_state(f, "'active'");

        stop = begin_unseen(f, "Stop", SERVER, SYSTEMD_STOP);
        systemd_release(f->systemd, SERVER);
        systemd_wait_state(f->systemd, MOUNT, "inactive");
        systemd_return(f->systemd);
        g_variant_unref(call_end(stop));
        expect_state(f, "'inactive'");
        systemd_forget_rules(f->systemd);
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
}

/* The start of a restart fails unseen: that the server was active before it is no answer. */
static void test_restart_fails_unseen(Fixture *f) {
        Call *restart;

        run_server(f);
        restart = begin_unseen(f, "Restart", SERVER, SYSTEMD_START);
        systemd_release_with(f->systemd, SERVER, (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        systemd_return(f->systemd);
        g_assert_cmpstr(call_error_name(restart), ==, LEFT4ME_ERROR_START_FAILED);
        call_free(restart);
        expect_state(f, "'failed'");
}

/* systemd takes calls with it. They are made again, and what was done all the same is not done twice. */
static void test_lost_calls(Fixture *f) {
        Call *start, *stop;

        g_free(world_startable(f, "versus-1"));
        systemd_refuse(f->systemd, SERVER, NO_REPLY);
        start = begin(f, "Start");
        systemd_wait_calls(f->systemd, "StartUnit " SERVER, 2);
        g_assert_false(start->done);
        systemd_forget_rules(f->systemd);
        g_variant_unref(call_end(start));
        expect_state(f, "'active'");

        systemd_refuse(f->systemd, SERVER, NO_REPLY);
        stop = begin(f, "Stop");
        systemd_wait_calls(f->systemd, "StopUnit " SERVER, 2);
        systemd_admin_stop(f->systemd, SERVER);
        g_variant_unref(call_end(stop));
        expect_state(f, "'inactive'");

        systemd_forget_calls(f->systemd);
        start = begin(f, "Start");
        systemd_wait_calls(f->systemd, "StartUnit " SERVER, 2);
        systemd_admin_start(f->systemd, SERVER);
        g_variant_unref(call_end(start));
        expect_state(f, "'active'");
}

/* In the middle of a reload nothing has ended, although systemd tells of each unit that it is removed. */
static void test_reload(Fixture *f) {
        Call *stop;

        run_server(f);
        fixture_ping(f);
        mirror_forget_signals(f->mirror);
        systemd_begin_reload(f->systemd);
        fixture_ping(f);
        mirror_expect_silence(f->mirror);
        stop = begin(f, "Stop");
        systemd_wait_calls(f->systemd, "StopUnit " SERVER, 1);
        systemd_end_reload(f->systemd);
        g_variant_unref(call_end(stop));
        expect_state(f, "'inactive'");
}

/* The mount has gone, and no signal told of it: the stop goes on all the same. */
static void test_unmount_unseen(Fixture *f) {
        Call *stop;

        run_server(f);
        systemd_hold(f->systemd, MOUNT, SYSTEMD_STOP);
        stop = begin(f, "Stop");
        systemd_wait_held(f->systemd, MOUNT, SYSTEMD_STOP);
        fixture_ping(f);
        systemd_vanish(f->systemd);
        fixture_ping(f);
        systemd_release(f->systemd, MOUNT);
        systemd_return(f->systemd);
        g_variant_unref(call_end(stop));
        mirror_wait(f->mirror, PATH, LEFT4ME_INSTANCE_INTERFACE, "LayersInUse", "@a(su) []");
}

/* A server that does not hear a stop is told again after a second, the one that a restart has started since is not. */
static void test_second_signal(Fixture *f) {
        Call *restart, *stop;
        guint killed;

        g_free(world_startable(f, "versus-1"));
        g_free(world_instance(f, "other", "game"));
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        g_variant_unref(call(f, OTHER_PATH, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        systemd_hold(f->systemd, SERVER, SYSTEMD_START);
        restart = begin(f, "Restart");
        systemd_wait_held(f->systemd, SERVER, SYSTEMD_START);
        /* On a machine with much else to do its stop itself may have taken that second. */
        killed = systemd_count_calls(f->systemd, "KillUnit " SERVER);

        /* Began later, so its second comes later. */
        systemd_hold(f->systemd, OTHER, SYSTEMD_STOP);
        stop = call_begin(f->client, OTHER_PATH, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL);
        systemd_wait_calls(f->systemd, "KillUnit " OTHER, 1);
        g_variant_unref(call_end(stop));
        fixture_ping(f);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "KillUnit " SERVER), ==, killed);
        systemd_release(f->systemd, SERVER);
        g_variant_unref(call_end(restart));
        expect_state(f, "'active'");
}

/* It started and ended before anybody could see it run. */
static void test_ends_at_once(Fixture *f) {
        Call *start;

        g_free(world_startable(f, "versus-1"));
        start = begin_unseen(f, "Start", SERVER, SYSTEMD_START);
        systemd_release(f->systemd, SERVER);
        systemd_die(f->systemd, SERVER, (SystemdOutcome){ NULL, CLD_EXITED, 0, false });
        systemd_return(f->systemd);
        g_assert_cmpstr(call_error_name(start), ==, LEFT4ME_ERROR_START_FAILED);
        call_free(start);
        expect_state(f, "'inactive'");
}

static void add_tests(void) {
        fixture_add("/systemd/job-ends-unseen", test_job_ends_unseen);
        fixture_add("/systemd/restart-fails-unseen", test_restart_fails_unseen);
        fixture_add("/systemd/lost-calls", test_lost_calls);
        fixture_add("/systemd/reload", test_reload);
        fixture_add("/systemd/unmount-unseen", test_unmount_unseen);
        fixture_add("/systemd/second-signal", test_second_signal);
        fixture_add("/systemd/ends-at-once", test_ends_at_once);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
