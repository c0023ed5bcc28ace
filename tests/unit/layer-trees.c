/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "layer-trees.h"
#include "remove.h"

static void make_whiteout_by_attribute(const char *directory, const char *path) {
        g_assert_true(g_file_set_contents(path, "", 0, NULL));
        g_assert_no_errno(setxattr(path, "user.overlay.whiteout", "y", 1, 0));
        g_assert_no_errno(setxattr(directory, "user.overlay.opaque", "x", 1, 0));
}

void layer_make_random(GRand *rand, const char *directory, unsigned depth, bool upper) {
        static const char *const names[] = { "a", "b", "c", ".d", "e\377" };
        bool opaque = false;

        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *path = g_build_filename(directory, names[i], NULL),
                                *content = g_strdup_printf("%u", g_rand_int(rand));

                switch (g_rand_int_range(rand, 0, 12)) {
                case 0 ... 3:
                        break;
                case 4 ... 6:
                        if (depth == 0)
                                break;
                        g_assert_no_errno(mkdir(path, 0755));
                        layer_make_random(rand, path, depth - 1, upper);
                        break;
                case 7:
                        if (depth == 0)
                                break;
                        g_assert_no_errno(mkdir(path, 0755));
                        layer_make_random(rand, path, depth - 1, upper);
                        opaque = getxattr(path, "user.overlay.opaque", NULL, 0) > 0;
                        if (!opaque)
                                g_assert_no_errno(setxattr(path, "user.overlay.opaque", "y", 1, 0));
                        break;
                case 8:
                        g_assert_no_errno(mknod(path, S_IFCHR | 0600, makedev(0, 0)));
                        break;
                case 9:
                        if (!upper && depth < 3)
                                make_whiteout_by_attribute(directory, path);
                        break;
                case 10:
                        g_assert_no_errno(symlink(g_rand_boolean(rand) ? "a" : "/etc", path));
                        break;
                default:
                        g_assert_true(
                                g_file_set_contents(path, content, g_rand_boolean(rand) ? -1 : 0, NULL));
                }
        }
}

void layer_play(GRand *rand, const char *directory, unsigned depth) {
        g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        const char *name;

        while ((name = g_dir_read_name(dir)))
                g_ptr_array_add(names, g_strdup(name));

        for (unsigned i = 0; i < names->len; i++) {
                g_autofree char *path = g_build_filename(directory, names->pdata[i], NULL),
                                *to = g_build_filename(directory, "moved", NULL);

                switch (g_rand_int_range(rand, 0, 6)) {
                case 0:
                        (void) unlink(path);
                        break;
                case 1:
                        (void) remove_tree(AT_FDCWD, path);
                        (void) g_mkdir(path, 0755);
                        break;
                case 2:
                        (void) rename(path, to);
                        break;
                case 3:
                        if (!g_file_test(path, G_FILE_TEST_IS_SYMLINK | G_FILE_TEST_IS_DIR))
                                (void) g_file_set_contents(path, "written", -1, NULL);
                        break;
                default:
                        if (g_file_test(path, G_FILE_TEST_IS_DIR) &&
                                !g_file_test(path, G_FILE_TEST_IS_SYMLINK) && depth > 0)
                                layer_play(rand, path, depth - 1);
                }
        }
}
