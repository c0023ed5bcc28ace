/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Jobs: what fails, what is cancelled, what waits. */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "world.h"

#define MANAGER LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE
#define MAPS LEFT4ME_OVERLAY_PREFIX "/maps"

static void expect(Fixture *f, const char *property, const char *value) {
        mirror_wait(f->mirror, MAPS, LEFT4ME_OVERLAY_INTERFACE, property, value);
}

static void expect_job(Fixture *f, const char *job, const char *property, const char *value) {
        mirror_wait(f->mirror, job, LEFT4ME_JOB_INTERFACE, property, value);
}

static GVariant *job_property(Fixture *f, const char *job, const char *property) {
        return mirror_get(f->mirror, job, LEFT4ME_JOB_INTERFACE, property);
}

/* What is no archive: the job fails with a reason, and the writer is not left hanging. */
static void test_garbage(Fixture *f) {
        g_autofree char *text = g_strnfill(4 * 1024 * 1024, 'x'), *job = NULL;
        g_autoptr(GBytes) data = g_bytes_new(text, strlen(text));
        int pipe;

        g_free(world_empty_overlay(f, "maps"));
        world_perform(f);
        job = world_begin_import(f, "maps", "@a{sv} {}", &pipe);
        (void) world_write(pipe, data); /* taken, or refused in its middle */
        g_assert_cmpstr(world_wait_job(f, job), ==, "failed");
        expect_job(f, job, "ExitStatus", "1");
        g_assert_cmpstr(g_variant_get_string(job_property(f, job, "Message"), NULL), !=, "");
        expect(f, "State", "'empty'");
        g_assert_false(fixture_exists(f, "var/lib/left4me/builds/1"));

        /* An upload that is closed at once has brought nothing. */
        g_free(job);
        job = world_begin_import(f, "maps", "@a{sv} {}", &pipe);
        (void) close(pipe);
        g_assert_cmpstr(world_wait_job(f, job), ==, "failed");
}

static void test_cancel(Fixture *f) {
        g_autofree char *job = NULL, *second = NULL;
        g_autoptr(GBytes) archive = world_archive();
        int pipe, second_pipe;

        g_free(world_overlay(f, "maps"));
        job = world_begin_import(f, "maps", "@a{sv} {}", &pipe);
        expect_job(f, job, "State", "'running'");
        g_variant_unref(call(f, job, LEFT4ME_JOB_INTERFACE, "Cancel", NULL));
        expect_job(f, job, "State", "'cancelled'");
        g_assert_cmpint(world_write(pipe, archive), ==, EPIPE);
        expect(f, "State", "'ready'");
        expect(f, "Current", "@u 1");
        /* Of an ended job: nothing to do. */
        g_variant_unref(call(f, job, LEFT4ME_JOB_INTERFACE, "Cancel", NULL));
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StopUnit left4me-build@*"), ==, 1);
        g_assert_cmpstr(systemd_active_state(f->systemd, "left4me-build@2.service"), ==, "inactive");

        /* One that waits for a worker never begins. */
        fixture_configure(f, "GamePorts=27015-27115\nJobWorkers=1");
        g_variant_unref(call(f, MANAGER, "Reload", NULL));
        g_free(world_empty_overlay(f, "other"));
        g_free(job);
        job = world_begin_import(f, "maps", "@a{sv} {}", &pipe);
        second = world_begin_import(f, "other", "@a{sv} {}", &second_pipe);
        expect_job(f, job, "State", "'running'");
        expect_job(f, second, "State", "'queued'");
        g_variant_unref(call(f, second, LEFT4ME_JOB_INTERFACE, "Cancel", NULL));
        expect_job(f, second, "State", "'cancelled'");
        g_assert_cmpint(world_write(second_pipe, archive), ==, EPIPE);
        g_assert_cmpint(world_write(pipe, archive), ==, 0);
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
}

