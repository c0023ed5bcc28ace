/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What left4me-tree makes of a server's upper layer, and what it says of what it could not keep. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "overlay.h"
#include "server.h"
#include "tree.h"

#define JOB "[Job]\nOperation=freeze\nInstance=one\nBuild=9\nEverything=false\n"

/* Runs it, twice, as it may be after a crash; what the second time printed. */
static char *freeze_twice(const Fixture *f) {
        g_autofree char *path = g_build_filename(f->dir, "log", NULL);
        g_autoptr(GError) error = NULL;
        char *log = NULL;
        int fd, copy, r = 0;

        fixture_put_run(f, "jobs/9/job", JOB);
        copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        for (int i = 0; i < 2 && r >= 0; i++) {
                fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                g_assert_no_errno(fd);
                g_assert_no_errno(dup2(fd, STDERR_FILENO));
                r = tree_run(&f->roots, "9", &error);
                (void) fflush(stderr);
                g_assert_no_errno(dup2(copy, STDERR_FILENO));
                g_assert_no_errno(close(fd));
        }
        g_assert_no_errno(close(copy));
        assert_ok(r, error);
        g_assert_true(g_file_get_contents(path, &log, NULL, NULL));
        g_test_message("%s", log);
        return log;
}

static unsigned count(const char *text, const char *word) {
        unsigned n = 0;

        for (const char *p = text; (p = strstr(p, word)); p += strlen(word))
                n++;
        return n;
}

static void check(const Fixture *f, const char *tree, const char *report) {
        g_autofree char *path = fixture_path(f, "builds/9/upper");

        tree_assert(path, tree);
        assert_content(f, "builds/9/frozen", report);
}

static void test_copy(Fixture *f, gconstpointer data) {
        g_autofree char *log = NULL;

        make_upper(f,
                "f left4dead2/cfg/a.cfg a\nf left4dead2/cfg/server.cfg x\nf left4dead2/logs/1.log x\n"
                "w left4dead2/b.cfg\np left4dead2/pipe\nl left4dead2/c.cfg a.cfg\nd left4dead2/empty\n");
        log = freeze_twice(f);
        check(f, "d left4dead2\nd left4dead2/cfg\nf left4dead2/cfg/a.cfg a\nl left4dead2/c.cfg a.cfg",
                "[Freeze]\nRemade=0\nRemoved=1\n");
        g_assert_nonnull(strstr(log, "left out: left4dead2/logs (made by the server itself)"));
        g_assert_nonnull(strstr(log, "left out: left4dead2/pipe"));
        g_assert_nonnull(strstr(log, "1 files of other layers"));
        g_assert_null(strstr(log, "made again"));
}

/* Also those of which nothing is left; not those that are left out. */
static void test_remade(Fixture *f, gconstpointer data) {
        g_autofree char *log = NULL;

        make_upper(f, "o left4dead2/addons/x\nf left4dead2/addons/x/a a\no left4dead2/addons/x/y\n"
                      "o left4dead2/logs\nf left4dead2/logs/1.log x\nd left4dead2/addons/z\n");
        log = freeze_twice(f);
        check(f, "d left4dead2\nd left4dead2/addons\nd left4dead2/addons/x\nf left4dead2/addons/x/a a",
                "[Freeze]\nRemade=2\nRemoved=0\n");
        g_assert_nonnull(strstr(log, "<5>left4dead2/addons/x/ was removed and made again by the server"));
        g_assert_nonnull(strstr(log, "<5>left4dead2/addons/x/y/ was removed"));
        g_assert_cmpuint(count(log, "made again"), ==, 2);
}

static void test_many_remade(Fixture *f, gconstpointer data) {
        g_autoptr(GString) tree = g_string_new(NULL);
        g_autofree char *log = NULL;

        for (int i = 0; i < 25; i++)
                g_string_append_printf(tree, "o d%d\nf d%d/a a\n", i, i);
        make_upper(f, tree->str);
        log = freeze_twice(f);
        assert_content(f, "builds/9/frozen", "[Freeze]\nRemade=25\nRemoved=0\n");
        g_assert_cmpuint(count(log, "was removed and made again"), ==, 20);
        g_assert_nonnull(strstr(log, "5 more directories were removed and made again"));
}

/* What the kernel itself leaves: a directory that was never there before is none of them. */
static void test_real(Fixture *f, gconstpointer data) {
        g_autofree char *merged = NULL, *maps = NULL, *fresh = NULL, *log = NULL;
        g_autoptr(GError) error = NULL;

        server_make(f);
        assert_ok(overlay_mount(&f->roots, "server-one", &error), error);
        merged = fixture_path(f, MERGED);
        maps = g_build_filename(merged, "left4dead2/maps", NULL);
        fresh = g_build_filename(merged, "left4dead2/fresh", NULL);
        tree_remove(maps);
        g_assert_no_errno(g_mkdir(maps, 0755));
        g_assert_no_errno(g_mkdir(fresh, 0755));
        fixture_put(f, MERGED "left4dead2/maps/new.bsp", "new");
        fixture_put(f, MERGED "left4dead2/fresh/a", "a");
        assert_ok(overlay_unmount(&f->roots, "server-one", &error), error);
        log = freeze_twice(f);
        check(f,
                "d left4dead2\nd left4dead2/maps\nf left4dead2/maps/new.bsp new\nd left4dead2/fresh\n"
                "f left4dead2/fresh/a a",
                "[Freeze]\nRemade=1\nRemoved=0\n");
        g_assert_nonnull(strstr(log, "left4dead2/maps/ was removed and made again"));
}

static void test_nothing(Fixture *f, gconstpointer data) {
        g_autofree char *log = freeze_twice(f);

        check(f, "", NULL);
        g_assert_cmpstr(log, ==, "");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        fixture_namespace();

        FIXTURE_ADD("/freeze/copy", test_copy);
        FIXTURE_ADD("/freeze/remade", test_remade);
        FIXTURE_ADD("/freeze/many-remade", test_many_remade);
        FIXTURE_ADD("/freeze/real", test_real);
        FIXTURE_ADD("/freeze/nothing", test_nothing);
        return g_test_run();
}
