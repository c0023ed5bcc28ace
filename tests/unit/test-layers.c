/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The layered view against the kernel's: real overlayfs mounts, in a mount namespace of this test's own. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "layer-trees.h"
#include "service/layers.h"
#include "tests/unit/helpers/fixture.h"

#define LAYERS 4U /* the first is the upper one */
#define FILES_MAX 20000U

static char *layer_path(const Fixture *f, unsigned i) {
        return fixture_path(f, "layer%u", i);
}

static LayerRoots *open_layers(const Fixture *f) {
        g_autoptr(LayerRoots) roots = layer_roots_new();

        for (unsigned i = 0; i < LAYERS; i++) {
                g_autofree char *path = layer_path(f, i), *name = g_strdup_printf("layer%u", i);
                int fd;

                g_assert_no_errno(g_mkdir_with_parents(path, 0755));
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                g_assert_no_errno(fd);
                layer_roots_add(roots, name, i, fd);
        }

        return g_steal_pointer(&roots);
}

static char *mount_layers(const Fixture *f) {
        g_autoptr(GString) options = g_string_new("userxattr,index=off,redirect_dir=nofollow,xino=off");
        g_autofree char *merged = fixture_path(f, "merged"), *work = fixture_path(f, "work");

        g_assert_no_errno(g_mkdir_with_parents(merged, 0755));
        g_assert_no_errno(g_mkdir_with_parents(work, 0755));
        for (unsigned i = 1; i < LAYERS; i++)
                g_string_append_printf(options, "%s%s/layer%u", i == 1 ? ",lowerdir=" : ":", f->state, i);
        g_string_append_printf(options, ",upperdir=%s/layer0,workdir=%s", f->state, work);
        g_assert_no_errno(mount("left4me", merged, "overlay", 0, options->str));
        return g_steal_pointer(&merged);
}

/* -- what the kernel shows ----------------------------------------------------------------------------------- */

static char *kernel_file(const char *directory, const char *name) {
        g_autofree char *path = g_build_filename(directory, name, NULL), *content = NULL, *target = NULL;
        struct stat st;

        /* readdir() of a directory that is in one layer only names its whiteouts; nothing can be done with them. */
        if (lstat(path, &st) < 0 && errno == ENOENT)
                return NULL;
        if (S_ISDIR(st.st_mode))
                return g_strdup_printf("%s directory", name);
        if (S_ISLNK(st.st_mode))
                return g_strdup_printf("%s symlink %zu", name, (size_t) st.st_size);
        if (!S_ISREG(st.st_mode))
                return g_strdup_printf("%s special", name);

        g_assert_true(g_file_get_contents(path, &content, NULL, NULL));
        return g_strdup_printf("%s file %zu %lld %s", name, (size_t) st.st_size,
                (long long) (st.st_mtim.tv_sec * G_TIME_SPAN_SECOND + st.st_mtim.tv_nsec / 1000), content);
}

static int compare_text(gconstpointer a, gconstpointer b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static char *join_sorted(GPtrArray *lines) {
        g_ptr_array_sort(lines, compare_text);
        g_ptr_array_add(lines, NULL);
        return g_strjoinv("\n", (GStrv) lines->pdata);
}

static char *kernel_list(const char *directory) {
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
        struct dirent *entry;
        DIR *dir = opendir(directory);

        g_assert_nonnull(dir);
        while ((entry = readdir(dir))) {
                char *line = NULL;

                if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
                        line = kernel_file(directory, entry->d_name);
                if (line)
                        g_ptr_array_add(lines, line);
        }
        (void) closedir(dir);
        return join_sorted(lines);
}

/* -- and what we say ------------------------------------------------------------------------------------------- */

static char *read_layered(const LayerRoots *roots, const char *path, const char *layer) {
        g_autofree char *content = g_malloc0(100);
        unsigned root;
        int fd;

        g_assert_cmpint(layers_open(roots, path, layer, &fd, &root), ==, 0);
        g_assert_cmpint(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), ==, O_RDONLY);
        g_assert_cmpint(read(fd, content, 99), >=, 0);
        (void) close(fd);
        return g_steal_pointer(&content);
}

static char *our_file(const LayerRoots *roots, const char *path, const LayerFile *file) {
        const char *type = file_type_to_string(file->type);
        g_autofree char *content = NULL, *full = g_build_filename(path, file->name, NULL);

        g_assert_true(file->visible);
        if (file->type == FILE_SYMLINK)
                return g_strdup_printf("%s symlink %zu", file->name, (size_t) file->size);
        if (file->type != FILE_PLAIN) {
                g_assert_cmpuint(file->size, ==, 0);
                return g_strdup_printf("%s %s", file->name, type);
        }

        content = read_layered(roots, full, NULL);
        return g_strdup_printf(
                "%s file %zu %lld %s", file->name, (size_t) file->size, (long long) file->modified, content);
}

