/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overlay import, and waiting for jobs: from files and pipes, to the end and not. */

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dbus/names.h"
#include "run.h"

/* Larger than any pipe, so that writing has to wait. */
#define ARCHIVE_SIZE (3 * 1024 * 1024 + 17)

static char *make_archive(void) {
        g_autofree char *data = g_malloc(ARCHIVE_SIZE);
        g_autoptr(GError) error = NULL;
        char *path;
        int fd;

        memset(data, 'a', ARCHIVE_SIZE);
        fd = g_file_open_tmp("left4me-archive-XXXXXX", &path, &error);
        g_assert_no_error(error);
        g_assert_cmpint(write(fd, data, ARCHIVE_SIZE), ==, ARCHIVE_SIZE);
        (void) close(fd);
        return path;
}

static void test_file(void) {
        g_autofree char *path = make_archive();
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL, json = NULL, quiet = NULL;

        (void) fake_add_overlay(f, "maps");
        r = RUN(f, 0, "overlay", "import", "maps", path, "--directory", "left4dead2", "--label", "two maps");
        g_assert_cmpstr(r->out->str, ==, "maps: version 1 is current, 3.0M in 3 files\n");
        g_assert_cmpstr(r->err->str, ==, "");
        g_assert_cmpuint(f->imported->len, ==, ARCHIVE_SIZE);
        assert_has((GString[]){ { .str = g_ptr_array_index(f->calls, 0) } }, "'Size': <uint64 3145745>");
        assert_has((GString[]){ { .str = g_ptr_array_index(f->calls, 0) } }, "'Directory': <'left4dead2'>");
        assert_has((GString[]){ { .str = g_ptr_array_index(f->calls, 0) } }, "'Label': <'two maps'>");

        json = RUN(f, 0, "overlay", "import", "maps", path, "--json");
        assert_has(json->out, "\"state\":\"succeeded\"");
        assert_has(json->out, "\"job\":2");
        quiet = RUN(f, 0, "overlay", "import", "maps", path, "-q");
        g_assert_cmpstr(quiet->out->str, ==, "");

        (void) g_unlink(path);
        fake_free(f);
}

static void test_standard_input(void) {
        const char *words[] = { "overlay", "import", "maps", "-", NULL };
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL;

        (void) fake_add_overlay(f, "maps");
        r = run_start(f, RUN_STDIN, words);
        run_send(r, "first ");
        run_send(r, "second");
        run_close_input(r);
        run_wait(r);
        g_assert_cmpstr(f->imported->str, ==, "first second");
        g_assert_cmpstr(r->out->str, ==, "maps: version 1 is current, 12B in 3 files\n");
        g_assert_true(fake_called(f, "!Import maps ({},)"));
        fake_free(f);
}

static void test_wrong(void) {
        Fake *f = fake_new();
        g_autoptr(Run) missing = NULL, directory = NULL, overlay = NULL;
        g_autofree char *path = make_archive();

        (void) fake_add_overlay(f, "maps");
        missing = RUN(f, 1, "overlay", "import", "maps", "/nonexistent.zip");
        g_assert_cmpstr(missing->err->str, ==, "left4mectl: /nonexistent.zip: No such file or directory\n");
        directory = RUN(f, 1, "overlay", "import", "maps", "/usr");
        assert_has(directory->err, "/usr is a directory");
        g_assert_cmpuint(f->calls->len, ==, 0);

        overlay = RUN(f, 4, "overlay", "import", "mps", path);
        assert_has(overlay->err, "no overlay 'mps'; did you mean maps?\n");
        (void) g_unlink(path);
        fake_free(f);
}

/* The service closes the pipe when the job has failed: the job's message is what is told, no broken pipe. */
static void test_failed(void) {
        g_autofree char *path = make_archive();
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL, json = NULL;

        (void) fake_add_overlay(f, "maps");
        f->import = FAKE_IMPORT_REFUSE;
        r = RUN(f, 1, "overlay", "import", "maps", path);
        g_assert_cmpstr(r->err->str, ==,
                "left4mectl: import into maps failed: not an archive left4me knows (tar, zip, 7z)\n"
                "            left4mectl job logs 1 shows more\n");
        g_assert_cmpstr(r->out->str, ==, "");

        json = RUN(f, 1, "overlay", "import", "maps", path, "--json");
        assert_has(json->out, "\"state\":\"failed\"");
        (void) g_unlink(path);
        fake_free(f);
}

/* What could be read of it must not pass for all of it. */
static void test_unreadable(void) {
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL;

        (void) fake_add_overlay(f, "maps");
        f->import = FAKE_IMPORT_READ;
        r = RUN(f, 1, "overlay", "import", "maps", "/proc/self/mem");
        g_assert_cmpstr(r->err->str, ==,
                "left4mectl: cannot read the archive: Input/output error\nleft4mectl: import into maps was cancelled\n");
        g_assert_true(fake_called(f, "!Cancel 1 ()"));
        fake_free(f);
}

