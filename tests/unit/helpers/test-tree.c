/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What left4me-tree does besides commits. */
#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "overlay.h"
#include "tree.h"

static int run(const Fixture *f, const char *job, GError **error) {
        g_autofree char *text = g_strdup_printf("[Job]\n%s", job);

        fixture_put_run(f, "jobs/9/job", text);
        return tree_run(&f->roots, "9", error);
}

/* Runs it twice: what is done already is success. */
static void run_twice(const Fixture *f, const char *job) {
        g_autoptr(GError) error = NULL;

        assert_ok(run(f, job, &error), error);
        assert_ok(run(f, job, &error), error);
}

static void check(const Fixture *f, const char *where, const char *tree) {
        g_autofree char *path = fixture_path(f, "%s", where);

        tree_assert(path, tree);
}

static void test_remove_versions(Fixture *f, gconstpointer data) {
        fixture_put(f, "overlays/maps/versions/1/a", "one");
        fixture_put(f, "overlays/maps/versions/1.info", "");
        fixture_put(f, "overlays/maps/versions/2/a", "two");
        fixture_put(f, "overlays/maps/versions/2.info", "");
        fixture_put(f, "overlays/maps/versions/3/a", "three");
        fixture_put(f, "overlays/maps/versions/.1/half", "removed");
        run_twice(f, "Operation=remove-versions\nOverlay=maps\nVersions=1;3;4;\n");
        check(f, "overlays",
                "d maps\nd maps/versions\nd maps/versions/2\nf maps/versions/2/a two\nf maps/versions/2.info ");
        run_twice(f, "Operation=remove-versions\nOverlay=none\nVersions=1\n");
}

static void test_overlay(Fixture *f, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        fixture_put(f, "overlays/maps/versions/1/a", "one");
        fixture_put(f, "overlays/other/versions/1/a", "one");
        run_twice(f, "Operation=rename-overlay\nOverlay=maps\nTo=renamed\n");
        check(f, "overlays/renamed", "d versions\nd versions/1\nf versions/1/a one");
        assert_failed(run(f, "Operation=rename-overlay\nOverlay=renamed\nTo=other\n", &error), EEXIST,
                &error, "other");
        run_twice(f, "Operation=remove-overlay\nOverlay=renamed\n");
        check(f, "overlays", "d other\nd other/versions\nd other/versions/1\nf other/versions/1/a one");
}

static void test_instance(Fixture *f, gconstpointer data) {
        g_autofree char *work = fixture_path(f, "uppers/two/work/work");

        fixture_put(f, "uppers/one/upper/a", "one");
        fixture_put(f, "uppers/two/upper/a", "two");
        tree_make(work, "");
        g_assert_no_errno(chmod(work, 0));
        fixture_put(f, "runtime/server-one/argv", "");
        fixture_put(f, "runtime/server-two/argv", "");

        run_twice(f, "Operation=rename-instance\nInstance=one\nTo=three\n");
        check(f, "uppers/three", "d upper\nf upper/a one");
        check(f, "runtime", "d server-two\nf server-two/argv ");
        run_twice(f, "Operation=reset\nInstance=three\n");
        check(f, "uppers", "d two\nd two/upper\nf two/upper/a two\nd two/work\nd two/work/work [0]");
        run_twice(f, "Operation=remove-instance\nInstance=two\n");
        check(f, "uppers", "");
        check(f, "runtime", "");
}

static void test_discard(Fixture *f, gconstpointer data) {
        fixture_put(f, "builds/1/upper/a", "one");
        fixture_put(f, "builds/2/upper/a", "two");
        fixture_put(f, "builds/3/upper/a", "three");
        fixture_put(f, "runtime/build-1/held", "");
        fixture_put(f, "runtime/build-2/held", "");
        run_twice(f, "Operation=discard\nBuilds=1;3\n");
        check(f, "builds", "d 2\nd 2/upper\nf 2/upper/a two");
        check(f, "runtime", "d build-2\nf build-2/held ");
}