/* The visible rows of the long list are the short one, and of each name it shows all layers, top to bottom. */
static void check_long_list(const LayerRoots *roots, const char *path, const GArray *files) {
        g_autoptr(GArray) all = NULL;
        unsigned root, k = 0;

        g_assert_cmpint(layers_list(roots, path, true, FILES_MAX, &all, &root), ==, 0);
        for (unsigned i = 0; i < all->len; i++) {
                const LayerFile *a = &g_array_index(all, LayerFile, i), *before = i > 0 ? a - 1 : NULL;
                bool again = before && g_str_equal(before->name, a->name);

                if (before)
                        g_assert_cmpint(strcmp(before->name, a->name), <=, 0);
                if (again)
                        g_assert_cmpuint(before->root, <, a->root);
                if (!a->visible)
                        continue;

                g_assert_false(a->hidden);
                if (again && before->visible) {
                        g_assert_cmpint(before->type, ==, FILE_DIRECTORY);
                        g_assert_cmpint(a->type, ==, FILE_DIRECTORY);
                        continue;
                }
                g_assert_cmpuint(k, <, files->len);
                g_assert_cmpstr(g_array_index(files, LayerFile, k).name, ==, a->name);
                g_assert_cmpuint(g_array_index(files, LayerFile, k++).root, ==, a->root);
        }
        g_assert_cmpuint(k, ==, files->len);
}

static void compare_with_kernel(const LayerRoots *roots, const char *merged, const char *path) {
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *full = g_build_filename(merged, path, NULL), *theirs = kernel_list(full),
                        *ours = NULL;
        g_autoptr(GArray) files = NULL;
        unsigned root;

        g_assert_cmpint(layers_list(roots, path, false, FILES_MAX, &files, &root), ==, 0);
        for (unsigned i = 0; i < files->len; i++)
                g_ptr_array_add(lines, our_file(roots, path, &g_array_index(files, LayerFile, i)));
        ours = join_sorted(lines);
        if (!g_str_equal(ours, theirs))
                g_error("'%s' holds\n%s\nand the kernel says\n%s", path, ours, theirs);
        check_long_list(roots, path, files);

        for (unsigned i = 0; i < files->len; i++) {
                const LayerFile *file = &g_array_index(files, LayerFile, i);
                g_autofree char *below = *path ? g_build_filename(path, file->name, NULL)
                                               : g_strdup(file->name);

                if (file->type == FILE_DIRECTORY)
                        compare_with_kernel(roots, merged, below);
        }
}

static void test_random(Fixture *f, gconstpointer data) {
        guint32 seed = g_test_rand_int();

        for (unsigned round = 0; round < 40; round++) {
                g_autoptr(GRand) rand = g_rand_new_with_seed(seed + round);
                g_autoptr(LayerRoots) roots = open_layers(f);
                g_autofree char *merged = NULL, *work = fixture_path(f, "work");

                g_test_message("seed %u", seed + round);
                for (unsigned i = 0; i < LAYERS; i++) {
                        g_autofree char *path = layer_path(f, i);

                        layer_make_random(rand, path, 3, i == 0);
                }

                merged = mount_layers(f);
                compare_with_kernel(roots, merged, "");
                layer_play(rand, merged, 4);
                compare_with_kernel(roots, merged, "");
                g_assert_no_errno(umount2(merged, UMOUNT_NOFOLLOW));

                for (unsigned i = 0; i < LAYERS; i++) {
                        g_autofree char *path = layer_path(f, i);

                        tree_remove(path);
                }
                tree_remove(work);
        }
}

static void put_layer(const Fixture *f, unsigned i, const char *tree) {
        g_autofree char *path = layer_path(f, i);

        g_assert_no_errno(g_mkdir_with_parents(path, 0755));
        tree_make(path, tree);
}

/* All rows, as "name type layer" with what became of it. */
static void assert_rows(const LayerRoots *roots, const char *path, bool all, const char *expected) {
        g_autoptr(GArray) files = NULL;
        g_autoptr(GString) text = g_string_new(NULL);
        unsigned root;

        g_assert_cmpint(layers_list(roots, path, all, FILES_MAX, &files, &root), ==, 0);
        for (unsigned i = 0; i < files->len; i++) {
                const LayerFile *file = &g_array_index(files, LayerFile, i);

                g_string_append_printf(text, "%s %s %s%s\n", file->name, file_type_to_string(file->type),
                        g_array_index(roots, LayerRoot, file->root).name, file->visible ? "" : " -");
        }
        g_assert_cmpstr(text->str, ==, expected);
}

