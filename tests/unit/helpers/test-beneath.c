/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "fixture.h"

static void test_open(Fixture *f, gconstpointer data) {
        static const struct {
                const char *path;
                int r;
        } cases[] = {
                { "d/file", 0 },
                { "d", 0 },
                { "missing", -ENOENT },
                { "d/file/x", -ENOTDIR },
                { "..", -EXDEV },
                { "d/../../x", -EXDEV },
                { "/etc/passwd", -EXDEV },
                { "link", -ELOOP },
                { "link/file", -ELOOP },
                { "d/inner", -ELOOP },
                { "mounted/file", -EXDEV },
        };
        g_autofree char *mounted = fixture_path(f, "mounted"), *d = fixture_path(f, "d");
        _cleanup_fd_ int across = -1;

        tree_make(f->state, "f d/file x\nl link d\nl d/inner file\nd mounted\n");
        g_assert_no_errno(mount(d, mounted, NULL, MS_BIND, NULL));
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                int fd = beneath_open(f->roots.state, cases[i].path, O_RDONLY);

                g_assert_cmpint(MIN(fd, 0), ==, cases[i].r);
                close_fd(&fd);
        }
        across = beneath_open_across(f->roots.state, "mounted/file", O_RDONLY);
        g_assert_cmpint(across, >=, 0);
        g_assert_cmpint(fcntl(across, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
        g_assert_no_errno(umount2(mounted, MNT_DETACH));
}

static void test_read(Fixture *f, gconstpointer data) {
        g_autofree char *text = NULL;
        size_t size;

        fixture_put(f, "file", "0123456789");
        g_assert_cmpint(beneath_read_from(f->roots.state, "file", 0, 10, &text, &size), ==, 0);
        g_assert_cmpstr(text, ==, "0123456789");
        g_assert_cmpuint(size, ==, 10);
        g_clear_pointer(&text, g_free);
        g_assert_cmpint(beneath_read_from(f->roots.state, "file", 0, 9, &text, NULL), ==, -EFBIG);
        g_assert_cmpint(beneath_read_from(f->roots.state, "file", 1, 10, &text, NULL), ==, -EPERM);
        g_assert_null(text);
}

static void test_write(Fixture *f, gconstpointer data) {
        g_autofree char *path = fixture_path(f, "file"), *new = fixture_path(f, ".file.new"),
                        *victim = fixture_path(f, "victim");
        g_autofree char *content = NULL, *untouched = NULL;
        _cleanup_fd_ int old = -1;
        char byte;

        fixture_put(f, "file", "old");
        fixture_put(f, "victim", "untouched");
        old = open(path, O_RDONLY | O_CLOEXEC);
        /* What an earlier, cut off write left is not written into. */
        g_assert_no_errno(symlink(victim, new));
        g_assert_cmpint(beneath_write(f->roots.state, "file", "new", 3, 0640), ==, 0);
        content = fixture_get(f, "file");
        untouched = fixture_get(f, "victim");
        g_assert_cmpstr(content, ==, "new");
        g_assert_cmpstr(untouched, ==, "untouched");
        g_assert_cmpint(read(old, &byte, 1), ==, 1);
        g_assert_cmpint(byte, ==, 'o');

        /* A directory in its place: refused, and nothing is left. */
        g_assert_no_errno(unlink(path));
        g_assert_no_errno(mkdir(path, 0755));
        g_assert_cmpint(beneath_write(f->roots.state, "file", "new", 3, 0640), ==, -EISDIR);
        g_assert_cmpint(access(new, F_OK), ==, -1);
}

static void test_roots(Fixture *f, gconstpointer data) {
        g_autofree char *run = g_build_filename(f->dir, "run", NULL);
        g_autoptr(GError) error = NULL;
        Roots roots = ROOTS_INIT;

        assert_failed(roots_open("/nonexistent", run, &roots, &error), ENOENT, &error, "/nonexistent");
        g_assert_no_errno(chmod(run, 0777));
        assert_failed(roots_open(f->state, run, &roots, &error), EPERM, &error, "writable by nobody else");
        g_assert_no_errno(chmod(run, 0755));
        g_assert_no_errno(chown(f->state, 1, 1));
        assert_failed(roots_open(f->state, run, &roots, &error), EPERM, &error, "belong to root");
        g_assert_no_errno(chown(f->state, 0, 0));
        g_assert_cmpint(roots.state, ==, -1);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        fixture_namespace();

        FIXTURE_ADD("/beneath/open", test_open);
        FIXTURE_ADD("/beneath/read", test_read);
        FIXTURE_ADD("/beneath/write", test_write);
        FIXTURE_ADD("/beneath/roots", test_roots);
        return g_test_run();
}
