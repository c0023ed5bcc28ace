/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* logs, and what a hostile one can do: nothing. */

#include <fcntl.h>
#include <glib-unix.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dbus/names.h"
#include "run.h"

static void test_text(void) {
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL, job = NULL, since = NULL, few = NULL;

        (void) fake_add_instance(f, "versus-1", 27015);
        (void) fake_add_job(f, "import", "maps", "failed");
        f->log =
                "1732244000000000 6 srcds_run Server is hibernating\n1732244001500000 3 left4me-overlay no such layer: maps\n";

        r = RUN(f, 0, "logs", "versus-1");
        g_assert_cmpstr(r->out->str, ==,
                "Nov 22 02:53:20 srcds_run: Server is hibernating\n"
                "Nov 22 02:53:21 left4me-overlay: no such layer: maps\n");
        g_assert_true(fake_called(f, "!OpenLog versus-1 ({},)"));

        job = RUN(f, 0, "job", "logs", "1", "-n", "5");
        g_assert_cmpstr(job->out->str, ==, r->out->str);
        g_assert_true(fake_called(f, "!OpenLog 1 ({'Lines': <uint32 5>},)"));

        since = RUN(f, 0, "logs", "versus-1", "--since", "@1732244000", "--until", "2024-11-22T03:00:00Z");
        g_assert_true(fake_called(f, "!OpenLog versus-1 ({'Lines': <uint32 10000>, "));
        few = RUN(f, 0, "logs", "-n3", "versus-1", "-S", "10 min ago");
        g_assert_true(fake_called(f, "!OpenLog versus-1 ({'Lines': <uint32 3>, "));
        fake_free(f);
}

/* As journalctl names them. */
static void test_cursor(void) {
        Fake *f = fake_new();
        g_autoptr(Run) shown = NULL, json = NULL, after = NULL, from = NULL, both = NULL, none = NULL;
        const char *call;

        (void) fake_add_instance(f, "versus-1", 27015);
        none = RUN(f, 0, "logs", "versus-1", "--show-cursor");
        g_assert_cmpstr(none->out->str, ==, "");
        f->log = "s=1;i=2 1732244000000000 6 srcds one\ns=1;i=3 1732244001500000 6 srcds two\n";
        shown = RUN(f, 0, "logs", "versus-1", "--show-cursor");
        g_assert_cmpstr(shown->out->str, ==,
                "Nov 22 02:53:20 srcds: one\nNov 22 02:53:21 srcds: two\n-- cursor: s=1;i=3\n");
        g_assert_true(fake_called(f, "!OpenLog versus-1 ({'Cursors': <true>},)"));
        json = RUN(f, 0, "logs", "versus-1", "--show-cursor", "--json");
        assert_has(json->out, "\"message\":\"one\",\"cursor\":\"s=1;i=2\"}");
        fake_free(f);

        f = fake_new();
        (void) fake_add_instance(f, "versus-1", 27015);
        after = RUN(f, 0, "logs", "versus-1", "--after-cursor=s=1;i=2");
        g_assert_true(fake_called(f, "!OpenLog versus-1 ({'Cursor': <'s=1;i=2'>},)"));
        from = RUN(f, 0, "logs", "versus-1", "--cursor", "s=1;i=2", "-n5");
        call = g_ptr_array_index(f->calls, f->calls->len - 1);
        g_assert_nonnull(strstr(call, "'FromCursor': <'s=1;i=2'>"));
        g_assert_nonnull(strstr(call, "'Lines': <uint32 5>"));
        both = RUN(f, 2, "logs", "versus-1", "--cursor=a", "--after-cursor=b");
        assert_has(both->err, "two beginnings");
        fake_free(f);
}

