/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Several builds that somebody waits for: a line of each on a terminal, a line for each phase elsewhere. */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "client.h"
#include "run.h"
#include "screen.h"

/* Build() begins a job that runs. */
static gboolean begin(Fake *f, const char *method, const char *name, GDBusMethodInvocation *invocation) {
        g_autofree char *path = NULL;

        if (!g_str_equal(method, "Build"))
                return FALSE;

        l4_manager1_job_set_started(fake_add_job(f, "build", name, "running"), (guint64) g_get_real_time());
        path = client_job_path(f->last_job);
        g_dbus_method_invocation_return_value(invocation, g_variant_new("(o)", path));
        return TRUE;
}

static Fake *fake_with_overlays(void) {
        Fake *f = fake_new();

        (void) fake_add_overlay(f, "l4d2");
        (void) fake_add_overlay(f, "maps");
        (void) fake_add_overlay(f, "an-overlay-of-a-long-name");
        f->hook = begin;
        return f;
}

static Run *build_all(Fake *f, RunFlags flags) {
        const char *words[] = { "overlay", "build", "l4d2", "maps", "an-overlay-of-a-long-name", NULL };

        return run_start(f, flags, words);
}

static void end(Fake *f, unsigned number, const char *state, unsigned seconds, const char *message) {
        L4Manager1Job *job = fake_job(f, number);

        l4_manager1_job_set_finished(
                job, l4_manager1_job_get_started(job) + seconds * G_GUINT64_CONSTANT(1000000));
        fake_set_job(job, state, -1, message);
}

static void test_lines(void) {
        Fake *f = fake_with_overlays();
        g_autoptr(Run) r = build_all(f, RUN_TERMINAL);

        run_until(r, "an-overlay-of-a-long-name  running");
        fake_set_job(fake_job(f, 1), "running", 0.45, "downloading for linux");
        run_until(r, "downloading for linux");
        assert_has(r->out, "l4d2                       [===>      ]  45%  ");
        fake_set_job(fake_job(f, 3), "running", 1, "unpacks \033[2J");
        run_until(r, "unpacks \\x1b[2J");
        assert_has(r->out, "[==========] 100%  ");
        end(f, 2, "failed", 3, "it ended with exit code 7 and said all this");
        run_until(r, "0:03  it ended with");
        end(f, 1, "succeeded", 67, "version 1: 3214 files");
        run_until(r, "1:07  version 1");
        g_assert_false(r->exited);
        end(f, 3, "succeeded", 3723, "nothing changed, version 2 stays current");
        run_wait(r);

        g_assert_cmpint(WEXITSTATUS(r->status), ==, 1);
        assert_screen(r->out, 80,
                "l4d2                       succeeded             1:07  version 1: 3214 files\n"
                "maps                       failed                0:03  it ended with exit co?\n"
                "an-overlay-of-a-long-name  succeeded          1:02:03  nothing changed, vers?\n"
                "left4mectl: build of maps failed: it ended with exit code 7 and said all this\n"
                "            left4mectl job logs 2 shows more\n");
        fake_free(f);
}

/* What has no row of its own is counted; in the end all is told. */
static void test_narrow(void) {
        Fake *f = fake_with_overlays();
        g_autoptr(Run) r = build_all(f, RUN_TERMINAL | RUN_NARROW), many = NULL;
        const char *words[] = { "job", "wait", "4", "5", "6", "7", "8", NULL };
        static const char message[] = "downloads: 3 of 10 items, 1.0 MB of 20.0 MB";

        run_until(r, "an-overla\342\200\246  running");
        fake_set_job(fake_job(f, 1), "running", 0.45, message);
        run_until(r, "l4d2              45%");
        for (unsigned i = 1; i <= 3; i++)
                end(f, i, "succeeded", 59, message);
        run_wait(r);
        g_assert_cmpint(r->status, ==, 0);
        assert_screen(r->out, 40,
                "l4d2        succeeded   0:59  downlo?\n"
                "maps        succeeded   0:59  downlo?\n"
                "an-overla?  succeeded   0:59  downlo?\n");

        for (unsigned i = 4; i <= 8; i++)
                (void) fake_add_job(f, "build", "o", "queued");
        fake_set_job(fake_job(f, 8), "running", 0.1, "");
        many = run_start(f, RUN_TERMINAL | RUN_NARROW, words);
        run_until(many, "o        10%         running");
        run_until(many, "and 3 more, 0 of them ended");
        for (unsigned i = 4; i <= 8; i++)
                fake_set_job(fake_job(f, i), "succeeded", -1, "");
        run_wait(many);
        assert_screen(many->out, 40,
                "o  succeeded         succeeded\no  succeeded         succeeded\n"
                "o  succeeded         succeeded\no  succeeded         succeeded\n"
                "o  succeeded         succeeded\n");
        fake_free(f);
}

