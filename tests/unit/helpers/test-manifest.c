/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a build of Workshop items left, and the tree that it must become. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "beneath.h"
#include "cache.h"
#include "fixture.h"
#include "manifest.h"

#define HEAD "workshop 1\n"
#define ITEM(id, source, revision) \
        "item\t" id "\tcurrent\t" source "\t" revision "\t" revision "\t3\tTitle\n"
#define UPPER "builds/7/upper"
#define NAME ".left4me-manifest"
#define STAGE "builds/7/version"
#define ADDONS "/left4dead2/addons/"

static int open_directory(const Fixture *f, const char *path) {
        int fd = beneath_make_path(f->roots.state, path, 0755);

        g_assert_cmpint(fd, >=, 0);
        return fd;
}

static int take(const Fixture *f, WorkshopList **ret, GError **error) {
        _cleanup_fd_ int build = open_directory(f, "builds/7"), upper = open_directory(f, UPPER);

        return manifest_take(build, upper, ret, error);
}

static void test_take(Fixture *f, gconstpointer data) {
        g_autoptr(WorkshopList) list = NULL, again = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *left = NULL, *taken = NULL;

        /* No news is no manifest. */
        g_assert_cmpint(take(f, &list, &error), ==, 0);

        fixture_put(f, UPPER "/" NAME, HEAD ITEM("1", "cache", "5-3"));
        g_assert_cmpint(take(f, &list, &error), ==, 1);
        g_assert_cmpuint(list->items->len, ==, 1);
        left = fixture_get(f, UPPER "/" NAME);
        g_assert_null(left);
        taken = fixture_get(f, "builds/7/manifest");
        g_assert_nonnull(taken);

        /* A crash behind the move: what was taken stays. */
        g_assert_cmpint(take(f, &again, &error), ==, 1);
        g_assert_cmpuint(again->items->len, ==, 1);
}

static void test_take_refused(Fixture *f, gconstpointer data) {
        static const char *const bad[] = {
                "",
                "workshop 2\n",
                HEAD ITEM("1", "cache", "5-3") ITEM("1", "cache", "5-3"),
                HEAD ITEM("../1", "cache", "5-3"),
                HEAD ITEM("1", "cache", "../../5"),
                HEAD ITEM("1", "network", "5-3"),
                HEAD "campaign\ta\tb\n",
        };
        g_autofree char *taken = fixture_path(f, "builds/7/manifest"),
                        *link = fixture_path(f, UPPER "/" NAME), *secret = fixture_path(f, "secret");
        g_autoptr(WorkshopList) list = NULL;
        g_autoptr(GError) error = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                fixture_put(f, UPPER "/" NAME, bad[i]);
                assert_failed(take(f, &list, &error), EBADMSG, &error, "manifest of the build is not valid");
                g_assert_no_errno(unlink(taken));
        }

        /* What is no file of the build's own. */
        fixture_put(f, "secret", HEAD);
        g_assert_no_errno(symlink(secret, link));
        g_assert_cmpint(take(f, &list, &error), <, 0);
        g_clear_error(&error);
        g_assert_no_errno(unlink(taken));
        g_assert_no_errno(mkdir(link, 0755));
        g_assert_cmpint(take(f, &list, &error), <, 0);
        g_clear_error(&error);
        g_assert_no_errno(rmdir(taken));
        g_assert_no_errno(mkfifo(link, 0644));
        g_assert_cmpint(take(f, &list, &error), <, 0);
        g_assert_null(list);
}

/* Links what the manifest says into the stage. */
static int link_all(const Fixture *f, const char *text, bool base, GError **error) {
        _cleanup_fd_ int cache = open_directory(f, WORKSHOP_CACHE), stage = open_directory(f, STAGE),
                         build = open_directory(f, "builds/7"),
                         old = base ? open_directory(f, "overlays/maps/versions/1") : -1;
        const Settle settle = { .scratch = build, .released = true };
        g_autoptr(WorkshopList) list = NULL;

        g_assert_cmpint(workshop_list_parse(text, strlen(text), &list), ==, 0);
        return manifest_link(list, cache, old, stage, &settle, error);
}

static void check(const Fixture *f, const char *tree) {
        g_autofree char *path = fixture_path(f, STAGE);

        tree_assert(path, tree);
}

