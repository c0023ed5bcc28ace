/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* job wait, and what a job says while somebody waits for it. */

#include <signal.h>
#include <sys/wait.h>

#include "run.h"

static const char lines[] = "1732244000000000 6 left4me-build unpacking \033[2Jone.vpk\n"
                            "1732244000000001 6 left4me-build @progress 50 unpacking\n"
                            "1732244000000002 6 systemd Starting left4me build 1...\n"
                            "1732244000000003 6 left4me-build said last\n";

static Run *wait_for_one(Fake *f, RunFlags flags) {
        const char *words[] = { "job", "wait", "1", NULL };

        (void) fake_add_job(f, "import", "maps", "running");
        f->log = lines;
        return run_start(f, flags, words);
}

static void test_wait(void) {
        Fake *f = fake_new();
        g_autoptr(Run) r = wait_for_one(f, RUN_TERMINAL), done = NULL, failed = NULL, json = NULL,
                       none = NULL;

        run_until(r, "said last");
        assert_has(r->out, "unpacking \\x1b[2Jone.vpk");
        assert_lacks(r->out, "@progress");
        assert_lacks(r->out, "Starting left4me build");
        fake_set_job(fake_job(f, 1), "running", 0.5, "unpacks the archive");
        run_until(r, "maps: unpacks the archive  [");
        fake_set_job(fake_job(f, 1), "succeeded", 1, "version 1");
        run_wait(r);
        g_assert_cmpint(r->status, ==, 0);
        assert_has(r->out, "job 1 has succeeded\r\n");

        done = RUN(f, 0, "job", "wait", "1");
        g_assert_cmpstr(done->out->str, ==, "job 1 has succeeded\n");
        (void) fake_add_job(f, "import", "maps", "failed");
        failed = RUN(f, 1, "job", "wait", "1", "2");
        assert_has(failed->err, "left4mectl: import into maps failed:");
        json = RUN(f, 1, "job", "wait", "--json", "2");
        assert_has(json->out, "\"state\":\"failed\"");
        none = RUN(f, 4, "job", "wait", "4711");
        g_assert_cmpstr(none->err->str, ==, "left4mectl: no job 4711\n");
        fake_free(f);
}

/* A left4med that crashes or is stopped: when it is back it says what became of the job. */
static void test_wait_on(void) {
        Fake *f = fake_new();
        g_autoptr(Run) r = wait_for_one(f, RUN_TERMINAL);

        run_until(r, "said last");
        fake_release_name(f);
        run_until(r, "maps: left4med has gone: waits until it is back");
        fake_set_job(fake_job(f, 1), "failed", -1, "left4med was started anew");
        fake_own_name(f);
        run_wait(r);
        g_assert_cmpint(WEXITSTATUS(r->status), ==, 1);
        assert_has(r->out, "import into maps failed: left4med was started anew");
        fake_free(f);
}

/* Whoever only waits ends nothing, with a terminal or without. */
static void test_wait_interrupted(void) {
        const char *words[] = { "job", "wait", "1", "2", NULL };
        Fake *f = fake_new();
        g_autoptr(Run) r = wait_for_one(f, RUN_TERMINAL), piped = NULL;

        run_until(r, "said last");
        run_send(r, "\003");
        run_wait(r);
        g_assert_true(WIFEXITED(r->status));
        g_assert_cmpint(WEXITSTATUS(r->status), ==, 130);

        /* When it has told of the first, it waits for the second. */
        fake_set_job(fake_job(f, 1), "succeeded", 1, "");
        (void) fake_add_job(f, "import", "other", "running");
        piped = run_start(f, RUN_PIPES, words);
        run_until(piped, "job 1 has succeeded\n");
        (void) kill(piped->pid, SIGINT);
        run_wait(piped);
        g_assert_true(WIFEXITED(piped->status));
        g_assert_cmpint(WEXITSTATUS(piped->status), ==, 130);
        g_assert_false(fake_called(f, "!Cancel"));
        g_assert_false(fake_called(f, "Cancel"));
        fake_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/jobs/wait", test_wait);
        g_test_add_func("/jobs/wait-on", test_wait_on);
        g_test_add_func("/jobs/wait-interrupted", test_wait_interrupted);
        return g_test_run();
}