static void test_detach(void) {
        g_autofree char *path = make_archive();
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL;

        (void) fake_add_overlay(f, "maps");
        f->import = FAKE_IMPORT_READ;
        r = RUN(f, 0, "overlay", "import", "maps", path, "--detach");
        g_assert_cmpstr(r->out->str, ==, "job 1\n");
        g_assert_cmpuint(f->imported->len, ==, ARCHIVE_SIZE);
        g_assert_cmpstr(l4_manager1_job_get_state(fake_job(f, 1)), ==, "running");
        (void) g_unlink(path);
        fake_free(f);
}

static gboolean job_is_there(gconstpointer data) {
        return ((const Fake *) data)->last_job > 0;
}

static gboolean has_imported(gconstpointer data) {
        return ((const Fake *) data)->import_fd < 0;
}

/* Without a terminal an interrupt means that it is not wanted any more. */
static void test_interrupted(void) {
        const char *words[] = { "overlay", "import", "maps", "-", NULL };
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL;

        (void) fake_add_overlay(f, "maps");
        f->import = FAKE_IMPORT_READ;
        r = run_start(f, RUN_STDIN, words);
        run_loop_until(job_is_there, f);
        run_send(r, "some");
        while (f->imported->len < 4)
                (void) g_main_context_iteration(NULL, TRUE);

        (void) kill(r->pid, SIGINT);
        run_wait(r);
        g_assert_cmpint(WEXITSTATUS(r->status), ==, 130);
        g_assert_cmpstr(r->err->str, ==, "left4mectl: import into maps was cancelled\n");
        g_assert_true(fake_called(f, "!Cancel 1 ()"));
        fake_free(f);
}

static gboolean refuse_cancel(
        Fake *f, const char *method, const char *name, GDBusMethodInvocation *invocation) {
        if (!g_str_equal(method, "Cancel"))
                return FALSE;

        g_dbus_method_invocation_return_dbus_error(
                invocation, LEFT4ME_ERROR_BUSY, "The version is being made");
        return TRUE;
}

/* Past the point of no return: that is said, and the end is waited for. */
static void test_too_late(void) {
        const char *words[] = { "overlay", "import", "maps", "-", NULL };
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL;

        (void) fake_add_overlay(f, "maps");
        f->import = FAKE_IMPORT_READ;
        f->hook = refuse_cancel;
        r = run_start(f, RUN_STDIN, words);
        run_loop_until(job_is_there, f);
        run_close_input(r);
        run_loop_until(has_imported, f);
        fake_set_job(fake_job(f, 1), "running", 0.9, "committing");
        (void) kill(r->pid, SIGINT);
        run_until(r, "left4mectl: The version is being made\n");
        fake_set_job(fake_job(f, 1), "succeeded", 1, "");
        run_wait(r);
        g_assert_cmpint(r->status, ==, 0);
        fake_free(f);
}

/* What a terminal shows, and the choice there is on Ctrl-C. */
static Run *start_on_terminal(Fake *f, const char *path) {
        const char *words[] = { "overlay", "import", "maps", path, NULL };
        Run *r;

        (void) fake_add_overlay(f, "maps");
        f->import = FAKE_IMPORT_READ;
        r = run_start(f, RUN_TERMINAL, words);
        run_loop_until(job_is_there, f);
        run_loop_until(has_imported, f);
        fake_set_job(fake_job(f, 1), "running", 0.5, "unpacking \033[2Jc1m1.vpk");
        run_until(r, "maps: unpacking \\x1b[2Jc1m1.vpk  [");
        run_until(r, ">                  ]  50%");
        return r;
}

static void test_bar(void) {
        g_autofree char *path = make_archive();
        Fake *f = fake_new();
        g_autoptr(Run) r = start_on_terminal(f, path);

        assert_lacks(r->out, "\033[2J");
        fake_add_version(
                fake_find(f, LEFT4ME_OVERLAY_PREFIX "/maps", LEFT4ME_OVERLAY_INTERFACE), 1024, 1, "");
        fake_set_job(fake_job(f, 1), "succeeded", 1, "");
        run_wait(r);
        g_assert_cmpint(r->status, ==, 0);
        assert_has(r->out, "\r\033[Kmaps: version 1 is current, 1.0K in 1 file\r\n");
        (void) g_unlink(path);
        fake_free(f);
}

