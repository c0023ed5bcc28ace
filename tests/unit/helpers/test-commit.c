/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a build left, and the version that it must become. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "beneath.h"
#include "fixture.h"
#include "overlay.h"
#include "tree.h"

#define V1 "overlays/maps/versions/1"
#define V2 "overlays/maps/versions/2"
#define UPPER "builds/7/upper"

static void make(const Fixture *f, const char *where, const char *tree) {
        g_autofree char *path = fixture_path(f, "%s", where);

        tree_make(path, tree);
}

static void check(const Fixture *f, const char *where, const char *tree) {
        g_autofree char *path = fixture_path(f, "%s", where);

        tree_assert(path, tree);
}

static bool exists(const Fixture *f, const char *where) {
        g_autofree char *path = fixture_path(f, "%s", where);
        struct stat st;

        return lstat(path, &st) >= 0;
}

static ino_t inode(const Fixture *f, const char *where) {
        g_autofree char *path = fixture_path(f, "%s", where);
        struct stat st;

        g_assert_no_errno(lstat(path, &st));
        return st.st_ino;
}

/* Commits build 7 on version 1 (if there is one) as version 2. */
static int commit_build(const Fixture *f, GError **error) {
        fixture_put_run(f, "jobs/9/job",
                exists(f, V1) ? "[Job]\nOperation=commit\nOverlay=maps\nBuild=7\nBase=1\nVersion=2\n"
                              : "[Job]\nOperation=commit\nOverlay=maps\nBuild=7\nVersion=2\n");
        return tree_run(&f->roots, "9", error);
}

static void check_result(const Fixture *f, bool changed, uint64_t size, uint64_t files) {
        g_autofree char *result = fixture_path(f, "builds/7/result"), *info = fixture_path(f, V2 ".info");
        g_autoptr(GKeyFile) file = g_key_file_new();

        g_assert_true(g_key_file_load_from_file(file, result, G_KEY_FILE_NONE, NULL));
        g_assert_cmpint(g_key_file_get_boolean(file, "Version", "Changed", NULL), ==, changed);
        g_assert_cmpuint(g_key_file_get_uint64(file, "Version", "Size", NULL), ==, size);
        g_assert_cmpuint(g_key_file_get_uint64(file, "Version", "Files", NULL), ==, files);

        g_assert_cmpint(exists(f, V2), ==, changed);
        g_assert_cmpint(exists(f, V2 ".info"), ==, changed);
        if (!changed)
                return;
        g_assert_true(g_key_file_load_from_file(file, info, G_KEY_FILE_NONE, NULL));
        g_assert_cmpuint(g_key_file_get_uint64(file, "Version", "Size", NULL), ==, size);
        g_assert_cmpuint(g_key_file_get_uint64(file, "Version", "Files", NULL), ==, files);
        g_assert_cmpint(g_key_file_get_int64(file, "Version", "Created", NULL), >, 0);
}

typedef struct Case {
        const char *name, *base, *upper; /* base NULL: the first version */
        const char *version;             /* NULL: nothing changed */
        uint64_t size, files;
} Case;

/* A server.cfg with its link: as it is made, and as it is told. */
#define CFG_LINKED(text) \
        "f left4dead2/cfg/server.cfg " text "\nh left4dead2/cfg/server_maps.cfg left4dead2/cfg/server.cfg\n"
#define CFG_TOLD(text) \
        "d left4dead2\nd left4dead2/cfg\nf left4dead2/cfg/server.cfg " text \
        "\nf left4dead2/cfg/server_maps.cfg " text "\n"

