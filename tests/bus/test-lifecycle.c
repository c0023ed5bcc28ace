/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Start, stop, restart, crashes: when the answer comes, what it says, and what the properties tell meanwhile. */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "fixture.h"
#include "world.h"

#define SERVER "left4me-server@versus-1.service"
#define MOUNT "left4me-overlay@server-versus-1.service"
#define PATH LEFT4ME_INSTANCE_PREFIX "/versus_2d1"

static Call *begin(Fixture *f, const char *method) {
        return call_begin(f->client, PATH, LEFT4ME_INSTANCE_INTERFACE, method, NULL);
}

static void succeed(Fixture *f, const char *method) {
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, method, NULL));
}

static void refuse(Fixture *f, const char *method, const char *error_name) {
        call_refused(f, PATH, LEFT4ME_INSTANCE_INTERFACE, method, NULL, error_name);
}

static void expect(Fixture *f, const char *property, const char *value) {
        mirror_wait(f->mirror, PATH, LEFT4ME_INSTANCE_INTERFACE, property, value);
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

static void test_start_stop(Fixture *f) {
        g_autofree char *pid = NULL;
        guint64 since;

        g_free(world_startable(f, "versus-1"));
        succeed(f, "Start");
        pid = g_strdup_printf("%u", systemd_main_pid(f->systemd, SERVER));
        expect_now(f, "ActiveState", "'active'");
        expect_now(f, "SubState", "'running'");
        expect_now(f, "MainPID", pid);
        since = g_variant_get_uint64(mirror_get(f->mirror, PATH, LEFT4ME_INSTANCE_INTERFACE, "ActiveSince"));
        g_assert_cmpuint(since, >, (guint64) g_get_real_time() - 60 * G_USEC_PER_SEC);
        g_assert_cmpuint(since, <=, (guint64) g_get_real_time());

        /* Once more changes nothing. */
        succeed(f, "Start");
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit " SERVER), ==, 1);

        succeed(f, "Stop");
        g_assert_cmpstr(systemd_active_state(f->systemd, SERVER), ==, "inactive");
        g_assert_cmpstr(systemd_active_state(f->systemd, MOUNT), ==, "inactive");
        expect_now(f, "ActiveState", "'inactive'");
        expect_now(f, "SubState", "'dead'");
        expect_now(f, "MainPID", "0");
        expect_now(f, "ActiveSince", "0");
        succeed(f, "Stop");
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StopUnit *"), ==, 1);
}

static void test_files(Fixture *f) {
        g_autofree char *stack = NULL, *cfg = NULL, *secret = NULL, *second = NULL, *argv = NULL;

        g_free(world_overlay(f, "maps"));
        g_free(world_startable(f, "versus-1"));
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Configure",
                g_variant_new_parsed("({'Overlays': <['maps']>, 'Cvars': <{'hostname': 'Versus'}>, "
                                     "'Arguments': <['-tickrate', '60']>, 'Lines': <['sv_alltalk 0']>},)")));
        succeed(f, "Start");
        stack = fixture_read(f, "var/lib/left4me/instances/versus-1/stack");
        cfg = fixture_read(f, "var/lib/left4me/instances/versus-1/server.cfg");
        secret = fixture_read(f, "var/lib/left4me/instances/versus-1/left4me.cfg");
        argv = fixture_read(f, "var/lib/left4me/instances/versus-1/argv");
        g_assert_cmpstr(stack, ==, "maps/1\ngame/1\n");
        g_assert_nonnull(strstr(cfg, "hostname \"Versus\""));
        g_assert_nonnull(strstr(cfg, "sv_alltalk 0"));
        g_assert_null(strstr(cfg, "rcon_password"));
        g_assert_nonnull(strstr(secret, "rcon_password"));
        g_assert_cmpstr(argv, ==, "./srcds_run"); /* up to the first NUL */

        /* A new password at each start, that nobody is told. */
        succeed(f, "Restart");
        second = fixture_read(f, "var/lib/left4me/instances/versus-1/left4me.cfg");
        g_assert_cmpstr(secret, !=, second);
}

