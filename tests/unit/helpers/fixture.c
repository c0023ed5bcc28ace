/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "beneath.h"
#include "common/io.h"
#include "fixture.h"
#include "remove.h"

void fixture_namespace(void) {
        (void) umask(0022);
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                g_error("cannot make a mount namespace (these tests run as root): %s", g_strerror(errno));
}

void tree_remove(const char *root) {
        g_autofree char *parent = g_path_get_dirname(root), *name = g_path_get_basename(root);
        _cleanup_fd_ int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        g_assert_cmpint(remove_tree(fd, name), ==, 0);
}

void fixture_set_up(Fixture *f, gconstpointer data) {
        static const char *const dirs[] = { "state/manager", "state/instances", "state/overlays",
                "state/uppers", "state/runtime", "state/builds", "run/jobs" };
        g_autofree char *run = NULL;
        g_autoptr(GError) error = NULL;

        /* Not /tmp, which may be a tmpfs. */
        f->dir = g_strdup("/var/tmp/left4me-test-XXXXXX");
        g_assert_nonnull(g_mkdtemp(f->dir));
        for (size_t i = 0; i < G_N_ELEMENTS(dirs); i++) {
                g_autofree char *path = g_build_filename(f->dir, dirs[i], NULL);

                g_assert_no_errno(g_mkdir_with_parents(path, 0755));
        }
        f->state = g_build_filename(f->dir, "state", NULL);
        run = g_build_filename(f->dir, "run", NULL);
        f->roots = (Roots) ROOTS_INIT;
        assert_ok(roots_open(f->state, run, &f->roots, &error), error);
}

void fixture_tear_down(Fixture *f, gconstpointer data) {
        g_autofree char *runtime = g_build_filename(f->state, "runtime", NULL);
        g_autoptr(GDir) dir = g_dir_open(runtime, 0, NULL);
        const char *name;

        while ((name = g_dir_read_name(dir))) {
                g_autofree char *merged = g_build_filename(runtime, name, "merged", NULL);
                g_autofree char *job = g_build_filename(runtime, name, "job", NULL);

                while (umount2(merged, MNT_DETACH) >= 0 || umount2(job, MNT_DETACH) >= 0)
                        ;
        }
        roots_done(&f->roots);
        tree_remove(f->dir);
        g_free(f->state);
        g_free(f->dir);
}

char *fixture_path(const Fixture *f, const char *format, ...) {
        g_autofree char *path = NULL;
        va_list ap;

        va_start(ap, format);
        path = g_strdup_vprintf(format, ap);
        va_end(ap);
        return g_build_filename(f->state, path, NULL);
}

static void put(const char *path, const char *content, mode_t mode) {
        g_autofree char *dir = g_path_get_dirname(path);
        _cleanup_fd_ int fd = -1;

        g_assert_no_errno(g_mkdir_with_parents(dir, 0755));
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(write_all(fd, content, strlen(content)), ==, 0);
}

void fixture_put(const Fixture *f, const char *path, const char *content) {
        g_autofree char *whole = g_build_filename(f->state, path, NULL);

        put(whole, content, 0644);
}

void fixture_put_run(const Fixture *f, const char *path, const char *content) {
        g_autofree char *whole = g_build_filename(f->dir, "run", path, NULL);

        put(whole, content, 0644);
}

char *fixture_get(const Fixture *f, const char *path) {
        g_autofree char *whole = g_build_filename(f->state, path, NULL);
        char *content = NULL;

        (void) g_file_get_contents(whole, &content, NULL, NULL);
        return content;
}

static void make_entry(const char *root, char kind, const char *name, const char *rest) {
        g_autofree char *path = g_build_filename(root, name, NULL), *dir = g_path_get_dirname(path);
        g_autofree char *other = g_build_filename(root, rest, NULL);

        g_assert_no_errno(g_mkdir_with_parents(dir, 0755));
        switch (kind) {
        case 'd':
                g_assert_no_errno(g_mkdir_with_parents(path, 0755));
                break;
        case 'o':
                g_assert_no_errno(g_mkdir_with_parents(path, 0755));
                g_assert_no_errno(setxattr(path, "user.overlay.opaque", "y", 1, 0));
                break;
        case 'f':
                put(path, rest, 0644);
                break;
        case 'x':
                put(path, rest, 0755);
                break;
        case 'l':
                g_assert_no_errno(symlink(rest, path));
                break;
        case 'h':
                g_assert_no_errno(link(other, path));
                break;
        case 'p':
                g_assert_no_errno(mkfifo(path, 0644));
                break;
        case 'w':
                g_assert_no_errno(mknod(path, S_IFCHR, makedev(0, 0)));
                break;
        default:
                g_assert_not_reached();
        }
}

