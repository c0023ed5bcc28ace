/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* left4mectl console: answers, connections that end, questions before a server ends, and what is remembered. */

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dbus/names.h"
#include "fake-console.h"
#include "run.h"

static void test_answers(void) {
        Fake *f = fake_new();
        g_autoptr(FakeConsole) c = fake_console_new(f);
        g_autoptr(Run) status = NULL, nothing = NULL, bytes = NULL, words = NULL, many = NULL;

        status = RUN(f, 0, "console", "versus-1", "status");
        g_assert_cmpstr(status->out->str, ==, "hostname: Versus\n#end\n");
        g_assert_cmpstr(status->err->str, ==, "");
        g_assert_true(fake_called(f, "!OpenConsole versus-1"));
        nothing = RUN(f, 0, "console", "versus-1", "say", "hello");
        g_assert_cmpstr(nothing->out->str, ==, "");

        /* Whoever names himself so that a terminal obeys. */
        bytes = RUN(f, 0, "console", "versus-1", "bytes");
        g_assert_cmpstr(bytes->out->str, ==, "a\\x1b[31m\357\277\275\nb c\\x07\n");

        words = RUN(f, 0, "console", "versus-1", "--", "echo", "-a", "\"b;c\"");
        g_assert_cmpstr(words->out->str, ==, "-a \"b;c\"\n");
        many = RUN(f, 0, "console", "versus-1", "long");
        g_assert_true(g_str_has_prefix(many->out->str, "line 0\nline 1\n"));
        g_assert_true(g_str_has_suffix(many->out->str, "\nline 1999\n"));
        g_assert_cmpuint(many->out->len, ==, 2000 * 6 + 10 + 90 * 2 + 900 * 3 + 1000 * 4);
        fake_free(f);
}

/* A server that sends no marker back: a quiet while ends the answer. */
static void test_no_mirror(void) {
        Fake *f = fake_new();
        g_autoptr(FakeConsole) c = fake_console_new(f);
        g_autoptr(Run) many = NULL, r = NULL;

        c->no_mirror = TRUE;
        many = RUN(f, 0, "console", "versus-1", "long");
        g_assert_true(g_str_has_suffix(many->out->str, "\nline 1999\n"));
        r = run_start(f, RUN_STDIN, (const char *[]){ "console", "versus-1", NULL });
        run_send(r, "echo one\necho two\n");
        run_close_input(r);
        run_wait(r);
        g_assert_cmpstr(r->out->str, ==, "one\ntwo\n");
        fake_free(f);
}

static void test_json(void) {
        Fake *f = fake_new();
        g_autoptr(FakeConsole) c = fake_console_new(f);
        g_autoptr(Run) status = NULL, bytes = NULL, drop = NULL;

        status = RUN(f, 0, "console", "--json", "versus-1", "status");
        g_assert_cmpstr(status->out->str, ==,
                "{\"instance\":\"versus-1\",\"command\":\"status\",\"answer\":\"hostname: Versus\\n#end\\n\",\"complete\":true}\n");
        bytes = RUN(f, 0, "console", "--json", "versus-1", "bytes");
        assert_has(bytes->out, "\"answer\":\"a\\u001b[31m\357\277\275\\nb\\tc\\u0007\"");
        drop = RUN(f, 1, "console", "--json", "versus-1", "drop");
        assert_has(drop->out, "\"complete\":false");
        fake_free(f);
}

static void test_refused(void) {
        Fake *f = fake_new();
        g_autoptr(FakeConsole) c = fake_console_new(f);
        g_autofree char *longest = g_strnfill(498, 'x'), *longer = g_strnfill(499, 'x');
        g_autoptr(Run) limit = NULL, over = NULL, lines = NULL, empty = NULL, none = NULL, silent = NULL,
                       half = NULL, nobody = NULL;

        limit = RUN(f, 0, "console", "versus-1", longest);
        over = RUN(f, 2, "console", "versus-1", longer);
        assert_has(over->err, "at most 498 bytes, this one has 499");
        lines = RUN(f, 2, "console", "versus-1", "say a\nquit");
        assert_has(lines->err, "one line of text");
        empty = RUN(f, 2, "console", "versus-1", "");
        none = RUN(f, 2, "console");
        nobody = RUN(f, 4, "console", "versus-2", "status");
        assert_has(nobody->err, "did you mean versus-1?");
        g_assert_cmpuint(c->commands->len, ==, 1);

        silent = RUN(f, 1, "console", "versus-1", "silent");
        assert_has(silent->err, "may load a map");
        half = RUN(f, 1, "console", "versus-1", "half");
        assert_has(half->err, "closed the connection");
        fake_free(f);
}

static gboolean not_running(
        Fake *f, const char *method, const char *name, GDBusMethodInvocation *invocation) {
        if (!g_str_equal(method, "OpenConsole"))
                return FALSE;

        g_dbus_method_invocation_return_dbus_error(invocation, f->data, "The server 'versus-1' says no.");
        return TRUE;
}