static void test_rows(Fixture *f, gconstpointer data) {
        g_autoptr(LayerRoots) roots = NULL;
        unsigned root;
        GArray *files;

        put_layer(f, 0, "w gone\nf file upper\no opaque\nf opaque/new x\nd merged\np pipe\n");
        put_layer(f, 1, "f gone 1\nf file/over 1\nd opaque\nf opaque/old 1\nf merged/b 1\nf was-dir 1\n");
        put_layer(f, 2, "f gone 2\nf file 2\nd merged\nf was-dir/c 2\nl link merged\n");
        roots = open_layers(f);

        assert_rows(roots, "", false,
                "file file layer0\nlink symlink layer2\nmerged directory layer0\nopaque directory layer0\n"
                "pipe special layer0\nwas-dir file layer1\n");
        assert_rows(roots, "", true,
                "file file layer0\nfile directory layer1 -\nfile file layer2 -\n"
                "gone whiteout layer0 -\ngone file layer1 -\ngone file layer2 -\n"
                "link symlink layer2\n"
                "merged directory layer0\nmerged directory layer1\nmerged directory layer2\n"
                "opaque directory layer0\nopaque directory layer1 -\n"
                "pipe special layer0\n"
                "was-dir file layer1\nwas-dir directory layer2 -\n");
        assert_rows(roots, "opaque", true, "new file layer0\nold file layer1 -\n");
        assert_rows(roots, "opaque", false, "new file layer0\n");

        /* What is hidden can be looked at, and is not there otherwise. */
        assert_rows(roots, "was-dir", true, "c file layer2 -\n");
        g_assert_cmpint(layers_list(roots, "was-dir", false, FILES_MAX, &files, &root), ==, -ENOENT);
        g_assert_cmpint(layers_list(roots, "link", true, FILES_MAX, &files, &root), ==, -ENOTDIR);
        g_assert_cmpint(layers_list(roots, "nowhere", true, FILES_MAX, &files, &root), ==, -ENOENT);
        g_assert_cmpint(layers_list(roots, "merged/b/c", true, FILES_MAX, &files, &root), ==, -ENOTDIR);
        g_assert_cmpint(layers_list(roots, "", true, 3, &files, &root), ==, -E2BIG);
}

static void assert_open_fails(const LayerRoots *roots, const char *path, const char *layer, int r) {
        unsigned root;
        int fd;

        g_assert_cmpint(layers_open(roots, path, layer, &fd, &root), ==, r);
}

static void test_open(Fixture *f, gconstpointer data) {
        g_autofree char *upper = NULL, *below = NULL, *gone = NULL;
        g_autoptr(LayerRoots) roots = NULL;

        put_layer(f, 0, "f a/b upper\nw gone\nl link a/b\nl dir a\nl out /etc/passwd\np pipe\n");
        put_layer(f, 1, "f a/b below\nf gone still\nf a/c only\n");
        roots = open_layers(f);

        upper = read_layered(roots, "a/b", NULL);
        g_assert_cmpstr(upper, ==, "upper");
        below = read_layered(roots, "a/b", "layer1");
        g_assert_cmpstr(below, ==, "below");
        gone = read_layered(roots, "gone", "layer1");
        g_assert_cmpstr(gone, ==, "still");

        assert_open_fails(roots, "gone", NULL, -ENOENT);
        assert_open_fails(roots, "gone", "layer0", -ENOENT);
        assert_open_fails(roots, "a/c", "layer0", -ENOENT);
        assert_open_fails(roots, "a/c", "layer2", -ENOENT);
        assert_open_fails(roots, "a/c", "layer9", -ESRCH);
        assert_open_fails(roots, "a", NULL, -EISDIR);
        assert_open_fails(roots, "link", NULL, -ELOOP);
        assert_open_fails(roots, "out", NULL, -ELOOP);
        assert_open_fails(roots, "dir/b", NULL, -ENOENT);
        assert_open_fails(roots, "pipe", NULL, -ENXIO);
        assert_open_fails(roots, "nowhere/b", NULL, -ENOENT);
}