/* A log gets a line when a build comes to something else, and no more. */
static void test_phases(void) {
        Fake *f = fake_with_overlays();
        g_autoptr(Run) r = build_all(f, RUN_PIPES), json = NULL;

        while (f->last_job < 3)
                (void) g_main_context_iteration(NULL, TRUE);
        fake_set_job(fake_job(f, 3), "queued", -1, "");
        run_until(r, "an-overlay-of-a-long-name: waits for its turn\n");
        fake_set_job(fake_job(f, 1), "running", 0.1, "downloads: 1 of 10 items");
        run_until(r, "l4d2: downloads: 1 of 10 items\n");
        fake_set_job(fake_job(f, 1), "running", 0.2, "downloads: 2 of 10 items");
        fake_set_job(fake_job(f, 2), "running", 0.2, "unpacks \033[2J");
        run_until(r, "maps: unpacks \\x1b[2J\n");
        end(f, 1, "succeeded", 3, "version 1: 10 items");
        run_until(r, "l4d2: version 1: 10 items\n");
        end(f, 2, "cancelled", 3, "cancelled");
        end(f, 3, "failed", 3, "exit code 7");
        run_wait(r);
        g_assert_cmpint(WEXITSTATUS(r->status), ==, 1);
        g_assert_cmpstr(r->out->str, ==, "l4d2: version 1: 10 items\n");
        assert_lacks(r->err, "\033");
        assert_lacks(r->err, "\r");
        assert_lacks(r->err, "2 of 10 items");
        assert_lacks(r->err, "running");
        assert_has(r->err, "left4mectl: build of maps was cancelled\n"
                           "left4mectl: build of an-overlay-of-a-long-name failed: exit code 7\n"
                           "            left4mectl job logs 3 shows more\n");

        json = build_all(f, RUN_PIPES);
        while (f->last_job < 6)
                (void) g_main_context_iteration(NULL, TRUE);
        for (unsigned i = 4; i <= 6; i++)
                end(f, i, "succeeded", 3, "");
        run_wait(json);
        g_assert_cmpint(json->status, ==, 0);
        fake_free(f);
}

/* One that is named twice is built once; next steps for whoever sits there. */
static void test_names(void) {
        Fake *f = fake_with_overlays();
        const char *words[] = { "overlay", "build", "maps", "l4d2", "maps", NULL };
        g_autoptr(Run) r = run_start(f, RUN_PIPES, words), made = NULL, quiet = NULL, seed = NULL;

        while (f->last_job < 2)
                (void) g_main_context_iteration(NULL, TRUE);
        end(f, 1, "succeeded", 1, "version 1: 1 file");
        end(f, 2, "succeeded", 1, "");
        run_wait(r);
        g_assert_cmpint(r->status, ==, 0);
        g_assert_cmpuint(f->last_job, ==, 2);

        made = RUN_ON_TERMINAL(f, 0, "overlay", "create", "plugins", "--kind", "script");
        assert_has(made->out, "plugins created\r\n");
        assert_has(made->out, "write its script: left4mectl overlay edit plugins");
        quiet = RUN(f, 0, "overlay", "create", "other", "--kind", "steam");
        g_assert_cmpstr(quiet->err->str, ==, "");
        seed = RUN(f, 1, "overlay", "seed", "/nonexistent");
        g_assert_cmpstr(seed->err->str, ==, "left4mectl: /nonexistent: No such file or directory\n");
        fake_free(f);
}

/* Whoever leaves is told how to come back; nothing was cancelled. */
static void test_interrupts(void) {
        const char *words[] = { "job", "wait", "2", "3", NULL };
        Fake *f = fake_with_overlays();
        g_autoptr(Run) left = build_all(f, RUN_TERMINAL), wait = NULL, cancelled = NULL;

        run_until(left, "an-overlay-of-a-long-name  running");
        end(f, 1, "succeeded", 3, "version 1");
        run_until(left, "0:03  version 1");
        run_send(left, "\003");
        run_until(left, "[w]ait?");
        run_send(left, "d\n");
        run_wait(left);
        g_assert_cmpint(left->status, ==, 0);
        assert_has(left->out, "what has not ended goes on; left4mectl job wait 2 3 waits for it");

        wait = run_start(f, RUN_TERMINAL, words);
        run_until(wait, "an-overlay-of-a-long-name  running");
        run_send(wait, "\003");
        run_wait(wait);
        g_assert_cmpint(WEXITSTATUS(wait->status), ==, 130);
        assert_has(wait->out, "left4mectl job wait 2 3 waits for it");
        g_assert_false(fake_called(f, "!Cancel"));

        cancelled = build_all(f, RUN_TERMINAL);
        run_until(cancelled, "an-overlay-of-a-long-name  running");
        run_send(cancelled, "\003");
        run_until(cancelled, "[w]ait?");
        run_send(cancelled, "c\n");
        run_wait(cancelled);
        g_assert_cmpint(WEXITSTATUS(cancelled->status), ==, 130);
        g_assert_true(fake_called(f, "!Cancel"));
        assert_has(cancelled->out, "left4mectl: build of maps was cancelled\r\n");
        fake_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/progress/lines", test_lines);
        g_test_add_func("/progress/narrow", test_narrow);
        g_test_add_func("/progress/phases", test_phases);
        g_test_add_func("/progress/names", test_names);
        g_test_add_func("/progress/interrupts", test_interrupts);
        return g_test_run();
}
