/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands in the way of the generated files, and what takes their place where they come from. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay.h"
#include "server.h"

/* Whatever a server or an overlay puts where the generated files belong, they are what is seen, and
 * nothing else is touched. */
static void test_planted(Fixture *f, gconstpointer data) {
        static const char *const uppers[] = {
                "f left4dead2/cfg/server.cfg evil\nf left4dead2/cfg/left4me.cfg evil\n",
                "l left4dead2/cfg/server.cfg ../../../../victim\nl left4dead2/cfg/left4me.cfg /dev/null\n",
                "l left4dead2/cfg/server.cfg nowhere\n",
                "f left4dead2/cfg/server.cfg/deep/evil x\nd left4dead2/cfg/left4me.cfg\n",
                "p left4dead2/cfg/server.cfg\nw left4dead2/cfg/left4me.cfg\n",
                "o left4dead2/cfg\n",
        };
        g_autofree char *upper = fixture_path(f, "uppers/one");
        g_autoptr(GError) error = NULL;

        server_make(f);
        fixture_put(f, "victim", "untouched");
        for (size_t i = 0; i < G_N_ELEMENTS(uppers); i++) {
                make_upper(f, uppers[i]);
                assert_ok(overlay_mount(&f->roots, "server-one", &error), error);
                assert_content(f, MERGED "left4dead2/cfg/server.cfg", "generated");
                assert_content(f, MERGED "left4dead2/cfg/left4me.cfg", "secret");
                assert_content(f, "victim", "untouched");
                assert_ok(overlay_unmount(&f->roots, "server-one", &error), error);
                assert_content(f, "victim", "untouched");
                tree_remove(upper);
        }
}

static void test_cfg_refused(Fixture *f, gconstpointer data) {
        static const char *const uppers[] = {
                "l left4dead2/cfg ../../../../elsewhere\n",
                "l left4dead2/cfg /tmp\n",
                "l left4dead2 elsewhere\nd elsewhere/cfg\n",
                "f left4dead2 file\n",
                "f left4dead2/cfg file\n",
                "p left4dead2/cfg\n",
        };
        g_autofree char *upper = fixture_path(f, "uppers/one"), *elsewhere = fixture_path(f, "elsewhere");
        g_autoptr(GError) error = NULL;

        server_make(f);
        tree_make(elsewhere, "");
        for (size_t i = 0; i < G_N_ELEMENTS(uppers); i++) {
                make_upper(f, uppers[i]);
                assert_failed(overlay_mount(&f->roots, "server-one", &error), ENOTDIR, &error,
                        "is not a directory", "left4mectl reset one");
                g_assert_false(merged_is_mounted(f, "server-one"));
                tree_assert(elsewhere, "");
                tree_remove(upper);
        }
}

/* What the manager writes is not trusted either: the helper may read what the manager may not. */
static void test_manager_files(Fixture *f, gconstpointer data) {
        static const struct {
                const char *file;
                int err;
        } cases[] = {
                { "stack", ELOOP },
                { "server.cfg", ELOOP },
                { "left4me.cfg", ELOOP },
                { "argv", ELOOP },
        };
        g_autofree char *secret = fixture_path(f, "manager/secret");
        g_autoptr(GError) error = NULL;

        server_make(f);
        fixture_put(f, "manager/secret", "maps/3\ngame/1\n");
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = fixture_path(f, "instances/one/%s", cases[i].file);
                g_autofree char *saved = fixture_path(f, "instances/one/saved");

                g_assert_no_errno(rename(path, saved));
                assert_failed(overlay_mount(&f->roots, "server-one", &error), ENOENT, &error, cases[i].file,
                        "is missing");
                g_assert_no_errno(symlink(secret, path));
                assert_failed(
                        overlay_mount(&f->roots, "server-one", &error), cases[i].err, &error, cases[i].file);
                g_assert_no_errno(unlink(path));
                g_assert_no_errno(symlink("saved", path));
                assert_failed(
                        overlay_mount(&f->roots, "server-one", &error), cases[i].err, &error, cases[i].file);
                g_assert_no_errno(unlink(path));
                g_assert_no_errno(link(secret, path));
                assert_failed(overlay_mount(&f->roots, "server-one", &error), EPERM, &error, cases[i].file);
                g_assert_no_errno(unlink(path));
                g_assert_no_errno(mkfifo(path, 0644));
                assert_failed(overlay_mount(&f->roots, "server-one", &error), EPERM, &error, cases[i].file);
                g_assert_no_errno(unlink(path));
                g_assert_no_errno(mkdir(path, 0755));
                assert_failed(overlay_mount(&f->roots, "server-one", &error), EPERM, &error, cases[i].file);
                g_assert_no_errno(rmdir(path));

                /* Of somebody else than the manager, whose directory `instances` is. */
                g_assert_no_errno(rename(saved, path));
                g_assert_no_errno(chown(path, 4711, 4711));
                assert_failed(overlay_mount(&f->roots, "server-one", &error), EPERM, &error, cases[i].file);
                g_assert_no_errno(chown(path, 0, 0));
                g_assert_false(merged_is_mounted(f, "server-one"));
        }
        assert_ok(overlay_mount(&f->roots, "server-one", &error), error);
}

/* The directories on the way, replaced by links. */
static void test_directories_replaced(Fixture *f, gconstpointer data) {
        static const char *const dirs[] = { "instances/one", "uppers/one", "overlays/game",
                "overlays/game/versions", "overlays/game/versions/1", "runtime/server-one" };
        g_autofree char *away = fixture_path(f, "away");
        g_autoptr(GError) error = NULL;

        server_make(f);
        assert_ok(overlay_mount(&f->roots, "server-one", &error), error);
        assert_ok(overlay_unmount(&f->roots, "server-one", &error), error);
        for (size_t i = 0; i < G_N_ELEMENTS(dirs); i++) {
                g_autofree char *path = fixture_path(f, "%s", dirs[i]);

                g_assert_no_errno(rename(path, away));
                g_assert_no_errno(symlink(away, path));
                g_assert_cmpint(overlay_mount(&f->roots, "server-one", &error), <, 0);
                g_test_message("%s: %s", dirs[i], error->message);
                g_clear_error(&error);
                g_assert_no_errno(unlink(path));
                g_assert_no_errno(rename(away, path));
        }

        /* Somebody else could change what is in it. */
        for (size_t i = 1; i < G_N_ELEMENTS(dirs); i++) {
                g_autofree char *path = fixture_path(f, "%s", dirs[i]);

                g_assert_no_errno(chmod(path, 0777));
                assert_failed(overlay_mount(&f->roots, "server-one", &error), EPERM, &error,
                        "writable by nobody else");
                g_assert_no_errno(chmod(path, 0755));
        }
        assert_ok(overlay_mount(&f->roots, "server-one", &error), error);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        fixture_namespace();

        FIXTURE_ADD("/generated/planted", test_planted);
        FIXTURE_ADD("/generated/cfg-refused", test_cfg_refused);
        FIXTURE_ADD("/generated/manager-files", test_manager_files);
        FIXTURE_ADD("/generated/directories-replaced", test_directories_replaced);
        return g_test_run();
}