/* As server.cfg is. */
static void test_mounted(Fixture *f, gconstpointer data) {
        static const char *const mounted[] = { "server.cfg", "secret.cfg", NULL };
        g_autofree char *generated = fixture_path(f, "generated"), *below = NULL;
        g_autoptr(LayerRoots) roots = layer_roots_new(), lower = NULL;
        int fd;

        fixture_put(f, "generated/server.cfg", "generated");
        fixture_put(f, "generated/argv", "none of anybody's business");
        fd = open(generated, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_no_errno(fd);
        layer_roots_add_files(roots, "@generated", fd, "game/cfg", mounted);

        /* Before anything else is there. */
        assert_rows(roots, "game/cfg", false, "secret.cfg file @generated\nserver.cfg file @generated\n");
        assert_open_fails(roots, "game/cfg/server.cfg", NULL, -EPERM);
        assert_open_fails(roots, "game/cfg/secret.cfg", "@generated", -EPERM);
        assert_open_fails(roots, "game/cfg/argv", "@generated", -ENOENT);
        assert_open_fails(roots, "argv", NULL, -ENOENT);

        put_layer(f, 0, "w game/cfg/server.cfg\n");
        put_layer(f, 1, "f game/cfg/server.cfg own\nf game/cfg/b.cfg b\n");
        lower = open_layers(f);
        for (unsigned i = 0; i < lower->len; i++) {
                const LayerRoot *l = &g_array_index(lower, LayerRoot, i);

                layer_roots_add(roots, l->name, l->version, dup(l->fd));
        }
        assert_rows(roots, "game/cfg", true,
                "b.cfg file layer1\nsecret.cfg file @generated\nserver.cfg file @generated\n"
                "server.cfg whiteout layer0 -\nserver.cfg file layer1 -\n");
        assert_open_fails(roots, "game/cfg/server.cfg", NULL, -EPERM);
        below = read_layered(roots, "game/cfg/server.cfg", "layer1");
        g_assert_cmpstr(below, ==, "own");
}

/* What a game that hates us puts into its upper layer. */
static void test_hostile(Fixture *f, gconstpointer data) {
        g_autofree char *upper = layer_path(f, 0), *long_name = g_strnfill(255, 'n'), *deep = NULL;
        g_autoptr(GString) path = g_string_new("d");
        g_autoptr(LayerRoots) roots = NULL;
        g_autoptr(GArray) files = NULL;
        unsigned root;
        int fd;

        put_layer(f, 0, "d many\nl loop loop\nl up ../../..\n");
        put_layer(f, 1, "f below x\n");
        roots = open_layers(f);

        fd = open(upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_no_errno(fd);
        g_assert_no_errno(mknodat(fd, long_name, S_IFSOCK | 0600, 0));
        g_assert_no_errno(mknodat(fd, "device", S_IFBLK | 0600, makedev(7, 200)));
        g_assert_no_errno(mknodat(fd, "\377\n\033", S_IFREG | 0600, 0));
        for (unsigned i = 0; i < 25000; i++) {
                g_autofree char *name = g_strdup_printf("many/%u", i);

                g_assert_no_errno(mknodat(fd, name, S_IFREG | 0600, 0));
        }
        for (unsigned i = 0; i < 90; i++) {
                g_assert_no_errno(mkdirat(fd, path->str, 0755));
                g_string_append(path, "/d");
        }
        (void) close(fd);

        g_assert_cmpint(layers_list(roots, "", true, FILES_MAX, &files, &root), ==, 0);
        g_assert_cmpuint(files->len, ==, 8);
        assert_open_fails(roots, "device", NULL, -ENXIO);
        assert_open_fails(roots, long_name, NULL, -ENXIO);
        assert_open_fails(roots, "loop", NULL, -ELOOP);
        assert_open_fails(roots, "loop/x", NULL, -ENOENT);
        assert_open_fails(roots, "up/state", NULL, -ENOENT);

        g_clear_pointer(&files, g_array_unref);
        g_assert_cmpint(layers_list(roots, "many", false, FILES_MAX, &files, &root), ==, -E2BIG);
        g_assert_cmpuint(root, ==, 0);

        deep = g_strndup(path->str, path->len - 2);
        g_assert_cmpint(layers_list(roots, deep, false, FILES_MAX, &files, &root), ==, 0);
        g_assert_cmpuint(files->len, ==, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        fixture_namespace();

        FIXTURE_ADD("/layers/random", test_random);
        FIXTURE_ADD("/layers/rows", test_rows);
        FIXTURE_ADD("/layers/open", test_open);
        FIXTURE_ADD("/layers/mounted", test_mounted);
        FIXTURE_ADD("/layers/hostile", test_hostile);
        return g_test_run();
}
