/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beneath.h"
#include "fixture.h"
#include "remove.h"

/* Some user without rights, to whom modes mean something. */
#define NOBODY 65534

static void test_kinds(Fixture *f, gconstpointer data) {
        g_autofree char *tree = fixture_path(f, "uppers/one"), *victim = fixture_path(f, "victim"),
                        *uppers = fixture_path(f, "uppers");

        fixture_put(f, "victim/file", "untouched");
        tree_make(tree, "f a 1\nd d/e/f\nl link ../../victim\nl d/out /etc\np d/pipe\nw d/gone\nh b a\n");
        g_assert_cmpint(remove_tree(f->roots.state, "uppers"), ==, 0);
        g_assert_cmpint(access(uppers, F_OK), ==, -1);
        tree_assert(victim, "f file untouched");

        /* Nothing there, a file, a link: the name goes, what it leads to stays. */
        g_assert_cmpint(remove_tree(f->roots.state, "uppers"), ==, 0);
        g_assert_no_errno(symlink("victim", uppers));
        g_assert_cmpint(remove_tree(f->roots.state, "uppers"), ==, 0);
        tree_assert(victim, "f file untouched");
}

static void test_deep(Fixture *f, gconstpointer data) {
        _cleanup_fd_ int fd = -1;

        fd = beneath_make(f->roots.state, "deep", 0755);
        for (int i = 0; i < 3000; i++) {
                int next = beneath_make(fd, i % 40 == 0 ? ".deep-0" : "d", 0755), file;

                g_assert_cmpint(next, >=, 0);
                file = openat(next, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
                g_assert_cmpint(file, >=, 0);
                (void) close(file);
                close_fd(&fd);
                fd = next;
        }
        g_assert_cmpint(remove_tree(f->roots.state, "deep"), ==, 0);
        g_assert_cmpint(faccessat(f->roots.state, "deep", F_OK, 0), ==, -1);
}

/* Directories that their owner cannot enter, as overlayfs leaves one in each work directory. */
static void test_modes(Fixture *f, gconstpointer data) {
        static const char *const dirs[] = { "closed/work/work", "closed/work", "closed/a/b/c", "closed/a/b",
                "closed" };
        g_autofree char *tree = fixture_path(f, "closed");
        _cleanup_fd_ int top = -1;
        int status;
        pid_t pid;

        tree_make(tree, "d work/work\nf a/b/c/file x\nf a/file x\n");
        g_assert_no_errno(fchown(f->roots.state, NOBODY, NOBODY));
        for (size_t i = 0; i < G_N_ELEMENTS(dirs); i++) {
                g_autofree char *path = fixture_path(f, "%s", dirs[i]);

                g_assert_no_errno(chown(path, NOBODY, NOBODY));
                g_assert_no_errno(chmod(path, 0000));
        }
        g_assert_no_errno(fchownat(f->roots.state, "closed/a", NOBODY, NOBODY, 0));

        top = openat(f->roots.state, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        pid = fork();
        if (pid == 0)
                _exit(setresuid(NOBODY, NOBODY, NOBODY) < 0 ? 100 : -remove_tree(top, "closed"));
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
        g_assert_cmpint(access(tree, F_OK), ==, -1);
        g_assert_no_errno(fchown(f->roots.state, 0, 0));
}

static void test_mount(Fixture *f, gconstpointer data) {
        g_autofree char *target = fixture_path(f, "tree/mounted"), *source = fixture_path(f, "source");

        fixture_put(f, "source/file", "precious");
        tree_make(target, "");
        g_assert_no_errno(mount(source, target, NULL, MS_BIND, NULL));
        g_assert_cmpint(remove_tree(f->roots.state, "tree"), ==, -EXDEV);
        tree_assert(source, "f file precious");
        g_assert_no_errno(umount2(target, 0));
        g_assert_cmpint(remove_tree(f->roots.state, "tree"), ==, 0);
}

static void test_by_rename(Fixture *f, gconstpointer data) {
        g_autofree char *tree = fixture_path(f, "tree"), *trash = fixture_path(f, ".tree");

        /* An earlier removal was cut off, and meanwhile the name is taken again. */
        tree_make(trash, "f old x\n");
        tree_make(tree, "f new x\n");
        g_assert_cmpint(remove_by_rename(f->roots.state, "tree"), ==, 0);
        g_assert_cmpint(access(tree, F_OK), ==, -1);
        g_assert_cmpint(access(trash, F_OK), ==, -1);
        g_assert_cmpint(remove_by_rename(f->roots.state, "tree"), ==, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        fixture_namespace();

        FIXTURE_ADD("/remove/kinds", test_kinds);
        FIXTURE_ADD("/remove/deep", test_deep);
        FIXTURE_ADD("/remove/modes", test_modes);
        FIXTURE_ADD("/remove/mount", test_mount);
        FIXTURE_ADD("/remove/by-rename", test_by_rename);
        return g_test_run();
}
