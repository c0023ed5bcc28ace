/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The comparison of two trees. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "service/tree-diff.h"

static int open_tree(const Fixture *f, const char *name) {
        g_autofree char *path = fixture_path(f, "%s", name);
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        return fd;
}

/* As little as can be at a time. */
static int run(TreeDiff *d) {
        int r;

        do
                r = tree_diff_step(d, 0);
        while (r > 0);
        return r;
}

static char *print(TreeDiff *d) {
        const GArray *changes = tree_diff_changes(d);
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < changes->len; i++) {
                const TreeChange *c = &g_array_index(changes, TreeChange, i);

                g_string_append_printf(
                        text, "%s %s %u %u\n", c->kind, c->path, (unsigned) c->a, (unsigned) c->b);
        }
        return g_string_free(text, FALSE);
}

typedef struct Case {
        const char *name, *a, *b, *want;
} Case;

static const Case cases[] = {
        { "empty", "", "", "" },
        { "equal", "f a one\nf d/b two\nl l a\nd e\n", "f a one\nf d/b two\nl l a\nd e\n", "" },
        { "added", "f a one\n", "f a one\nf b two\n", "added b 0 3\n" },
        { "removed", "f a one\nf b two\n", "f a one\n", "removed b 3 0\n" },
        { "changed", "f a one\nf b two\n", "f a 111\nf b twos\n", "changed a 3 3\nchanged b 3 4\n" },
        { "executable", "f a one\n", "x a one\n", "changed a 3 3\n" },
        { "link", "l a one\nl b x\n", "l a two\nl b x\n", "changed a 3 3\n" },
        { "type", "f a one\nl b a\nf c/d x\n", "f a/b two\nf b one\nf c y\n",
                "type a 3 0\nadded a/b 0 3\ntype b 1 3\ntype c 0 1\nremoved c/d 1 0\n" },
        { "directories", "f d/a one\nd e\n", "f d/a one\nd f/g\nf f/h x\n",
                "removed e/ 0 0\nadded f/ 0 0\nadded f/g/ 0 0\nadded f/h 0 1\n" },
        { "bytes", "f \xff x\nf same\xf1 y\n", "f \xfe/\xff x\nf same\xf1 y\n",
                "added \xfe/ 0 0\nadded \xfe/\xff 0 1\nremoved \xff 1 0\n" },
        { "sorted", "", "f b/z x\nf a x\nf b/a/q x\nf c x\n",
                "added a 0 1\nadded b/ 0 0\nadded b/a/ 0 0\nadded b/a/q 0 1\nadded b/z 0 1\nadded c 0 1\n" },
};

static void test_case(Fixture *f, gconstpointer data) {
        g_autofree char *a = fixture_path(f, "a"), *b = fixture_path(f, "b"), *text = NULL;
        g_autoptr(TreeDiff) d = NULL;
        const Case *c = data;

        tree_make(a, c->a);
        tree_make(b, c->b);
        d = tree_diff_new(open_tree(f, "a"), open_tree(f, "b"), 100);
        g_assert_cmpint(run(d), ==, 0);
        text = print(d);
        g_assert_cmpstr(text, ==, c->want);
}

/* The same file is equal without a look; an equal one after it. */
static void test_content(Fixture *f, gconstpointer data) {
        g_autofree char *content = g_strnfill(200000, 'x'), *a = fixture_path(f, "a"),
                        *b = fixture_path(f, "b");
        g_autofree char *from = fixture_path(f, "a/hard"), *to = fixture_path(f, "b/hard"), *text = NULL;
        g_autoptr(TreeDiff) d = NULL;

        tree_make(a, "f hard one\n");
        tree_make(b, "d d\n");
        g_assert_no_errno(link(from, to));
        tree_make(a, "d d\n");
        fixture_put(f, "a/equal", content);
        fixture_put(f, "b/equal", content);
        fixture_put(f, "a/last", content);
        content[199999] = 'y';
        fixture_put(f, "b/last", content);
        d = tree_diff_new(open_tree(f, "a"), open_tree(f, "b"), 100);
        g_assert_cmpint(run(d), ==, 0);
        text = print(d);
        g_assert_cmpstr(text, ==, "changed last 200000 200000\n");
}

static void test_limits(Fixture *f, gconstpointer data) {
        g_autofree char *a = fixture_path(f, "a"), *b = fixture_path(f, "b");
        g_autoptr(TreeDiff) enough = NULL, few = NULL, dropped = NULL;

        tree_make(a, "d d\n");
        tree_make(b, "f 1 x\nf 2 x\nf d/3 x\n");
        enough = tree_diff_new(open_tree(f, "a"), open_tree(f, "b"), 3);
        g_assert_cmpint(run(enough), ==, 0);
        few = tree_diff_new(open_tree(f, "a"), open_tree(f, "b"), 2);
        g_assert_cmpint(run(few), ==, -E2BIG);
        dropped = tree_diff_new(open_tree(f, "a"), open_tree(f, "b"), 3);
        g_assert_cmpint(tree_diff_step(dropped, 0), ==, 1);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        fixture_namespace();

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = g_strdup_printf("/diff/%s", cases[i].name);

                g_test_add(path, Fixture, &cases[i], fixture_set_up, test_case, fixture_tear_down);
        }
        FIXTURE_ADD("/diff/content", test_content);
        FIXTURE_ADD("/diff/limits", test_limits);
        return g_test_run();
}