static void test_reply_waits(Fixture *f) {
        Call *start, *stop;

        g_free(world_startable(f, "versus-1"));
        systemd_hold(f->systemd, MOUNT, SYSTEMD_START);
        systemd_hold(f->systemd, SERVER, SYSTEMD_START);
        systemd_hold(f->systemd, SERVER, SYSTEMD_STOP);
        systemd_hold(f->systemd, MOUNT, SYSTEMD_STOP);
        start = begin(f, "Start");
        systemd_wait_held(f->systemd, MOUNT, SYSTEMD_START);
        g_assert_false(start->done);
        systemd_release(f->systemd, MOUNT);
        systemd_wait_held(f->systemd, SERVER, SYSTEMD_START);
        expect(f, "ActiveState", "'activating'");
        g_assert_false(start->done);
        systemd_release(f->systemd, SERVER);
        g_variant_unref(call_end(start));

        stop = begin(f, "Stop");
        systemd_wait_held(f->systemd, SERVER, SYSTEMD_STOP);
        expect(f, "ActiveState", "'deactivating'");
        g_assert_false(stop->done);
        systemd_release(f->systemd, SERVER);
        /* The server has ended; its files are still mounted. */
        systemd_wait_held(f->systemd, MOUNT, SYSTEMD_STOP);
        fixture_ping(f);
        g_assert_false(stop->done);
        systemd_release(f->systemd, MOUNT);
        g_variant_unref(call_end(stop));
}

/* Restart waits for the unmount in between, or the old stack would stay. */
static void test_restart(Fixture *f) {
        Call *restart;

        start_server(f);
        systemd_hold(f->systemd, MOUNT, SYSTEMD_STOP);
        restart = begin(f, "Restart");
        systemd_wait_held(f->systemd, MOUNT, SYSTEMD_STOP);
        fixture_ping(f);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit *"), ==, 0);
        systemd_release(f->systemd, MOUNT);
        g_variant_unref(call_end(restart));
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StopUnit " SERVER), ==, 1);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit " SERVER), ==, 1);
        expect_now(f, "ActiveState", "'active'");

        /* Of a stopped server: a start. */
        systemd_forget_rules(f->systemd);
        succeed(f, "Stop");
        succeed(f, "Restart");
        expect_now(f, "ActiveState", "'active'");
}

static void test_missing_layer(Fixture *f) {
        g_free(world_server(f, "versus-1"));
        refuse(f, "Start", LEFT4ME_ERROR_MISSING_LAYER);
        refuse(f, "Restart", LEFT4ME_ERROR_MISSING_LAYER);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit *"), ==, 0);

        /* A running server is not stopped for a stack that cannot start. */
        world_perform(f);
        world_import(f, "game");
        succeed(f, "Start");
        g_free(world_empty_overlay(f, "empty"));
        g_variant_unref(call(
                f, PATH, LEFT4ME_INSTANCE_INTERFACE, "SetOverlays", g_variant_new_parsed("(['empty'],)")));
        refuse(f, "Restart", LEFT4ME_ERROR_MISSING_LAYER);
        expect_now(f, "ActiveState", "'active'");
}

/* The message is all that the user gets. */
static void refuse_saying(Fixture *f, const char *method, const char *error, const char *text) {
        Call *c = begin(f, method);

        g_assert_cmpstr(call_error_name(c), ==, error);
        if (!strstr(c->error->message, text) || strstr(c->error->message, "success"))
                g_error("%s: no word of '%s' in '%s'", method, text, c->error->message);
        call_free(c);
}

