/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"

#define SIZE 300000U /* more than a pipe takes at once */

static gpointer send_all(gpointer data) {
        int *fds = data;
        g_autofree char *text = g_strnfill(SIZE, 'x');

        g_assert_cmpint(write_all(fds[1], text, SIZE), ==, 0);
        (void) close(fds[1]);
        return NULL;
}

/* What comes in pieces is whole, up to what was asked for or the end. */
static void test_pieces(void) {
        g_autofree char *got = g_malloc0(2 * SIZE);
        GThread *sender;
        int fds[2];

        g_assert_cmpint(pipe(fds), ==, 0);
        sender = g_thread_new("sender", send_all, fds);
        g_assert_cmpint(read_full(fds[0], got, SIZE - 10), ==, SIZE - 10);
        g_assert_cmpint(read_full(fds[0], got + SIZE - 10, SIZE), ==, 10);
        g_assert_cmpint(read_full(fds[0], got, SIZE), ==, 0);
        g_assert_cmpuint(strspn(got, "x"), ==, SIZE);
        (void) g_thread_join(sender);
        (void) close(fds[0]);
}

static void test_errors(void) {
        char byte;
        int fds[2];

        g_assert_cmpint(pipe(fds), ==, 0);
        (void) close(fds[0]);
        g_assert_cmpint(write_all(fds[1], "x", 1), ==, -EPIPE);
        g_assert_cmpint(read_full(fds[1], &byte, 1), ==, -EBADF);
        (void) close(fds[1]);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/io/pieces", test_pieces);
        g_test_add_func("/io/errors", test_errors);
        return g_test_run();
}