static ino_t inode(const Fixture *f, const char *where) {
        g_autofree char *path = fixture_path(f, "%s", where);
        struct stat st;

        g_assert_no_errno(lstat(path, &st));
        return st.st_ino;
}

static void test_link(Fixture *f, gconstpointer data) {
        g_autofree char *cached = fixture_path(f, WORKSHOP_CACHE "/1-5-3.vpk");
        g_autoptr(GError) error = NULL;
        struct stat st;

        fixture_put(f, WORKSHOP_CACHE "/1-5-3.vpk", "one");
        fixture_put(f, "overlays/maps/versions/1" ADDONS "2.vpk", "two");
        fixture_put(f, "overlays/maps/versions/1" ADDONS "9.vpk", "not wanted any more");
        g_assert_no_errno(chmod(cached, 0666));
        g_assert_no_errno(setxattr(cached, "user.forged", "y", 1, 0));
        assert_ok(link_all(f,
                          HEAD ITEM("1", "cache", "5-3")
                                  ITEM("2", "base", "4-3") "item\t3\tnot-found\t-\t\t\t0\t\n",
                          true, &error),
                error);
        check(f,
                "d left4dead2\nd left4dead2/addons\nf left4dead2/addons/1.vpk one\nf left4dead2/addons/2.vpk two\n");
        g_assert_cmpuint(inode(f, STAGE ADDONS "1.vpk"), ==, inode(f, WORKSHOP_CACHE "/1-5-3.vpk"));
        g_assert_cmpuint(
                inode(f, STAGE ADDONS "2.vpk"), ==, inode(f, "overlays/maps/versions/1" ADDONS "2.vpk"));

        /* Nothing but its content. */
        g_assert_no_errno(lstat(cached, &st));
        g_assert_cmpuint(st.st_mode & 07777, ==, 0644);
        g_assert_cmpint(lgetxattr(cached, "user.forged", NULL, 0), ==, -1);
}

/* Without items there is nothing, not even the directory for them. */
static void test_link_nothing(Fixture *f, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        assert_ok(link_all(f, HEAD "item\t10\tcollection\t-\t\t\t0\tAll\n", false, &error), error);
        check(f, "");
}

static void test_link_refused(Fixture *f, gconstpointer data) {
        g_autofree char *cached = fixture_path(f, WORKSHOP_CACHE "/1-5-3.vpk"),
                        *other = fixture_path(f, "other"), *stage = fixture_path(f, STAGE);
        g_autoptr(GError) error = NULL;

        assert_failed(link_all(f, HEAD ITEM("1", "cache", "5-3"), false, &error), ENOENT, &error,
                "item 1 (Title)");
        assert_failed(
                link_all(f, HEAD ITEM("1", "base", "5-3"), false, &error), ENOENT, &error, "item 1 (Title)");
        assert_failed(
                link_all(f, HEAD ITEM("1", "base", "5-3"), true, &error), ENOENT, &error, "item 1 (Title)");

        /* What lies in the cache under the name of a file and is none. */
        fixture_put(f, "other", "one");
        g_assert_no_errno(symlink(other, cached));
        assert_failed(link_all(f, HEAD ITEM("1", "cache", "5-3"), false, &error), ELOOP, &error, "item 1");
        g_assert_no_errno(unlink(cached));
        g_assert_no_errno(mkfifo(cached, 0644));
        assert_failed(link_all(f, HEAD ITEM("1", "cache", "5-3"), false, &error), EPERM, &error, "item 1");
        g_assert_no_errno(unlink(cached));
        fixture_put(f, WORKSHOP_CACHE "/1-5-3.vpk", "one");
        if (geteuid() == 0) {
                g_assert_no_errno(chown(cached, 4711, 4711));
                assert_failed(
                        link_all(f, HEAD ITEM("1", "cache", "5-3"), false, &error), EPERM, &error, "item 1");
        }
        tree_remove(stage);
}

int main(int argc, char *argv[]) {
        fixture_namespace();
        g_test_init(&argc, &argv, NULL);
        FIXTURE_ADD("/manifest/take", test_take);
        FIXTURE_ADD("/manifest/take-refused", test_take_refused);
        FIXTURE_ADD("/manifest/link", test_link);
        FIXTURE_ADD("/manifest/link-nothing", test_link_nothing);
        FIXTURE_ADD("/manifest/link-refused", test_link_refused);
        return g_test_run();
}
