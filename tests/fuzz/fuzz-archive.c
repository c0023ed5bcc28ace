/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An archive that somebody uploads, taken from the pipe to the tree, which has something in it already. Whatever comes of it: nothing is
 * written elsewhere, and the tree holds nothing but files, directories and links that stay inside, with plain rights and names of which no
 * two differ only in case.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "common/io.h"
#include "fuzz.h"
#include "import.h"
#include "names.h"
#include "remove.h"

#define FILE_MAX (4U << 20) /* as LimitFSIZE= of the build, but small */
#define KEPT "kept"

typedef struct World {
        char *path; /* of a directory with `tree` and the file `outside` in it */
        int fd;
        int upload;
} World;

static World world = { .fd = -1 };

/* An archive may tell libarchive to allocate more than there is: that fails, and does in the sanitizer too. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
        return "allocator_may_return_null=1";
}

static void world_leave(void) {
        g_autofree char *parent = g_path_get_dirname(world.path), *name = g_path_get_basename(world.path);
        _cleanup_fd_ int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        (void) remove_tree(fd, name);
}

static void write_file(int dirfd, const char *name, const char *content) {
        _cleanup_fd_ int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        g_assert_no_errno(fd);
        g_assert_cmpint(write_all(fd, content, strlen(content)), ==, 0);
}

static void world_enter(void) {
        const struct rlimit limit = { FILE_MAX, FILE_MAX };

        (void) umask(0022);
        (void) setlocale(LC_CTYPE, "C.UTF-8");
        (void) signal(SIGXFSZ, SIG_IGN);
        world.path = g_build_filename(g_get_tmp_dir(), "left4me-fuzz-XXXXXX", NULL);
        g_assert_nonnull(g_mkdtemp(world.path));
        world.fd = open(world.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_no_errno(world.fd);
        write_file(world.fd, "outside", KEPT);
        world.upload = memfd_create("upload", MFD_CLOEXEC);
        g_assert_no_errno(world.upload);
        g_assert_no_errno(setrlimit(RLIMIT_FSIZE, &limit));
        (void) atexit(world_leave);
}

static int make_tree(void) {
        int tree;

        g_assert_cmpint(remove_tree(world.fd, "tree"), ==, 0);
        g_assert_no_errno(mkdirat(world.fd, "tree", 0755));
        tree = openat(world.fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_no_errno(tree);
        g_assert_no_errno(mkdirat(tree, "maps", 0755));
        write_file(tree, "maps/one.bsp", "old");
        g_assert_no_errno(symlinkat("maps", tree, "way"));
        return tree;
}

static void check_directory(int fd, unsigned depth);

static void check_entry(int dirfd, const char *name, unsigned depth) {
        char target[PATH_MAX + 1];
        struct stat st;
        ssize_t n;

        g_assert_no_errno(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW));
        g_assert_true(entry_name_valid(name));
        if (S_ISLNK(st.st_mode)) {
                n = readlinkat(dirfd, name, target, PATH_MAX);
                g_assert_no_errno(n);
                target[n] = '\0';
                g_assert_true(link_stays_inside(target, depth));
                return;
        }

        g_assert_true(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode));
        g_assert_cmphex(st.st_mode & 07022, ==, 0);
        if (S_ISDIR(st.st_mode)) {
                _cleanup_fd_ int fd = beneath_open(dirfd, name, O_RDONLY | O_DIRECTORY);

                g_assert_cmpint(fd, >=, 0);
                check_directory(fd, depth + 1);
        }
}

static void check_directory(int fd, unsigned depth) {
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        g_assert_nonnull(dir);
        g_assert_cmpuint(depth, <=, TREE_DEPTH_MAX);
        while ((name = g_dir_read_name(dir))) {
                g_assert_true(g_hash_table_add(seen, g_ascii_strdown(name, -1)));
                check_entry(fd, name, depth);
        }
}

static void check_outside(void) {
        g_autofree char *file = g_build_filename(world.path, "outside", NULL), *content = NULL;
        g_autoptr(GDir) dir = g_dir_open(world.path, 0, NULL);
        unsigned n = 0;

        while (g_dir_read_name(dir))
                n++;
        g_assert_cmpuint(n, ==, 2);
        g_assert_true(g_file_get_contents(file, &content, NULL, NULL));
        g_assert_cmpstr(content, ==, KEPT);
}

/* Whether the size is announced, and where to it is unpacked, follows from the number of bytes, so that the inputs are plain archives. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autofree char *directory = g_strdup(size & 2 ? "left4dead2/addons" : "");
        JobFile job = { .operation = OPERATION_IMPORT, .directory = directory, .size = size & 1 ? size : 0 };
        g_autoptr(GError) error = NULL;
        _cleanup_fd_ int tree = -1;
        int r;

        if (world.fd < 0)
                world_enter();

        tree = make_tree();
        g_assert_no_errno(ftruncate(world.upload, 0));
        g_assert_cmpint(lseek(world.upload, 0, SEEK_SET), ==, 0);
        g_assert_cmpint(write_all(world.upload, (const char *) data, size), ==, 0);
        g_assert_cmpint(lseek(world.upload, 0, SEEK_SET), ==, 0);

        r = import(&job, world.upload, tree, NULL, &error);
        g_assert_true((r < 0) == (error != NULL));
        if (error)
                g_assert_true(*error->message && strlen(error->message) < 3000);
        check_directory(tree, 0);
        check_outside();
        return 0;
}