static void test_hostile(void) {
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL, json = NULL;
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autoptr(GError) error = NULL;

        (void) fake_add_instance(f, "versus-1", 27015);
        f->log =
                "1732244000000000 6 srcds_run \033]0;owned\007\033[2J\302\233A\342\200\256\363\240\201\201 \377\n"
                "no time at all\n"
                "99999999999999999999999999 6 srcds_run late\n"
                "1732244000000000 9 srcds_run priority\n"
                "\n"
                "1732244000000000 6 no-message\n"
                "1732244000000000 6 srcds_run no end";

        r = RUN(f, 0, "logs", "versus-1");
        g_assert_cmpstr(r->out->str, ==,
                "Nov 22 02:53:20 srcds_run: \\x1b]0;owned\\x07\\x1b[2J\\x9bA\\u202e\\ue0041 \357\277\275\n"
                "no time at all\n"
                "? srcds_run: late\n"
                "1732244000000000 9 srcds_run priority\n"
                "\n"
                "1732244000000000 6 no-message\n"
                "Nov 22 02:53:20 srcds_run: no end\n");

        json = RUN(f, 0, "logs", "versus-1", "--json");
        g_assert_true(g_utf8_validate(json->out->str, -1, NULL));
        assert_lacks(json->out, "\033");
        assert_lacks(json->out, "\302\233");
        assert_lacks(json->out, "\342\200\256");
        assert_lacks(json->out, "\363\240\201\201");
        (void) json_parser_load_from_data(parser, json->out->str, -1, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(json_array_get_length(json_node_get_array(json_parser_get_root(parser))), ==, 7);
        fake_free(f);
}

/* The pipe that the follower reads, kept open. */
static gboolean keep_open(Fake *f, const char *method, const char *name, GDBusMethodInvocation *invocation) {
        g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
        int *end = f->data, ends[2];

        if (!g_str_equal(method, "OpenLog"))
                return FALSE;

        g_assert_true(g_unix_open_pipe(ends, FD_CLOEXEC, NULL));
        (void) g_unix_fd_list_append(fds, ends[0], NULL);
        (void) close(ends[0]);
        *end = ends[1];
        g_dbus_method_invocation_return_value_with_unix_fd_list(invocation, g_variant_new("(h)", 0), fds);
        return TRUE;
}

static void send_line(int fd, const char *line) {
        g_assert_cmpint(write(fd, line, strlen(line)), ==, (ssize_t) strlen(line));
}

static gboolean is_open(gconstpointer data) {
        return *(const int *) data >= 0;
}

/* With the end of the pipe that the service writes into. */
static Run *begin_following(Fake *f, const char *const *words, int *end) {
        Run *r;

        *end = -1;
        f->hook = keep_open;
        f->data = end;
        r = run_start(f, RUN_PIPES, words);
        run_loop_until(is_open, end);
        return r;
}

static void test_follow(void) {
        const char *words[] = { "logs", "-f", "versus-1", NULL },
                   *json_words[] = { "logs", "-f", "--json", "versus-1", NULL };
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL, json = NULL;
        int end;

        (void) fake_add_instance(f, "versus-1", 27015);
        r = begin_following(f, words, &end);
        g_assert_true(fake_called(f, "!OpenLog versus-1 ({'Cursors': <true>, 'Follow': <true>},)"));
        send_line(end, "s=1;i=1 1732244000000000 6 srcds_run one\ns=1;i=2 1732244000000000 6 srcds_run tw");
        run_until(r, "srcds_run: one\n");
        assert_lacks(r->out, "tw");
        send_line(end, "o\n");
        run_until(r, "srcds_run: two\n");
        (void) kill(r->pid, SIGINT);
        run_wait(r);
        g_assert_true(WIFSIGNALED(r->status));
        (void) close(end);

        json = begin_following(f, json_words, &end);
        send_line(end, "s=1;i=1 1732244000000000 6 srcds_run one\n");
        run_until(json,
                "{\"time\":1732244000000000,\"priority\":6,\"identifier\":\"srcds_run\",\"message\":\"one\"}\n");
        (void) close(end);
        run_wait(json);
        g_assert_cmpint(WEXITSTATUS(json->status), ==, 1);
        fake_free(f);
}

/* The line that it broke off in comes whole. */
static void test_follow_on(void) {
        const char *words[] = { "logs", "-f", "versus-1", NULL };
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL;
        const char *call;
        int end;

        (void) fake_add_instance(f, "versus-1", 27015);
        r = begin_following(f, words, &end);
        send_line(end, "s=1;i=1 1732244000000000 6 srcds_run one\ns=1;i=2 1732244000000000 6 srcds_run tw");
        run_until(r, "srcds_run: one\n");

        fake_release_name(f);
        (void) close(end);
        end = -1;
        run_until(r, "left4mectl: left4med has gone; the log goes on when it is back\n");
        g_assert_cmpint(end, <, 0);
        fake_own_name(f);
        run_loop_until(is_open, &end);
        call = g_ptr_array_index(f->calls, f->calls->len - 1);
        g_assert_nonnull(strstr(call, "'Cursor': <'s=1;i=1'>"));
        g_assert_nonnull(strstr(call, "'Follow': <true>"));
        send_line(end, "s=1;i=2 1732244000000000 6 srcds_run two\n");
        run_until(r, "srcds_run: two\n");
        assert_lacks(r->out, "tw\n");

        /* One that is there has closed it for a reason. */
        (void) close(end);
        run_wait(r);
        g_assert_cmpint(WEXITSTATUS(r->status), ==, 1);
        assert_has(r->err, "left4med has closed the log");
        fake_free(f);
}

/* Beside the main loop, which has to take what comes out meanwhile. */
static gpointer send_endless(gpointer data) {
        g_autofree char *piece = g_strnfill(60000, 'x');
        const int *end = data;
        int i;

        for (i = 0; i < 20; i++)
                send_line(*end, piece);
        (void) close(*end);
        return NULL;
}

/* A line that never ends is shown in pieces, so that it needs no memory without bounds. */
static void test_endless(void) {
        const char *words[] = { "logs", "versus-1", NULL };
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL;
        GThread *sender;
        int end = -1;

        (void) fake_add_instance(f, "versus-1", 27015);
        f->hook = keep_open;
        f->data = &end;
        r = run_start(f, RUN_PIPES, words);
        run_loop_until(is_open, &end);
        sender = g_thread_new("sender", send_endless, &end);
        run_wait(r);
        (void) g_thread_join(sender);
        g_assert_cmpint(r->status, ==, 0);
        g_assert_cmpuint(r->out->len, ==, 20 * 60000 + 19);
        fake_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/logs/text", test_text);
        g_test_add_func("/logs/cursor", test_cursor);
        g_test_add_func("/logs/hostile", test_hostile);
        g_test_add_func("/logs/follow", test_follow);
        g_test_add_func("/logs/follow-on", test_follow_on);
        g_test_add_func("/logs/endless", test_endless);
        return g_test_run();
}