static void test_errors(void) {
        Fake *f = fake_new();
        g_autoptr(FakeConsole) c = fake_console_new(f);
        g_autoptr(Run) stopped = NULL, refused = NULL;

        f->hook = not_running;
        f->data = (char[]){ LEFT4ME_ERROR_INSTANCE_NOT_RUNNING };
        stopped = RUN(f, 3, "console", "versus-1", "status");
        assert_has(stopped->err, "says no.");
        f->data = (char[]){ LEFT4ME_ERROR_CONSOLE_REFUSED };
        refused = RUN_ON_TERMINAL(f, 1, "console", "versus-1");
        assert_has(refused->out, "says no.");
        fake_free(f);
}

/* Commands that end the session are no failures. A connection that ended while nobody spoke is opened again. */
static void test_ends(void) {
        Fake *f = fake_new();
        g_autoptr(FakeConsole) c = fake_console_new(f);
        g_autoptr(Run) map = NULL, drop = NULL, r = NULL;

        map = RUN(f, 0, "console", "versus-1", "map", "c2m1_highway");
        assert_has(map->err, "sent; versus-1 has closed the connection");
        drop = RUN(f, 1, "console", "versus-1", "drop");
        assert_has(drop->err, "not known");

        r = run_start(f, RUN_STDIN, (const char *[]){ "console", "versus-1", NULL });
        run_send(r, "echo one\nexec nothing.cfg\nmap c2m1_highway\n\n  echo two  \n");
        run_until(r, "two\n");
        fake_console_drop(c);
        run_send(r, "echo three\ndrop\necho four\n");
        run_close_input(r);
        run_wait(r);
        g_assert_cmpstr(r->out->str, ==, "one\ntwo\nthree\nfour\n");
        assert_has(r->err, "connected to versus-1 again");
        g_assert_cmpuint(c->opened, ==, 2 + 4);
        g_assert_cmpint(r->status, ==, 1 << 8);
        fake_free(f);
}

/* In a folder of the test's own. */
static char *read_history(const char *home) {
        g_autofree char *path = g_build_filename(home, "left4me", "console_history", NULL);
        struct stat st;
        char *text;

        g_assert_no_errno(stat(path, &st));
        g_assert_cmpuint(st.st_mode & 0777, ==, 0600);
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_no_errno(g_remove(path));
        return text;
}

/* Types it, and waits for what is said to it. */
static void say(Run *r, const char *text, const char *answer) {
        g_string_truncate(r->out, 0);
        run_send(r, text);
        run_until(r, answer);
}

static void test_terminal(void) {
        Fake *f = fake_new();
        g_autoptr(FakeConsole) c = fake_console_new(f);
        g_autofree char *home = g_dir_make_tmp("left4me-cli-XXXXXX", NULL), *history = NULL, *folder = NULL;
        g_autoptr(Run) r = NULL;

        (void) g_setenv("XDG_STATE_HOME", home, TRUE);
        r = run_start(f, RUN_TERMINAL, (const char *[]){ "console", "versus-1", NULL });
        run_until(r, "versus-1> ");
        run_send(r, "echo onw\177e\r");
        run_until(r, "one\r\n");
        run_send(r, "sv_password hunter2\r");
        run_send(r,
                "\033[A\001\006\006\006\006\006again-\r"); /* the line before, and something put into it */
        run_until(r, "again-one\r\n");
        fake_console_drop(c);
        run_send(r, "status\r");
        run_until(r, "connected to versus-1 again");
        run_until(r, "#end");

        /* A habit that would cost the players their game. */
        say(r, "quit\r", "End the server?");
        say(r, "n\r", "nothing was changed");
        say(r, "rcon_password x\r", "cannot open consoles");
        say(r, "n\r", "nothing was changed");
        say(r, "quit\r", "End the server?");
        say(r, "y\r", "sent; versus-1");
        /* Before the prompt the terminal itself would take this, and nobody would get it. */
        run_until(r, "versus-1> ");
        run_send(r, "\004");
        run_wait(r);
        g_assert_cmpint(r->status, ==, 0);

        history = read_history(home);
        g_assert_cmpstr(history, ==, "echo one\necho again-one\nstatus\nquit\nquit\n");
        g_unsetenv("XDG_STATE_HOME");
        folder = g_build_filename(home, "left4me", NULL);
        g_assert_no_errno(g_rmdir(folder));
        g_assert_no_errno(g_rmdir(home));
        fake_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/console/answers", test_answers);
        g_test_add_func("/console/no-mirror", test_no_mirror);
        g_test_add_func("/console/json", test_json);
        g_test_add_func("/console/refused", test_refused);
        g_test_add_func("/console/errors", test_errors);
        g_test_add_func("/console/ends", test_ends);
        g_test_add_func("/console/terminal", test_terminal);
        return g_test_run();
}