/* The answer, the end of the job and the removal of what was built wait until the build has really ended. */
static void test_cancel_waits(Fixture *f) {
        g_autofree char *job = NULL;
        Call *cancel, *again;
        int pipe;

        g_free(world_empty_overlay(f, "maps"));
        world_perform(f);
        systemd_hold(f->systemd, "left4me-build@*", SYSTEMD_START);
        systemd_hold(f->systemd, "left4me-build@*", SYSTEMD_STOP);
        systemd_hold(f->systemd, "left4me-overlay@*", SYSTEMD_STOP);
        job = world_begin_import(f, "maps", "@a{sv} {}", &pipe);
        systemd_wait_held(f->systemd, "left4me-build@1.service", SYSTEMD_START);
        cancel = call_begin(f->client, job, LEFT4ME_JOB_INTERFACE, "Cancel", NULL);
        systemd_wait_held(f->systemd, "left4me-build@1.service", SYSTEMD_STOP);
        again = call_begin(f->client, job, LEFT4ME_JOB_INTERFACE, "Cancel", NULL);
        fixture_ping(f);
        g_assert_false(cancel->done);
        expect_job(f, job, "State", "'running'");
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit left4me-tree@*"), ==, 0);
        systemd_release(f->systemd, "left4me-build@1.service");
        systemd_wait_held(f->systemd, "left4me-overlay@build-1.service", SYSTEMD_STOP);
        fixture_ping(f);
        g_assert_false(cancel->done);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit left4me-tree@*"), ==, 0);
        systemd_release(f->systemd, "left4me-overlay@build-1.service");
        g_variant_unref(call_end(cancel));
        g_variant_unref(call_end(again));
        expect_job(f, job, "State", "'cancelled'");
        expect(f, "State", "'empty'");
        g_assert_cmpstr(systemd_active_state(f->systemd, "left4me-build@1.service"), ==, "inactive");
        g_assert_false(fixture_exists(f, "var/lib/left4me/builds/1"));
        (void) close(pipe);
}

static void refuse_cancel(Fixture *f, const char *job) {
        call_refused(f, job, LEFT4ME_JOB_INTERFACE, "Cancel", NULL, LEFT4ME_ERROR_BUSY);
}