static const Case cases[] = {
        { "first", NULL, "f a one\nx run #!\nd empty\nl link a\nf d/e/f deep\n",
                "f a one\nx run #!\nd empty\nl link a\nd d\nd d/e\nf d/e/f deep\n", 9, 4 },
        { "first-nothing", NULL, "", NULL, 0, 0 },
        { "nothing", "f a one\n", "", NULL, 3, 1 },
        { "new", "f a one\n", "f b two\nf d/c three\n", "f a one\nf b two\nd d\nf d/c three\n", 11, 3 },
        { "changed", "f d/a one\nf d/b two\n", "f d/a three\n", "d d\nf d/a three\nf d/b two\n", 8, 2 },
        { "same-size", "f a one\n", "f a two\n", "f a two\n", 3, 1 },
        { "deleted", "f a one\nf d/b two\n", "w a\nw d/b\n", "d d\n", 0, 0 },
        { "deleted-directory", "f a one\nf d/b two\nf d/e/f x\n", "w d\n", "f a one\n", 3, 1 },
        { "whiteout-of-nothing", "f a one\n", "w b\n", NULL, 3, 1 },
        { "opaque", "f d/a one\nf d/e/b two\n", "o d\nf d/c three\n", "d d\nf d/c three\n", 5, 1 },
        { "opaque-empty", "f d/a one\n", "o d\n", "d d\n", 0, 0 },
        { "opaque-deep", "f d/e/a one\nf d/b two\n", "o d/e\n", "d d\nd d/e\nf d/b two\n", 3, 1 },
        { "opaque-same", "f d/a one\n", "o d\nf d/a one\n", NULL, 3, 1 },
        { "opaque-less", "f d/a one\nf d/e/b two\n", "o d\nf d/a one\n", "d d\nf d/a one\n", 3, 1 },
        { "opaque-below", "f d/a one\nf d/e/b two\nl d/e/c b\n", "o d\nf d/e/b two\nl d/e/c b\n",
                "d d\nd d/e\nf d/e/b two\nl d/e/c b\n", 3, 2 },
        { "opaque-was-file", "f d/a one\nf d/e two\n", "o d\nf d/e/b two\n", "d d\nd d/e\nf d/e/b two\n", 3,
                1 },
        { "file-over-directory", "f d/a one\n", "f d file\n", "f d file\n", 4, 1 },
        { "directory-over-file", "f d file\n", "o d\nf d/a one\n", "d d\nf d/a one\n", 3, 1 },
        { "directory-over-link", "l d e\nf e/a one\n", "o d\n", "d d\nd e\nf e/a one\n", 3, 1 },
        { "link-over-file", "f a one\nf b two\n", "l a b\n", "l a b\nf b two\n", 3, 2 },
        { "link-over-directory", "f d/a one\nf b two\n", "l d b\n", "l d b\nf b two\n", 3, 2 },
        { "file-over-link", "l a b\nf b two\n", "f a one\n", "f a one\nf b two\n", 6, 2 },
        { "link-changed", "l a b\n", "l a c\n", "l a c\n", 0, 1 },
        { "link-same", "l a b\n", "l a b\n", NULL, 0, 1 },
        { "link-inside", "f a one\n", "l d/e/up ../../a\n", "f a one\nd d\nd d/e\nl d/e/up ../../a\n", 3,
                2 },
        { "renamed", "f a one\nf d/b two\n", "w a\nf c one\n", "f c one\nd d\nf d/b two\n", 6, 2 },
        { "renamed-over", "f a one\nf b two\n", "w a\nf b one\n", "f b one\n", 3, 1 },
        { "renamed-directory", "f d/a one\nf d/e/b two\n", "w d\nf c/a one\nf c/e/b two\n",
                "d c\nf c/a one\nd c/e\nf c/e/b two\n", 6, 2 },
        { "renamed-and-back", "f d/a one\nf d/e/b two\n", "o d\nf d/a one\no d/e\nf d/e/b two\n", NULL, 6,
                2 },
        { "touched", "f a one\nf d/b two\n", "f a one\nf d/b two\n", NULL, 6, 2 },
        { "touched-and-changed", "f a one\nf b two\n", "f a one\nf b 222\n", "f a one\nf b 222\n", 6, 2 },
        { "made-executable", "f a one\n", "x a one\n", "x a one\n", 3, 1 },
        { "new-directory", "f a one\n", "d d\n", "f a one\nd d\n", 3, 1 },
        { "empty-file", "f a one\n", "f b \n", "f a one\nf b \n", 3, 2 },
        { "server-cfg", NULL, "f left4dead2/cfg/server.cfg one\n", CFG_TOLD("one"), 6, 2 },
        { "server-cfg-same", CFG_LINKED("one"), "f b two\n", "f b two\n" CFG_TOLD("one"), 9, 3 },
        { "server-cfg-changed", CFG_LINKED("one"), "f left4dead2/cfg/server.cfg two\n", CFG_TOLD("two"), 6,
                2 },
        { "server-cfg-removed", CFG_LINKED("one"), "w left4dead2/cfg/server.cfg\n",
                "d left4dead2\nd left4dead2/cfg\n", 0, 0 },
        { "server-cfg-of-others", "f left4dead2/cfg/server_maps.cfg one\n", "f b two\n",
                "d left4dead2\nd left4dead2/cfg\nf b two\nf left4dead2/cfg/server_maps.cfg one\n", 6, 2 },
        { "odd-names", "f a one\n", "f .hidden x\nf ü x\nf [a;b] x\n",
                "f a one\nf .hidden x\nf ü x\nf [a;b] x\n", 6, 4 },
};