/* What is mounted is in use, and its content is not what is to be removed. */
static void test_mounted(Fixture *f, gconstpointer data) {
        static const char *const jobs[] = {
                "Operation=reset\nInstance=one\n",
                "Operation=remove-instance\nInstance=one\n",
                "Operation=rename-instance\nInstance=one\nTo=two\n",
        };
        g_autofree char *merged = fixture_path(f, "runtime/server-one/merged"),
                        *source = fixture_path(f, "source");
        g_autofree char *build = fixture_path(f, "runtime/build-7/merged");
        g_autoptr(GError) error = NULL;

        fixture_put(f, "uppers/one/upper/a", "one");
        fixture_put(f, "builds/7/upper/a", "one");
        fixture_put(f, "source/precious", "x");
        tree_make(merged, "");
        g_assert_no_errno(mount(source, merged, NULL, MS_BIND, NULL));
        for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++)
                assert_failed(run(f, jobs[i], &error), EBUSY, &error, "left4me-overlay@server-one.service");
        g_assert_no_errno(umount2(merged, 0));
        tree_make(build, "");
        g_assert_no_errno(mount(source, build, NULL, MS_BIND, NULL));
        assert_failed(run(f, "Operation=commit\nOverlay=maps\nBuild=7\nVersion=1\n", &error), EBUSY, &error,
                "left4me-overlay@build-7.service");
        fixture_put(f, "builds/6/upper/a", "one");
        fixture_put(f, "builds/8/upper/a", "one");
        assert_failed(run(f, "Operation=discard\nBuilds=6;7;8\n", &error), EBUSY, &error, "build-7/merged");
        check(f, "builds", "d 7\nd 7/upper\nf 7/upper/a one");
        check(f, "source", "f precious x");
        check(f, "uppers/one/upper", "f a one");
}

static void test_refused(Fixture *f, gconstpointer data) {
        g_autofree char *job = g_build_filename(f->dir, "run/jobs/9/job", NULL),
                        *other = fixture_path(f, "job");
        g_autoptr(GError) error = NULL;

        assert_failed(run(f, "Operation=import\n", &error), EINVAL, &error, "not for left4me-tree");
        assert_failed(run(f, "Operation=reset\nInstance=../x\n", &error), EINVAL, &error, "Instance");
        fixture_put(f, "job", "[Job]\nOperation=reset\nInstance=one\n");
        g_assert_no_errno(unlink(job));
        g_assert_no_errno(symlink(other, job));
        assert_failed(tree_run(&f->roots, "9", &error), ELOOP, &error, "plain file");
}

/* What carries the name in the versions has the new one; done again, nothing happens. */
static void test_rename_overlay(Fixture *f, gconstpointer data) {
        g_autofree char *from = fixture_path(f, "overlays/maps/versions"),
                        *to = fixture_path(f, "overlays/atlas/versions"), *other = NULL;
        g_autoptr(GError) error = NULL;

        tree_make(from, "f 1/a one\nf 1.info x\nf 2/left4dead2/cfg/server.cfg two\n"
                        "h 2/left4dead2/cfg/server_maps.cfg 2/left4dead2/cfg/server.cfg\n"
                        "f 3/left4dead2/cfg/server.cfg three\nf 3/left4dead2/cfg/server_maps.cfg own\n"
                        "f 3/left4dead2/cfg/server_atlas.cfg other\n");
        fixture_put_run(f, "jobs/9/job", "[Job]\nOperation=rename-overlay\nOverlay=maps\nTo=atlas\n");
        for (int i = 0; i < 2; i++) {
                assert_ok(tree_run(&f->roots, "9", &error), error);
                g_assert_false(g_file_test(from, G_FILE_TEST_EXISTS));
                tree_assert(to,
                        "d 1\nf 1/a one\nf 1.info x\nd 2\nd 2/left4dead2\nd 2/left4dead2/cfg\n"
                        "f 2/left4dead2/cfg/server.cfg two\nf 2/left4dead2/cfg/server_atlas.cfg two\n"
                        "d 3\nd 3/left4dead2\nd 3/left4dead2/cfg\nf 3/left4dead2/cfg/server.cfg three\n"
                        "f 3/left4dead2/cfg/server_maps.cfg own\nf 3/left4dead2/cfg/server_atlas.cfg three\n");
        }

        /* Never over another overlay. */
        other = fixture_path(f, "overlays/maps/versions");
        tree_make(other, "f 1/b x\n");
        g_assert_cmpint(tree_run(&f->roots, "9", &error), <, 0);
        tree_assert(other, "d 1\nf 1/b x\n");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        fixture_namespace();

        FIXTURE_ADD("/tree/remove-versions", test_remove_versions);
        FIXTURE_ADD("/tree/overlay", test_overlay);
        FIXTURE_ADD("/tree/instance", test_instance);
        FIXTURE_ADD("/tree/discard", test_discard);
        FIXTURE_ADD("/tree/rename-overlay", test_rename_overlay);
        FIXTURE_ADD("/tree/mounted", test_mounted);
        FIXTURE_ADD("/tree/refused", test_refused);
        return g_test_run();
}