static void test_ask_cancel(void) {
        g_autofree char *path = make_archive();
        Fake *f = fake_new();
        g_autoptr(Run) r = start_on_terminal(f, path);

        run_send(r, "\003");
        run_until(r, "[c]ancel, [d]etach and let it go on, or [w]ait?");
        run_send(r, "c\n");
        run_wait(r);
        g_assert_cmpint(WEXITSTATUS(r->status), ==, 130);
        g_assert_true(fake_called(f, "!Cancel 1 ()"));
        assert_has(r->out, "left4mectl: import into maps was cancelled\r\n");
        (void) g_unlink(path);
        fake_free(f);
}

static void test_ask_detach(void) {
        g_autofree char *path = make_archive();
        Fake *f = fake_new();
        g_autoptr(Run) r = start_on_terminal(f, path);

        run_send(r, "\003");
        run_until(r, "or [w]ait?");
        run_send(r, "d\n");
        run_wait(r);
        g_assert_cmpint(r->status, ==, 0);
        assert_has(r->out, "job 1\r\n");
        g_assert_false(fake_called(f, "!Cancel"));
        (void) g_unlink(path);
        fake_free(f);
}

static void test_ask_wait(void) {
        g_autofree char *path = make_archive();
        Fake *f = fake_new();
        g_autoptr(Run) r = start_on_terminal(f, path);

        run_send(r, "\003");
        run_until(r, "or [w]ait?");
        run_send(r, "w\n");
        fake_set_job(fake_job(f, 1), "running", 0.75, "committing");
        run_until(r, "committing");
        fake_set_job(fake_job(f, 1), "succeeded", 1, "");
        run_wait(r);
        g_assert_cmpint(r->status, ==, 0);
        (void) g_unlink(path);
        fake_free(f);
}

/* The second Ctrl-C needs no answer. */
static void test_ask_twice(void) {
        g_autofree char *path = make_archive();
        Fake *f = fake_new();
        g_autoptr(Run) r = start_on_terminal(f, path);

        run_send(r, "\003");
        run_until(r, "or [w]ait?");
        run_send(r, "\003");
        run_wait(r);
        g_assert_cmpint(WEXITSTATUS(r->status), ==, 130);
        g_assert_true(fake_called(f, "!Cancel 1 ()"));
        (void) g_unlink(path);
        fake_free(f);
}

/* Detached in the middle: what is still to be sent is sent without a terminal. */
static void test_detach_upload(void) {
        g_autofree char *path = make_archive();
        const char *words[] = { "overlay", "import", "maps", path, NULL };
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL;

        (void) fake_add_overlay(f, "maps");
        f->import = FAKE_IMPORT_HOLD;
        r = run_start(f, RUN_TERMINAL, words);
        run_until(r, "of 3.0M");
        run_send(r, "\003");
        run_until(r, "or [w]ait?");
        run_send(r, "d\n");
        run_wait(r);
        g_assert_cmpint(r->status, ==, 0);

        fake_read_import(f, fake_job(f, 1));
        run_loop_until(has_imported, f);
        g_assert_cmpuint(f->imported->len, ==, ARCHIVE_SIZE);
        (void) g_unlink(path);
        fake_free(f);
}

/* The service crashes and comes back: it then says what became of the job. */
static void test_service_restarts(void) {
        g_autofree char *path = make_archive();
        const char *words[] = { "overlay", "import", "maps", path, NULL };
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL;

        (void) fake_add_overlay(f, "maps");
        f->import = FAKE_IMPORT_READ;
        r = run_start(f, RUN_TERMINAL, words);
        run_loop_until(has_imported, f);
        run_until(r, "maps: ");
        fake_release_name(f);
        run_until(r, "left4med has gone");
        fake_set_job(fake_job(f, 1), "failed", -1.0, "left4med was started anew");
        fake_own_name(f);
        run_wait(r);
        g_assert_cmpint(WEXITSTATUS(r->status), ==, 1);
        assert_has(r->out, "failed: left4med was started anew\r\n");
        (void) g_unlink(path);
        fake_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/import/file", test_file);
        g_test_add_func("/import/standard-input", test_standard_input);
        g_test_add_func("/import/wrong", test_wrong);
        g_test_add_func("/import/failed", test_failed);
        g_test_add_func("/import/unreadable", test_unreadable);
        g_test_add_func("/import/detach", test_detach);
        g_test_add_func("/import/interrupted", test_interrupted);
        g_test_add_func("/import/too-late", test_too_late);
        g_test_add_func("/import/bar", test_bar);
        g_test_add_func("/import/ask-cancel", test_ask_cancel);
        g_test_add_func("/import/ask-detach", test_ask_detach);
        g_test_add_func("/import/ask-wait", test_ask_wait);
        g_test_add_func("/import/ask-twice", test_ask_twice);
        g_test_add_func("/import/detach-upload", test_detach_upload);
        g_test_add_func("/import/service-restarts", test_service_restarts);
        return g_test_run();
}