void tree_make(const char *root, const char *text) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        g_assert_no_errno(g_mkdir_with_parents(root, 0755));
        for (char **line = lines; *line; line++) {
                g_auto(GStrv) words = NULL;

                if (**line == '\0')
                        continue;
                words = g_strsplit(*line, " ", 3);
                g_assert_cmpuint(g_strv_length(words), >=, 2);
                make_entry(root, words[0][0], words[1], words[2] ? words[2] : "");
        }
}

static char *dump_entry(const char *path, const char *name) {
        g_autofree char *content = NULL;
        struct stat st;
        char kind;

        g_assert_no_errno(lstat(path, &st));
        switch (st.st_mode & S_IFMT) {
        case S_IFLNK:
                content = g_file_read_link(path, NULL);
                return g_strdup_printf("l %s %s", name, content);
        case S_IFDIR:
                kind = 'd';
                break;
        case S_IFREG:
                kind = (st.st_mode & 0111) ? 'x' : 'f';
                g_assert_true(g_file_get_contents(path, &content, NULL, NULL));
                break;
        case S_IFCHR:
                return g_strdup_printf("w %s", name);
        default:
                return g_strdup_printf("p %s", name);
        }
        if ((st.st_mode & 07777) != (kind == 'f' ? 0644 : 0755))
                return g_strdup_printf("%c %s%s%s [%o]", kind, name, content ? " " : "",
                        content ? content : "", st.st_mode & 07777);
        return g_strdup_printf("%c %s%s%s", kind, name, content ? " " : "", content ? content : "");
}

static void dump(const char *root, const char *below, GPtrArray *lines) {
        g_autofree char *path = g_build_filename(root, below, NULL);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *entry;

        g_assert_nonnull(dir);
        while ((entry = g_dir_read_name(dir))) {
                g_autofree char *name = below[0] ? g_build_filename(below, entry, NULL) : g_strdup(entry);
                g_autofree char *whole = g_build_filename(root, name, NULL);
                struct stat st;

                g_ptr_array_add(lines, dump_entry(whole, name));
                if (lstat(whole, &st) >= 0 && S_ISDIR(st.st_mode))
                        dump(root, name, lines);
        }
}

static int compare(gconstpointer a, gconstpointer b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static char *join_sorted(GPtrArray *lines) {
        g_ptr_array_sort(lines, compare);
        g_ptr_array_add(lines, NULL);
        return g_strjoinv("\n", (char **) lines->pdata);
}

char *tree_dump(const char *root) {
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

        dump(root, "", lines);
        return join_sorted(lines);
}

void tree_assert_at(const char *where, const char *root, const char *text) {
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *found = tree_dump(root), *wanted = NULL;
        g_auto(GStrv) split = g_strsplit(text, "\n", -1);

        for (char **line = split; *line; line++)
                if (**line)
                        g_ptr_array_add(lines, g_strdup(*line));
        wanted = join_sorted(lines);
        if (strcmp(found, wanted) != 0)
                g_error("%s: %s is\n%s\nbut should be\n%s", where, root, found, wanted);
}

void assert_failed_at(const char *where, int r, int err, GError **error, ...) {
        g_autofree char *message = NULL;
        const char *word;
        va_list ap;

        if (r != -err)
                g_error("%s: returned %d (%s), not -%s", where, r, *error ? (*error)->message : "no error",
                        g_strerror(err));
        g_assert_nonnull(*error);
        message = g_utf8_make_valid((*error)->message, -1);
        g_test_message("%s", message);

        va_start(ap, error);
        while ((word = va_arg(ap, const char *)))
                if (!strstr((*error)->message, word))
                        g_error("%s: \"%s\" does not say \"%s\"", where, (*error)->message, word);
        va_end(ap);
        g_clear_error(error);
}
