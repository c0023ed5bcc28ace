/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What only a terminal sees: width, colours, questions, progress, and the agent that asks for passwords. */

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dbus/names.h"
#include "run.h"
#include "text.h"

/* Without the sequences that colour. */
static char *plain(const GString *text) {
        g_autoptr(GRegex) colours = g_regex_new("\033\\[[0-9;]*m|\r", 0, 0, NULL);

        return g_regex_replace_literal(colours, text->str, -1, 0, "", 0, NULL);
}

static void assert_narrow(const GString *text) {
        g_autofree char *bare = plain(text);
        g_auto(GStrv) lines = g_strsplit(bare, "\n", -1);
        char **line;

        for (line = lines; *line; line++)
                if (text_width(*line) > 80)
                        g_error("wider than the terminal: '%s'", *line);
}

static Fake *fake_with_long_names(void) {
        g_autofree char *name = g_strnfill(64, 'n'), *layer = g_strnfill(64, 'o');
        const char *overlays[] = { layer, layer, NULL };
        Fake *f = fake_new();
        L4Manager1Instance *instance = fake_add_instance(f, name, 27015);
        L4Manager1Overlay *overlay = fake_add_overlay(f, layer);

        (void) fake_add_instance(f, "short", 27016);
        l4_manager1_instance_set_overlays(instance, overlays);
        fake_set_state(instance, "active", "running");
        fake_add_version(overlay, 1, 1,
                "a label that is as long as labels can be, which is a hundred characters of printable ASCII");
        l4_manager1_overlay_set_used_by(overlay, overlays);
        fake_set_job(fake_add_job(f, "import", layer, "failed"), "failed", -1,
                "something went wrong that takes more words than there is room for on a line");
        f->checks =
                "[('units', 'failed', 'left4me-server@.service has lost the drop-in that keeps games from the rest of the host',"
                " 'reinstall the package left4me, or restore /usr/lib/systemd/system/left4me-server@.service.d/10.conf')]";
        return f;
}

static void test_width(void) {
        Fake *f = fake_with_long_names();
        g_autoptr(Run) list = NULL, overlays = NULL, jobs = NULL, check = NULL, status = NULL, show = NULL,
                       job = NULL;
        g_autofree char *layer = g_strnfill(64, 'o'), *text = NULL;

        list = RUN_ON_TERMINAL(f, 0, "list");
        assert_narrow(list->out);
        assert_has(list->out, "\342\200\246");
        overlays = RUN_ON_TERMINAL(f, 0, "overlay", "list");
        assert_narrow(overlays->out);
        show = RUN_ON_TERMINAL(f, 0, "overlay", "show", layer);
        assert_narrow(show->out);
        jobs = RUN_ON_TERMINAL(f, 0, "job", "list");
        assert_narrow(jobs->out);
        job = RUN_ON_TERMINAL(f, 0, "job", "show", "1");
        assert_narrow(job->out);
        status = RUN_ON_TERMINAL(f, 0, "status");
        assert_narrow(status->out);

        /* An explanation is not cut but broken. */
        check = RUN_ON_TERMINAL(f, 1, "check");
        assert_narrow(check->out);
        text = plain(check->out);
        g_assert_cmpstr(text, ==,
                "VERDICT  CHECK  EXPLANATION\n"
                "failed   units  left4me-server@.service has lost the drop-in that keeps games\n"
                "                from the rest of the host\n"
                "                -> reinstall the package left4me, or restore\n"
                "                /usr/lib/systemd/system/left4me-server@.service.d/10.conf\n");
        fake_free(f);
}

static void test_colours(void) {
        Fake *f = fake_new();
        g_autoptr(Run) coloured = NULL, bare = NULL, piped = NULL, ascii = NULL;

        fake_set_state(fake_add_instance(f, "versus-1", 27015), "active", "running");
        coloured = RUN_ON_TERMINAL(f, 0, "list");
        assert_has(coloured->out, "\033[1;32mrunning\033[0m");
        assert_has(coloured->out, "1 server, 1 running\r\n");

        g_setenv("NO_COLOR", "1", TRUE);
        bare = RUN_ON_TERMINAL(f, 0, "list");
        g_unsetenv("NO_COLOR");
        assert_lacks(bare->out, "\033");

        piped = RUN(f, 0, "status");
        assert_has(piped->out, "\342\227\217 versus-1\n");
        f->locale = "C";
        ascii = RUN(f, 0, "status");
        assert_has(ascii->out, "* versus-1\n");
        fake_free(f);
}

static Run *ask_delete(Fake *f, const char *answer) {
        const char *words[] = { "delete", "versus-1", NULL };
        Run *r = run_start(f, RUN_TERMINAL, words);

        run_until(r, "[y/N]");
        assert_has(r->out,
                "Deleting versus-1 loses the settings and everything that the server itself has written.");
        run_send(r, answer);
        run_wait(r);
        return r;
}