static void test_case(Fixture *f, gconstpointer data) {
        const Case *c = data;
        g_autoptr(GError) error = NULL;

        if (c->base)
                make(f, V1, c->base);
        make(f, UPPER, c->upper);
        assert_ok(commit_build(f, &error), error);
        check_result(f, c->version, c->size, c->files);
        if (c->version)
                check(f, V2, c->version);

        /* Done already: success, and nothing is changed. */
        assert_ok(commit_build(f, &error), error);
        check_result(f, c->version, c->size, c->files);
        if (c->version)
                check(f, V2, c->version);
}

/* What a build did not change is the same file; what it changed leaves the old version alone. */
static void test_inodes(Fixture *f, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        make(f, V1, "f same one\nf touched two\nf changed three\nx d/run #!\nl d/link run\n");
        make(f, UPPER, "f touched two\nf changed 33333\nf new four\n");
        assert_ok(commit_build(f, &error), error);

        g_assert_cmpuint(inode(f, V2 "/same"), ==, inode(f, V1 "/same"));
        g_assert_cmpuint(inode(f, V2 "/touched"), ==, inode(f, V1 "/touched"));
        g_assert_cmpuint(inode(f, V2 "/d/run"), ==, inode(f, V1 "/d/run"));
        g_assert_cmpuint(inode(f, V2 "/d/link"), ==, inode(f, V1 "/d/link"));
        g_assert_cmpuint(inode(f, V2 "/changed"), !=, inode(f, V1 "/changed"));
        check(f, V1, "f same one\nf touched two\nf changed three\nd d\nx d/run #!\nl d/link run\n");
}

static void test_moved_or_copied(Fixture *f, gconstpointer data) {
        g_autofree char *open_path = fixture_path(f, UPPER "/open"),
                        *read_path = fixture_path(f, UPPER "/read");
        _cleanup_fd_ int writer = -1, reader = -1;
        g_autoptr(GError) error = NULL;
        ino_t plain, open_inode, linked;

        make(f, UPPER, "f plain one\nf open two\nf read three\nf a four\nh b a\nh d/c a\n");
        plain = inode(f, UPPER "/plain");
        open_inode = inode(f, UPPER "/open");
        linked = inode(f, UPPER "/a");
        writer = open(open_path, O_RDWR | O_CLOEXEC);
        reader = open(read_path, O_RDONLY | O_CLOEXEC);
        g_assert_true(writer >= 0 && reader >= 0);

        assert_ok(commit_build(f, &error), error);
        g_assert_cmpuint(inode(f, V2 "/plain"), ==, plain);
        g_assert_cmpuint(inode(f, V2 "/open"), !=, open_inode);
        g_assert_cmpuint(inode(f, V2 "/a"), !=, linked);
        g_assert_cmpuint(inode(f, V2 "/b"), !=, linked);
        g_assert_cmpuint(inode(f, V2 "/a"), ==, inode(f, V2 "/b"));
        g_assert_cmpuint(inode(f, V2 "/a"), ==, inode(f, V2 "/d/c"));

        /* The descriptor that was left open reaches nothing that is committed. */
        g_assert_cmpint(pwrite(writer, "EVIL", 4, 0), ==, 4);
        check(f, V2, "f plain one\nf open two\nf read three\nf a four\nf b four\nd d\nf d/c four\n");
}

