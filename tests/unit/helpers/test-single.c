/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that are put into a tree, and paths that are removed from one. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "archives.h"
#include "fixture.h"
#include "single.h"

#define TREE "f a old\nx run #!\nf d/b kept\nd empty\nl link a\nl out ../outside\nl in d\n"

static int open_tree(const Fixture *f) {
        g_autofree char *tree = fixture_path(f, "tree"), *outside = fixture_path(f, "outside");

        if (!g_file_test(tree, G_FILE_TEST_EXISTS)) {
                tree_make(tree, TREE);
                tree_make(outside, "f a precious\n");
        }
        return open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void check(const Fixture *f, const char *want) {
        g_autofree char *tree = fixture_path(f, "tree"), *outside = fixture_path(f, "outside");

        tree_assert(tree, want);
        tree_assert(outside, "f a precious\n");
        tree_remove(tree);
        tree_remove(outside);
}

static int put(const Fixture *f, const char *path, const char *content, int executable, uint64_t size,
        GError **error) {
        JobFile job = { .operation = OPERATION_PUT_FILE,
                .path = (char *) (uintptr_t) path,
                .executable = executable,
                .size = size };
        int tree = open_tree(f), pipe[2], r;
        GThread *writer;
        Upload u;

        g_assert_no_errno(pipe2(pipe, O_CLOEXEC));
        u = (Upload){ g_bytes_new(content, strlen(content)), pipe[1], 1000 };
        writer = g_thread_new("upload", upload_run, &u);
        r = put_file(&job, pipe[0], tree, NULL, error);
        (void) close(pipe[0]);
        (void) g_thread_join(writer);
        g_bytes_unref(u.bytes);
        (void) close(tree);
        return r;
}

static void test_put(Fixture *f, gconstpointer data) {
        static const struct {
                const char *path;
                int executable;
                const char *tree;
        } cases[] = {
                { "c", -1, TREE "f c new\n" },
                { "c", 1, TREE "x c new\n" },
                { "p/q/r", 0, TREE "d p\nd p/q\nf p/q/r new\n" },
                { "d/b", -1,
                        "f a old\nx run #!\nd d\nf d/b new\nd empty\nl link a\nl out ../outside\nl in d\n" },
                { "run", -1,
                        "f a old\nx run new\nf d/b kept\nd empty\nl link a\nl out ../outside\nl in d\n" },
                { "run", 0,
                        "f a old\nf run new\nf d/b kept\nd empty\nl link a\nl out ../outside\nl in d\n" },
                { "link", -1,
                        "f a old\nx run #!\nf d/b kept\nd empty\nf link new\nl out ../outside\nl in d\n" },
                { "out", -1, "f a old\nx run #!\nf d/b kept\nd empty\nl link a\nf out new\nl in d\n" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *want = strstr(cases[i].tree, "d d\n")
                                                ? g_strdup(cases[i].tree)
                                                : g_strconcat("d d\n", cases[i].tree, NULL);
                g_autoptr(GError) error = NULL;

                assert_ok(put(f, cases[i].path, "new", cases[i].executable, i % 2 ? 3 : 0, &error), error);
                check(f, want);
        }
}

static void test_put_refused(Fixture *f, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        assert_failed(put(f, "d", "new", -1, 0, &error), EISDIR, &error, "d: ");
        assert_failed(put(f, "empty", "new", -1, 0, &error), EISDIR, &error, "empty: ");
        assert_failed(put(f, "in/b", "new", -1, 0, &error), ELOOP, &error, "in/b", "link or a file");
        assert_failed(put(f, "out/evil", "new", -1, 0, &error), ELOOP, &error, "out/evil", "link or a file");
        assert_failed(put(f, "a/b", "new", -1, 0, &error), ENOTDIR, &error, "a/b", "link or a file");
        check(f, "d d\n" TREE);

        /* The game would never find one of the two. */
        assert_failed(
                put(f, "D/c", "new", -1, 0, &error), EEXIST, &error, "D and d, which is in the overlay");
        assert_failed(
                put(f, "d/B", "new", -1, 0, &error), EEXIST, &error, "d/B and d/b, which is in the overlay");
        assert_failed(put(f, "c:x", "new", -1, 0, &error), EILSEQ, &error, "c:x");
        assert_failed(put(f, "p\\q", "new", -1, 0, &error), EILSEQ, &error, "p\\q");
        check(f, "d d\n" TREE);

        /* What was announced must come, no more and no less. */
        assert_failed(put(f, "c", "new", -1, 4, &error), EPIPE, &error, "ends early", "3 of 4");
        assert_failed(put(f, "c", "new", -1, 2, &error), EFBIG, &error, "announced 2");
}

static void test_large(Fixture *f, gconstpointer data) {
        g_autofree char *content = g_strnfill(3000000, 'x'), *is = NULL;
        g_autoptr(GError) error = NULL;

        assert_ok(put(f, "large", content, -1, 3000000, &error), error);
        is = fixture_get(f, "tree/large");
        g_assert_cmpstr(is, ==, content);
}

static int take_away(const Fixture *f, const char *path, GError **error) {
        g_auto(GStrv) paths = g_strsplit(path, " ", -1);
        JobFile job = { .operation = OPERATION_REMOVE_FILE, .paths = paths };
        int tree = open_tree(f), r;

        r = remove_files(&job, tree, error);
        (void) close(tree);
        return r;
}

static void test_remove(Fixture *f, gconstpointer data) {
        static const struct {
                const char *path, *tree;
        } cases[] = {
                { "a", "x run #!\nd d\nf d/b kept\nd empty\nl link a\nl out ../outside\nl in d\n" },
                { "d/b", "f a old\nx run #!\nd d\nd empty\nl link a\nl out ../outside\nl in d\n" },
                { "d", "f a old\nx run #!\nd empty\nl link a\nl out ../outside\nl in d\n" },
                { "empty", "f a old\nx run #!\nd d\nf d/b kept\nl link a\nl out ../outside\nl in d\n" },
                { "link", "f a old\nx run #!\nd d\nf d/b kept\nd empty\nl out ../outside\nl in d\n" },
                { "out", "f a old\nx run #!\nd d\nf d/b kept\nd empty\nl link a\nl in d\n" },
                { "a link empty", "x run #!\nd d\nf d/b kept\nl out ../outside\nl in d\n" },
                { "d/b d", "f a old\nx run #!\nd empty\nl link a\nl out ../outside\nl in d\n" },
                { "d d/b d", "f a old\nx run #!\nd empty\nl link a\nl out ../outside\nl in d\n" },
        };
        g_autoptr(GError) error = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                assert_ok(take_away(f, cases[i].path, &error), error);
                check(f, cases[i].tree);
        }
        assert_failed(take_away(f, "nothing", &error), ENOENT, &error, "nothing");
        assert_failed(take_away(f, "none/here", &error), ENOENT, &error, "none/here");
        assert_failed(take_away(f, "a nothing", &error), ENOENT, &error, "nothing");
        assert_failed(take_away(f, "out/a", &error), ELOOP, &error, "out/a", "link or a file");
        assert_failed(take_away(f, "in/b", &error), ELOOP, &error, "in/b", "link or a file");
        check(f, "d d\n" TREE);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
        fixture_namespace();

        FIXTURE_ADD("/single/put", test_put);
        FIXTURE_ADD("/single/put-refused", test_put_refused);
        FIXTURE_ADD("/single/large", test_large);
        FIXTURE_ADD("/single/remove", test_remove);
        return g_test_run();
}