static void test_questions(void) {
        Fake *f = fake_new();
        g_autoptr(Run) no = NULL, nothing = NULL, end = NULL, interrupted = NULL, yes = NULL;

        (void) fake_add_instance(f, "versus-1", 27015);
        no = ask_delete(f, "n\n");
        g_assert_cmpint(WEXITSTATUS(no->status), ==, 1);
        assert_has(no->out, "left4mectl: nothing was changed\r\n");
        nothing = ask_delete(f, "\n");
        g_assert_cmpint(WEXITSTATUS(nothing->status), ==, 1);
        end = ask_delete(f, "\004");
        g_assert_cmpint(WEXITSTATUS(end->status), ==, 1);
        interrupted = ask_delete(f, "\003");
        g_assert_true(WIFSIGNALED(interrupted->status));
        g_assert_false(fake_called(f, "!Delete"));

        yes = ask_delete(f, "yes\n");
        g_assert_cmpint(yes->status, ==, 0);
        g_assert_true(fake_called(f, "!Delete versus-1 ()"));
        assert_has(yes->out, "versus-1 deleted\r\n");
        fake_free(f);
}

static gboolean hold(Fake *f, const char *method, const char *name, GDBusMethodInvocation *invocation) {
        if (!g_str_equal(method, "Start"))
                return FALSE;

        f->data = invocation;
        return TRUE;
}

/* What takes its time says so, and for how long. */
static void test_patience(void) {
        const char *words[] = { "start", "versus-1", NULL };
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL, interrupted = NULL;

        (void) fake_add_instance(f, "versus-1", 27015);
        f->hook = hold;
        r = run_start(f, RUN_TERMINAL, words);
        run_until(r, "\r\033[Kstarting: versus-1");
        g_dbus_method_invocation_return_value(f->data, NULL);
        run_wait(r);
        g_assert_cmpint(r->status, ==, 0);
        assert_has(r->out, "\r\033[Kversus-1 started\r\n");

        interrupted = run_start(f, RUN_TERMINAL, words);
        run_until(interrupted, "starting: ");
        run_send(interrupted, "\003");
        run_wait(interrupted);
        g_assert_cmpint(WEXITSTATUS(interrupted->status), ==, 130);
        assert_has(interrupted->out,
                "left4mectl: interrupted; what was asked for goes on (left4mectl status tells how)\r\n");
        g_dbus_method_invocation_return_value(f->data, NULL);
        fake_free(f);
}

/* An agent that says that it was there, by the pipe that it is given. */
static void test_agent(void) {
        static const char script[] = "#!/bin/sh\necho \"agent: $*\"\nexec 3>&-\nexec cat\n";
        g_autofree char *directory = g_dir_make_tmp("left4me-agent-XXXXXX", NULL), *agent = NULL,
                        *path = NULL, *old = NULL;
        Fake *f = NULL;
        g_autoptr(Run) r = NULL, off = NULL, reading = NULL;

        if (geteuid() != 0) {
                g_test_skip("runs left4mectl as nobody, which takes root");
                return;
        }

        f = fake_new();
        old = g_strdup(g_getenv("PATH"));
        path = g_strdup_printf("%s:%s", directory, old);
        agent = g_build_filename(directory, "pkttyagent", NULL);
        g_assert_true(g_file_set_contents_full(agent, script, -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
        (void) g_chmod(directory, 0755);
        g_setenv("PATH", path, TRUE);

        (void) fake_add_instance(f, "versus-1", 27015);
        r = run_to_end(f, RUN_TERMINAL | RUN_NOBODY, 0, "start", "versus-1", NULL);
        g_assert_cmpstr(r->out->str, ==, "agent: --notify-fd=3 --fallback\r\nversus-1 started\r\n");
        g_assert_true(fake_called(f, "!Start versus-1 ()"));

        off = run_to_end(f, RUN_TERMINAL | RUN_NOBODY, 0, "stop", "versus-1", "--no-ask-password", NULL);
        g_assert_cmpstr(off->out->str, ==, "versus-1 stopped\r\n");
        g_assert_true(fake_called(f, "Stop versus-1 ()"));

        reading = run_to_end(f, RUN_TERMINAL | RUN_NOBODY, 0, "list", NULL);
        assert_lacks(reading->out, "agent");

        g_setenv("PATH", old, TRUE);
        (void) g_unlink(agent);
        (void) g_rmdir(directory);
        fake_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/terminal/width", test_width);
        g_test_add_func("/terminal/colours", test_colours);
        g_test_add_func("/terminal/questions", test_questions);
        g_test_add_func("/terminal/patience", test_patience);
        g_test_add_func("/terminal/agent", test_agent);
        return g_test_run();
}