/* While the build's overlay may be alive somewhere, no file of it becomes part of a version. */
static void test_held(Fixture *f, gconstpointer data) {
        g_autoptr(GError) error = NULL;
        ino_t before;

        make(f, UPPER, "x a one\n");
        fixture_put(f, "runtime/build-7/" HELD_NAME, "");
        before = inode(f, UPPER "/a");
        assert_ok(commit_build(f, &error), error);
        check(f, V2, "x a one\n");
        g_assert_cmpuint(inode(f, V2 "/a"), !=, before);
}

/* What takes no room in the build takes none in the version, also when it must be copied. */
static void test_holes(Fixture *f, gconstpointer data) {
        g_autofree char *path = fixture_path(f, UPPER "/holes"), *copy = fixture_path(f, V2 "/b");
        const off_t size = (off_t) 4 << 30, at = (off_t) 1 << 30;
        g_autoptr(GError) error = NULL;
        _cleanup_fd_ int fd = -1;
        char read_back[4];
        struct stat st;

        make(f, UPPER, "f holes x\nh a holes\nh b holes\n");
        g_assert_no_errno(truncate(path, size));
        fd = open(path, O_WRONLY | O_CLOEXEC);
        g_assert_cmpint(pwrite(fd, "data", 4, at), ==, 4);

        assert_ok(commit_build(f, &error), error);
        close_fd(&fd);
        g_assert_no_errno(lstat(copy, &st));
        g_assert_cmpint(st.st_size, ==, size);
        g_assert_cmpint(st.st_blocks, <, 1024);
        fd = open(copy, O_RDONLY | O_CLOEXEC);
        g_assert_cmpint(pread(fd, read_back, 4, at), ==, 4);
        g_assert_cmpmem(read_back, 4, "data", 4);
        g_assert_cmpint(pread(fd, read_back, 1, 0), ==, 1);
        g_assert_cmpint(read_back[0], ==, 'x');
}

static void test_modes(Fixture *f, gconstpointer data) {
        static const struct {
                const char *name;
                mode_t mode;
        } modes[] = { { "suid", 06755 }, { "sticky", 01644 }, { "closed", 0000 }, { "exec-only", 0111 },
                { "group-exec", 0610 }, { "open", 0666 }, { "d", 07777 }, { "d/e", 0000 } };
        g_autoptr(GError) error = NULL;

        make(f, UPPER,
                "f suid 1\nf sticky 2\nf closed 3\nf exec-only 4\nf group-exec 5\nf open 6\nf d/e/f 7\n");
        for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
                g_autofree char *path = fixture_path(f, UPPER "/%s", modes[i].name);

                g_assert_no_errno(chmod(path, modes[i].mode));
        }
        assert_ok(commit_build(f, &error), error);
        check(f, V2,
                "x suid 1\nf sticky 2\nf closed 3\nx exec-only 4\nx group-exec 5\nf open 6\nd d\nd d/e\nf d/e/f 7\n");
}

static void set_xattr(const char *path, const char *name, const char *value, size_t size) {
        if (setxattr(path, name, value, size, 0) < 0)
                g_error("%s on %s: %s", name, path, g_strerror(errno));
}