/* Units that fail without a word are named, with how they failed and where to look. */
static void test_start_fails(Fixture *f) {
        g_free(world_startable(f, "versus-1"));
        systemd_fail(
                f->systemd, MOUNT, SYSTEMD_START, (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        refuse_saying(f, "Start", LEFT4ME_ERROR_START_FAILED,
                "did not start: " MOUNT
                " failed (exit-code, exit status 1) and logged nothing. See: journalctl --unit=" MOUNT);
        expect(f, "ActiveState", "'inactive'");

        systemd_forget_rules(f->systemd);
        systemd_fail(
                f->systemd, SERVER, SYSTEMD_START, (SystemdOutcome){ "exit-code", CLD_EXITED, 203, false });
        refuse_saying(f, "Start", LEFT4ME_ERROR_START_FAILED, SERVER " failed (exit-code, exit status 203)");
        expect(f, "ActiveState", "'failed'");
        systemd_wait_state(f->systemd, MOUNT, "inactive");

        systemd_forget_rules(f->systemd);
        systemd_refuse(f->systemd, SERVER, "org.freedesktop.systemd1.LoadFailed");
        refuse(f, "Start", LEFT4ME_ERROR_START_FAILED);

        /* And after all that, it starts. */
        systemd_forget_rules(f->systemd);
        succeed(f, "Start");
        expect_now(f, "ActiveState", "'active'");
}

/* A start that fails, and that systemd tries again by itself: the answer is no, the truth is "activating", and a stop ends it. */
static void test_start_fails_and_restarts(Fixture *f) {
        g_free(world_startable(f, "versus-1"));
        systemd_fail(
                f->systemd, SERVER, SYSTEMD_START, (SystemdOutcome){ "exit-code", CLD_EXITED, 1, true });
        refuse(f, "Start", LEFT4ME_ERROR_START_FAILED);
        expect(f, "SubState", "'auto-restart'");
        systemd_auto_restart(f->systemd, SERVER, false);
        systemd_wait_state(f->systemd, SERVER, "activating");
        expect(f, "Restarts", "@u 1");
        succeed(f, "Stop");
        expect_now(f, "ActiveState", "'inactive'");
        g_assert_cmpstr(systemd_active_state(f->systemd, MOUNT), ==, "inactive");

        systemd_forget_rules(f->systemd);
        succeed(f, "Start");
        expect_now(f, "ActiveState", "'active'");
}

/* A foreign process holds a file: the server has ended, and yet the stop has not worked. */
static void test_stop_fails(Fixture *f) {
        start_server(f);
        systemd_fail(f->systemd, MOUNT, SYSTEMD_STOP, (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        refuse_saying(
                f, "Stop", LEFT4ME_ERROR_STOP_FAILED, MOUNT " failed (exit-code, exit status 1) and logged");
        expect(f, "ActiveState", "'inactive'");
        systemd_forget_rules(f->systemd);
        succeed(f, "Start");
        succeed(f, "Stop");
}

/* "A start under way is cancelled": by systemd at once, whatever the start waits for. */
static void test_stop_during_start(Fixture *f) {
        static const char *const stages[] = { MOUNT, SERVER };

        g_free(world_startable(f, "versus-1"));
        for (gsize i = 0; i < G_N_ELEMENTS(stages); i++) {
                Call *start, *stop;

                systemd_forget_rules(f->systemd);
                systemd_hold(f->systemd, stages[i], SYSTEMD_START);
                start = begin(f, "Start");
                systemd_wait_held(f->systemd, stages[i], SYSTEMD_START);
                stop = begin(f, "Stop");
                fixture_ping(f);
                g_assert_false(stop->done);
                systemd_release(f->systemd, stages[i]);
                g_variant_unref(call_end(start));
                g_variant_unref(call_end(stop));
                g_assert_cmpstr(systemd_active_state(f->systemd, MOUNT), ==, "inactive");
                expect_now(f, "ActiveState", "'inactive'");
        }
        systemd_forget_rules(f->systemd);
        succeed(f, "Start");
}

/* A stop within milliseconds of a start, again and again: the last word counts. */
static void test_hasty(Fixture *f) {
        g_free(world_startable(f, "versus-1"));
        for (guint i = 0; i < 20; i++) {
                Call *start = begin(f, "Start");
                Call *stop = begin(f, "Stop");
                g_autofree char *name = g_strdup(call_error_name(start));

                if (*name)
                        g_assert_cmpstr(name, ==, LEFT4ME_ERROR_CANCELLED);
                call_free(start);
                g_variant_unref(call_end(stop));
                expect_now(f, "ActiveState", "'inactive'");
                g_assert_cmpstr(systemd_active_state(f->systemd, MOUNT), ==, "inactive");
        }
}

static void test_busy(Fixture *f) {
        Call *stop, *start, *second;

        g_free(world_startable(f, "versus-1"));
        systemd_hold(f->systemd, SERVER, SYSTEMD_START);
        systemd_hold(f->systemd, SERVER, SYSTEMD_STOP);
        start = begin(f, "Start");
        systemd_wait_held(f->systemd, SERVER, SYSTEMD_START);
        second = begin(f, "Start"); /* the same is no disturbance: both are answered when it runs */
        refuse(f, "Reset", LEFT4ME_ERROR_BUSY);
        refuse(f, "Delete", LEFT4ME_ERROR_BUSY);
        refuse(f, "Restart", LEFT4ME_ERROR_BUSY);
        call_refused(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Rename", g_variant_new("(s)", "x"),
                LEFT4ME_ERROR_BUSY);
        systemd_release(f->systemd, SERVER);
        g_variant_unref(call_end(start));
        g_variant_unref(call_end(second));

        refuse(f, "Reset", LEFT4ME_ERROR_INSTANCE_RUNNING);
        refuse(f, "Delete", LEFT4ME_ERROR_INSTANCE_RUNNING);
        call_refused(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Rename", g_variant_new("(s)", "x"),
                LEFT4ME_ERROR_INSTANCE_RUNNING);
        call_refused(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Configure",
                g_variant_new_parsed("({'Port': <@q 27050>},)"), LEFT4ME_ERROR_INSTANCE_RUNNING);

        stop = begin(f, "Stop");
        systemd_wait_held(f->systemd, SERVER, SYSTEMD_STOP);
        refuse(f, "Start", LEFT4ME_ERROR_BUSY);
        refuse(f, "Restart", LEFT4ME_ERROR_BUSY);
        second = begin(f, "Stop");
        systemd_release(f->systemd, SERVER);
        g_variant_unref(call_end(stop));
        g_variant_unref(call_end(second));
}

/* A deadline that is past when it is read is refused; then a later one serves. */
static void stop_soon(Fixture *f) {
        for (guint64 soon = 100 * G_TIME_SPAN_MILLISECOND;; soon *= 2) {
                g_autoptr(Call) c = call_begin(f->client, PATH, LEFT4ME_INSTANCE_INTERFACE, "StopWhenEmpty",
                        g_variant_new_parsed("(false, %t, @at [])", (guint64) g_get_real_time() + soon));

                if (*call_error_name(c) == '\0')
                        return;
                g_assert_cmpstr(call_error_name(c), ==, LEFT4ME_ERROR_INVALID_ARGUMENT);
        }
}

/* A stop when empty whose time has come: who takes it back then is not told that the server goes on. */
static void test_cancel_intent(Fixture *f) {
        start_server(f);
        refuse(f, "CancelIntent", LEFT4ME_ERROR_NO_SUCH_INTENT);
        systemd_hold(f->systemd, SERVER, SYSTEMD_STOP);
        stop_soon(f);
        systemd_wait_held(f->systemd, SERVER, SYSTEMD_STOP);
        refuse(f, "CancelIntent", LEFT4ME_ERROR_BUSY);
        systemd_release(f->systemd, SERVER);
        expect(f, "ActiveState", "'inactive'");
        expect(f, "Intents", "@a(ssttats) []");
        refuse(f, "CancelIntent", LEFT4ME_ERROR_NO_SUCH_INTENT);
}

static void add_tests(void) {
        fixture_add("/lifecycle/start-stop", test_start_stop);
        fixture_add("/lifecycle/files", test_files);
        fixture_add("/lifecycle/reply-waits", test_reply_waits);
        fixture_add("/lifecycle/restart", test_restart);
        fixture_add("/lifecycle/missing-layer", test_missing_layer);
        fixture_add("/lifecycle/start-fails", test_start_fails);
        fixture_add("/lifecycle/start-fails-and-restarts", test_start_fails_and_restarts);
        fixture_add("/lifecycle/stop-fails", test_stop_fails);
        fixture_add("/lifecycle/stop-during-start", test_stop_during_start);
        fixture_add("/lifecycle/hasty", test_hasty);
        fixture_add("/lifecycle/busy", test_busy);
        fixture_add("/lifecycle/cancel-intent", test_cancel_intent);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