/* A build that has failed ends by itself: while its last words are looked for, and while its mount is stopped. */
static void test_cancel_failed(Fixture *f) {
        g_autofree char *job = NULL;
        int pipe;

        g_free(world_empty_overlay(f, "maps"));
        world_perform(f);
        systemd_hold(f->systemd, "left4me-build@*", SYSTEMD_START);
        systemd_hold(f->systemd, "left4me-overlay@*", SYSTEMD_STOP);
        job = world_begin_import(f, "maps", "@a{sv} {}", &pipe);
        systemd_wait_held(f->systemd, "left4me-build@1.service", SYSTEMD_START);
        systemd_release_with(f->systemd, "left4me-build@1.service",
                (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        expect_job(f, job, "ExitStatus", "1");
        refuse_cancel(f, job);
        systemd_wait_calls(f->systemd, "StopUnit left4me-overlay@build-1.service", 1);
        systemd_wait_held(f->systemd, "left4me-overlay@build-1.service", SYSTEMD_STOP);
        refuse_cancel(f, job);
        systemd_release(f->systemd, "left4me-overlay@build-1.service");
        g_assert_cmpstr(world_wait_job(f, job), ==, "failed");
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StopUnit left4me-build@*"), ==, 0);
        g_assert_false(fixture_exists(f, "var/lib/left4me/builds/1"));
        (void) close(pipe);
}

/* Once its version is being made, a build gets it. */
static void test_cancel_committing(Fixture *f) {
        g_autoptr(GBytes) archive = world_archive();
        g_autofree char *job = NULL;
        int pipe;

        g_free(world_empty_overlay(f, "maps"));
        world_perform(f);
        systemd_hold(f->systemd, "left4me-tree@*", SYSTEMD_START);
        job = world_begin_import(f, "maps", "@a{sv} {}", &pipe);
        g_assert_cmpint(world_write(pipe, archive), ==, 0);
        systemd_wait_held(f->systemd, "left4me-tree@1.service", SYSTEMD_START);
        refuse_cancel(f, job);
        systemd_forget_rules(f->systemd);
        systemd_release(f->systemd, "left4me-tree@1.service");
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        expect(f, "Current", "@u 1");
}

/* More jobs than workers: they wait, and run in the order in which they came. */
static void test_queue(Fixture *f) {
        char *jobs[3];
        g_autoptr(GBytes) archive = world_archive();
        int pipes[3];

        fixture_configure(f, "GamePorts=27015-27115\nJobWorkers=1");
        g_variant_unref(call(f, MANAGER, "Reload", NULL));
        world_perform(f);
        for (gsize i = 0; i < G_N_ELEMENTS(jobs); i++) {
                g_autofree char *name = g_strdup_printf("o%zu", i);

                g_free(world_empty_overlay(f, name));
                jobs[i] = world_begin_import(f, name, "@a{sv} {}", &pipes[i]);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(jobs); i++) {
                expect_job(f, jobs[i], "State", "'running'");
                if (i + 1 < G_N_ELEMENTS(jobs))
                        expect_job(f, jobs[i + 1], "State", "'queued'");
                g_assert_cmpint(world_write(pipes[i], archive), ==, 0);
                g_assert_cmpstr(world_wait_job(f, jobs[i]), ==, "succeeded");
        }
        for (gsize i = 0; i < G_N_ELEMENTS(jobs); i++)
                g_free(jobs[i]);
}

/* A word in the configuration, read again, and the next ones run. */
static void test_more_workers(Fixture *f) {
        g_autofree char *one = NULL, *two = NULL, *three = NULL;
        int pipes[3];

        fixture_configure(f, "GamePorts=27015-27115\nJobWorkers=1");
        g_variant_unref(call(f, MANAGER, "Reload", NULL));
        world_perform(f);
        g_free(world_empty_overlay(f, "one"));
        g_free(world_empty_overlay(f, "two"));
        g_free(world_empty_overlay(f, "three"));
        one = world_begin_import(f, "one", "@a{sv} {}", &pipes[0]);
        two = world_begin_import(f, "two", "@a{sv} {}", &pipes[1]);
        three = world_begin_import(f, "three", "@a{sv} {}", &pipes[2]);
        expect_job(f, one, "State", "'running'");
        fixture_configure(f, "GamePorts=27015-27115\nJobWorkers=2");
        g_variant_unref(call(f, MANAGER, "Reload", NULL));
        expect_job(f, two, "State", "'running'");
        fixture_ping(f);
        expect_job(f, three, "State", "'queued'");
        g_variant_unref(call(f, one, LEFT4ME_JOB_INTERFACE, "Cancel", NULL));
        expect_job(f, three, "State", "'running'");
        for (gsize i = 0; i < G_N_ELEMENTS(pipes); i++)
                (void) close(pipes[i]);
}

/* Of those that have ended the last 200 are kept, and the others leave the bus. */
static void test_history(Fixture *f) {
        g_autofree char *first = NULL, *last = NULL;
        g_autoptr(GVariant) reply = NULL, jobs = NULL;

        g_free(world_server(f, "versus-1"));
        world_perform(f);
        for (guint i = 0; i < 201; i++) {
                g_free(last);
                last = world_take_path(call(f, LEFT4ME_INSTANCE_PREFIX "/versus_2d1",
                        LEFT4ME_INSTANCE_INTERFACE, "Reset", NULL));
                if (!first)
                        first = g_strdup(last);
                g_assert_cmpstr(world_wait_job(f, last), ==, "succeeded");
        }
        mirror_wait_object(f->mirror, first, false);
        reply = call(f, MANAGER, "ListJobs", NULL);
        jobs = g_variant_get_child_value(reply, 0);
        g_assert_cmpuint(g_variant_n_children(jobs), ==, 200);

        fixture_stop(f);
        fixture_start(f);
        mirror_wait_object(f->mirror, last, true);
        mirror_wait_object(f->mirror, first, false);
}

static void test_build_crashes(Fixture *f) {
        g_autofree char *job = NULL;
        int pipe;

        g_free(world_empty_overlay(f, "maps"));
        world_perform(f);
        systemd_hold(f->systemd, "left4me-build@*", SYSTEMD_START);
        job = world_begin_import(f, "maps", "@a{sv} {}", &pipe);
        systemd_wait_held(f->systemd, "left4me-build@1.service", SYSTEMD_START);
        systemd_release_with(f->systemd, "left4me-build@1.service",
                (SystemdOutcome){ "oom-kill", CLD_KILLED, SIGKILL, false });
        g_assert_cmpstr(world_wait_job(f, job), ==, "failed");
        expect_job(f, job, "ExitStatus", "137");
        expect(f, "State", "'empty'");
        (void) close(pipe);
        g_assert_cmpstr(systemd_active_state(f->systemd, "left4me-build@1.service"), ==, "inactive");
}

static bool is_gone(void *data) {
        return !fixture_exists(data, "var/lib/left4me/builds/1");
}

/* What a build left and nobody could remove goes when the next job has ended. */
static void test_discard_fails(Fixture *f) {
        g_autofree char *job = NULL;
        int pipe;

        g_free(world_empty_overlay(f, "maps"));
        world_perform(f);
        systemd_fail(f->systemd, "left4me-tree@*", SYSTEMD_START,
                (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        job = world_begin_import(f, "maps", "@a{sv} {}", &pipe);
        (void) close(pipe);
        g_assert_cmpstr(world_wait_job(f, job), ==, "failed");
        systemd_wait_calls(f->systemd, "StartUnit left4me-tree@2.service", 2);
        world_wait_idle(f);
        g_assert_false(is_gone(f));

        /* Not before: nobody tries again and again. */
        systemd_forget_rules(f->systemd);
        fixture_ping(f);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit left4me-tree@*"), ==, 4);
        g_assert_false(is_gone(f));
        world_import(f, "maps");
        loop_until(is_gone, f, "the rest of the first build to go");
        world_wait_idle(f);
        expect(f, "Current", "@u 1");
}

static void test_mount_fails(Fixture *f) {
        g_autofree char *job = NULL;
        int pipe;

        g_free(world_empty_overlay(f, "maps"));
        world_perform(f);
        systemd_fail(f->systemd, "left4me-overlay@build-*", SYSTEMD_START,
                (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        job = world_begin_import(f, "maps", "@a{sv} {}", &pipe);
        g_assert_cmpstr(world_wait_job(f, job), ==, "failed");
        expect(f, "State", "'empty'");
        (void) close(pipe);
}

static void test_list_jobs(Fixture *f) {
        g_autoptr(GVariant) reply = NULL, jobs = NULL;
        g_autofree char *found = NULL;
        const char *kind, *subject, *state, *path;
        guint32 number;

        g_free(world_overlay(f, "maps"));
        world_import(f, "maps");
        reply = call(f, MANAGER, "ListJobs", NULL);
        jobs = g_variant_get_child_value(reply, 0);
        g_assert_cmpuint(g_variant_n_children(jobs), ==, 2);
        g_variant_get_child(
                jobs, 0, "(u&s&s&sdstt&o)", &number, &kind, &subject, &state, NULL, NULL, NULL, NULL, &path);
        g_assert_cmpuint(number, ==, 2); /* newest first */
        g_assert_cmpstr(kind, ==, "import");
        g_assert_cmpstr(subject, ==, "maps");
        g_assert_cmpstr(state, ==, "succeeded");
        found = world_take_path(call(f, MANAGER, "GetJob", g_variant_new("(u)", 2)));
        g_assert_cmpstr(found, ==, path);
}

static void add_tests(void) {
        fixture_add("/jobs/garbage", test_garbage);
        fixture_add("/jobs/cancel", test_cancel);
        fixture_add("/jobs/cancel-waits", test_cancel_waits);
        fixture_add("/jobs/cancel-failed", test_cancel_failed);
        fixture_add("/jobs/cancel-committing", test_cancel_committing);
        fixture_add("/jobs/queue", test_queue);
        fixture_add("/jobs/more-workers", test_more_workers);
        fixture_add("/jobs/history", test_history);
        fixture_add("/jobs/build-crashes", test_build_crashes);
        fixture_add("/jobs/discard-fails", test_discard_fails);
        fixture_add("/jobs/mount-fails", test_mount_fails);
        fixture_add("/jobs/list-jobs", test_list_jobs);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