static void test_attributes(Fixture *f, gconstpointer data) {
        /* An ACL that lets uid 4711 write: u::rw-, u:4711:rw-, g::r--, m::rw-, o::r--. */
        static const char acl[] =
                "\2\0\0\0\1\0\6\0\377\377\377\377\2\0\6\0\147\022\0\0\4\0\4\0\377\377\377\377"
                "\020\0\6\0\377\377\377\377\040\0\4\0\377\377\377\377";
        static const char *const forged[] = { "user.overlay.opaque", "user.overlay.redirect",
                "user.overlay.metacopy", "user.overlay.whiteout", "user.overlay.overlay.opaque",
                "user.other" };
        g_autofree char *file = fixture_path(f, UPPER "/file"), *dir = fixture_path(f, UPPER "/dir");
        g_autoptr(GError) error = NULL;
        char list[256];

        make(f, V1, "f dir/old old\n");
        make(f, UPPER, "f file one\nf dir/new new\n");
        for (size_t i = 0; i < G_N_ELEMENTS(forged); i++) {
                set_xattr(file, forged[i], "y", 1);
                if (i > 0)
                        set_xattr(dir, forged[i], "y", 1);
        }
        set_xattr(file, "system.posix_acl_access", acl, sizeof acl - 1);
        set_xattr(dir, "system.posix_acl_default", acl, sizeof acl - 1);

        assert_ok(commit_build(f, &error), error);
        check(f, V2, "f file one\nd dir\nf dir/new new\nf dir/old old\n");
        {
                g_autofree char *new_file = fixture_path(f, V2 "/file"),
                                *new_dir = fixture_path(f, V2 "/dir");

                g_assert_cmpint(llistxattr(new_file, list, sizeof list), ==, 0);
                g_assert_cmpint(llistxattr(new_dir, list, sizeof list), ==, 0);
        }
}

static void test_refused(Fixture *f, gconstpointer data) {
        static const struct {
                const char *upper;
                int err;
                const char *name;
        } refused[] = {
                { "f a one\np d/pipe\n", EINVAL, "d/pipe: " },
                { "l d/link /etc/passwd\n", EXDEV, "d/link: " },
                { "l d/link ../../x\n", EXDEV, "d/link: " },
                { "l link ..\n", EXDEV, "link: " },
                { "l link d/..\n", EXDEV, "link: " },
                { "f bad\001name x\n", EILSEQ, "bad" },
                { "f bad\377name x\n", EILSEQ, "bad" },
        };
        g_autofree char *upper = fixture_path(f, UPPER), *stage = fixture_path(f, "builds/7/version");
        g_autoptr(GError) error = NULL;

        make(f, V1, "f a old\n");
        for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
                tree_make(upper, refused[i].upper);
                assert_failed(commit_build(f, &error), refused[i].err, &error, refused[i].name);
                g_assert_false(exists(f, V2));
                check(f, V1, "f a old\n");
                tree_remove(upper);
                tree_remove(stage);
        }
}

static void test_devices(Fixture *f, gconstpointer data) {
        g_autofree char *device = fixture_path(f, UPPER "/device");
        g_autoptr(GError) error = NULL;

        make(f, UPPER, "");
        g_assert_no_errno(mknod(device, S_IFCHR | 0666, makedev(1, 3)));
        assert_failed(commit_build(f, &error), EINVAL, &error, "device: ");
        g_assert_no_errno(unlink(device));
        g_assert_no_errno(mknod(device, S_IFBLK | 0666, makedev(0, 0)));
        assert_failed(commit_build(f, &error), EINVAL, &error, "device: ");
}

static void test_deep(Fixture *f, gconstpointer data) {
        g_autoptr(GString) path = g_string_new("f ");
        g_autoptr(GError) error = NULL;

        for (int i = 0; i < 64; i++)
                g_string_append(path, "d/");
        g_string_append(path, "file deep\n");
        make(f, UPPER, path->str);
        assert_ok(commit_build(f, &error), error);
        {
                g_autofree char *content = NULL;

                g_string_truncate(path, path->len - strlen(" deep\n"));
                g_string_erase(path, 0, 2);
                g_string_prepend(path, V2 "/");
                content = fixture_get(f, path->str);
                g_assert_cmpstr(content, ==, "deep");
        }
}

static void test_too_deep(Fixture *f, gconstpointer data) {
        g_autoptr(GString) path = g_string_new("d ");
        g_autoptr(GError) error = NULL;

        for (int i = 0; i < 65; i++)
                g_string_append(path, "d/");
        make(f, UPPER, path->str);
        assert_failed(commit_build(f, &error), ELOOP, &error, "nested too deeply");
}

static void test_wrong_jobs(Fixture *f, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        assert_failed(commit_build(f, &error), ENOENT, &error, "builds/7");
        make(f, UPPER, "f a one\n");
        fixture_put_run(
                f, "jobs/9/job", "[Job]\nOperation=commit\nOverlay=maps\nBuild=7\nBase=1\nVersion=2\n");
        assert_failed(tree_run(&f->roots, "9", &error), ENOENT, &error, "began with");
        assert_failed(tree_run(&f->roots, "10", &error), ENOENT, &error, "jobs/10");
        assert_failed(tree_run(&f->roots, "../9", &error), EINVAL, &error, "number");

        /* A version that is there came from somebody else. */
        make(f, V2, "f a other\n");
        assert_failed(commit_build(f, &error), EEXIST, &error, "another build");
        check(f, V2, "f a other\n");
}

/* The figures of 20,000 files with one changed, beside what linking them with cp takes. */
static void test_many(Fixture *f, gconstpointer data) {
        g_autofree char *v1 = fixture_path(f, V1), *copy = fixture_path(f, "copy"), *command = NULL;
        g_autoptr(GString) tree = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        int64_t start, committed, copied;

        for (int i = 0; i < 20000; i++)
                g_string_append_printf(tree, "f d%d/e%d/f%d x\n", i % 7, i % 100, i);
        tree_make(v1, tree->str);
        make(f, UPPER, "f d0/e0/f0 changed\n");
        sync();

        start = g_get_monotonic_time();
        assert_ok(commit_build(f, &error), error);
        committed = g_get_monotonic_time();
        command = g_strdup_printf("cp -al %s %s", v1, copy);
        g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
        copied = g_get_monotonic_time();
        check_result(f, true, 20006, 20000);
        g_test_message("20,000 files: commit %.0f ms, cp -al %.0f ms (%.2f times)",
                (double) (committed - start) / 1000, (double) (copied - committed) / 1000,
                (double) (committed - start) / (double) (copied - committed));
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        fixture_namespace();

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = g_strdup_printf("/commit/case/%s", cases[i].name);

                g_test_add(path, Fixture, &cases[i], fixture_set_up, test_case, fixture_tear_down);
        }
        FIXTURE_ADD("/commit/inodes", test_inodes);
        FIXTURE_ADD("/commit/moved-or-copied", test_moved_or_copied);
        FIXTURE_ADD("/commit/held", test_held);
        FIXTURE_ADD("/commit/holes", test_holes);
        FIXTURE_ADD("/commit/modes", test_modes);
        FIXTURE_ADD("/commit/attributes", test_attributes);
        FIXTURE_ADD("/commit/refused", test_refused);
        FIXTURE_ADD("/commit/devices", test_devices);
        FIXTURE_ADD("/commit/deep", test_deep);
        FIXTURE_ADD("/commit/too-deep", test_too_deep);
        FIXTURE_ADD("/commit/wrong-jobs", test_wrong_jobs);
        FIXTURE_ADD("/commit/many", test_many);
        return g_test_run();
}
