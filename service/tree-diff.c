/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/directory.h"
#include "common/io.h"
#include "service/tree-diff.h"

#define PIECE (64U * 1024U)
#define DEPTH_MAX 128U

/* A pair of directories that is gone through; NULL where one side has none. */
typedef struct Level {
        DIR *side[2];
        unsigned reading; /* which side's names are collected; 2: both are */
        GTree *names;     /* name -> which sides have it, as bits */
        GTreeNode *next;
        size_t path_length;
} Level;

struct TreeDiff {
        GArray *levels;  /* Level, the innermost last */
        GString *path;   /* of the innermost one, with a slash at the end */
        GArray *changes; /* TreeChange */
        unsigned changes_max;
        int file[2];        /* being compared, or -1 */
        TreeChange pending; /* what it is if they differ */
        char *buffer;
        int error; /* with which it began */
};

static int compare_names(gconstpointer a, gconstpointer b, gpointer userdata) {
        return strcmp(a, b);
}

static void level_clear(gpointer data) {
        Level *l = data;

        for (unsigned s = 0; s < 2; s++)
                if (l->side[s])
                        (void) closedir(l->side[s]);
        g_clear_pointer(&l->names, g_tree_unref);
}

static void change_clear(gpointer data) {
        TreeChange *change = data;

        g_clear_pointer(&change->path, g_free);
}

static void close_files(TreeDiff *d) {
        for (unsigned s = 0; s < 2; s++) {
                if (d->file[s] >= 0)
                        (void) close(d->file[s]);
                d->file[s] = -1;
        }
        change_clear(&d->pending);
}

/* Takes the descriptors, -1 for none. */
static int enter(TreeDiff *d, int a, int b) {
        const int fds[2] = { a, b };
        Level l = { .path_length = d->path->len };
        int r = d->levels->len < DEPTH_MAX ? 0 : -ELOOP;

        for (unsigned s = 0; s < 2; s++) {
                int taken = fds[s] >= 0 ? directory_take(fds[s], &l.side[s]) : 0;

                r = r < 0 ? r : taken;
        }
        if (r < 0) {
                level_clear(&l);
                return r;
        }

        l.names = g_tree_new_full(compare_names, NULL, g_free, NULL);
        g_array_append_val(d->levels, l);
        return 1;
}

TreeDiff *tree_diff_new(int a, int b, unsigned changes_max) {
        TreeDiff *d = g_new0(TreeDiff, 1);

        d->levels = g_array_new(FALSE, FALSE, sizeof(Level));
        g_array_set_clear_func(d->levels, level_clear);
        d->changes = g_array_new(FALSE, FALSE, sizeof(TreeChange));
        g_array_set_clear_func(d->changes, change_clear);
        d->path = g_string_new(NULL);
        d->buffer = g_malloc(2 * PIECE);
        d->changes_max = changes_max;
        d->file[0] = d->file[1] = -1;
        d->error = MIN(enter(d, a, b), 0);
        return d;
}

TreeDiff *tree_diff_free(TreeDiff *d) {
        if (!d)
                return NULL;

        close_files(d);
        g_array_unref(d->levels);
        g_array_unref(d->changes);
        g_string_free(d->path, TRUE);
        g_free(d->buffer);
        g_free(d);
        return NULL;
}

/* Takes the path. */
static int note(TreeDiff *d, char *path, const char *kind, uint64_t a, uint64_t b) {
        TreeChange change = { path, kind, a, b };

        if (d->changes->len >= d->changes_max) {
                g_free(path);
                return -E2BIG;
        }

        g_array_append_val(d->changes, change);
        return 1;
}

static Level *innermost(TreeDiff *d) {
        return &g_array_index(d->levels, Level, d->levels->len - 1);
}

static int open_at(const Level *l, unsigned side, const char *name, int flags) {
        int fd;

        fd = openat(dirfd(l->side[side]), name, flags | O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* Goes down into the directory name, which the sides in `sides` have. */
static int descend(TreeDiff *d, const char *name, unsigned sides) {
        const Level *l = innermost(d);
        int fds[2] = { -1, -1 };

        for (unsigned s = 0; s < 2; s++)
                if (sides & (1U << s)) {
                        fds[s] = open_at(l, s, name, O_DIRECTORY);
                        if (fds[s] < 0) {
                                int r = fds[s];

                                if (s == 1 && fds[0] >= 0)
                                        (void) close(fds[0]);
                                return r;
                        }
                }

        g_string_append_printf(d->path, "%s/", name);
        return enter(d, fds[0], fds[1]);
}

static uint64_t size_of(const struct stat *st) {
        return S_ISDIR(st->st_mode) ? 0 : (uint64_t) st->st_size;
}

/* On one side only. */
static int take_single(TreeDiff *d, const char *name, unsigned side, const struct stat *st) {
        bool directory = S_ISDIR(st->st_mode);
        int r;

        r = note(d, g_strconcat(d->path->str, name, directory ? "/" : NULL, NULL),
                side == 0 ? "removed" : "added", side == 0 ? size_of(st) : 0, side == 1 ? size_of(st) : 0);
        return r < 0 || !directory ? r : descend(d, name, 1U << side);
}

/* Of another type on each side. */
static int take_type(TreeDiff *d, const char *name, const struct stat st[2]) {
        int r;

        r = note(d, g_strconcat(d->path->str, name, NULL), "type", size_of(&st[0]), size_of(&st[1]));
        if (r < 0 || (!S_ISDIR(st[0].st_mode) && !S_ISDIR(st[1].st_mode)))
                return r;

        return descend(d, name, S_ISDIR(st[0].st_mode) ? 1U : 2U);
}

static int same_link(const Level *l, const char *name) {
        char a[PATH_MAX], b[PATH_MAX];
        ssize_t n, m;

        n = readlinkat(dirfd(l->side[0]), name, a, sizeof(a));
        m = readlinkat(dirfd(l->side[1]), name, b, sizeof(b));
        if (n < 0 || m < 0)
                return -errno;

        return n == m && memcmp(a, b, (size_t) n) == 0;
}

static int take_files(TreeDiff *d, const char *name, const struct stat st[2]) {
        char *path = g_strconcat(d->path->str, name, NULL);

        if (st[0].st_size != st[1].st_size || ((st[0].st_mode ^ st[1].st_mode) & 0111) != 0)
                return note(d, path, "changed", size_of(&st[0]), size_of(&st[1]));

        d->pending = (TreeChange){ path, "changed", size_of(&st[0]), size_of(&st[1]) };
        for (unsigned s = 0; s < 2; s++) {
                d->file[s] = open_at(innermost(d), s, name, 0);
                if (d->file[s] < 0)
                        return d->file[s];
        }

        return 1;
}

static int take_pair(TreeDiff *d, const char *name, const struct stat st[2]) {
        int r;

        if ((st[0].st_mode & S_IFMT) != (st[1].st_mode & S_IFMT))
                return take_type(d, name, st);
        if (S_ISDIR(st[0].st_mode))
                return descend(d, name, 3U);
        if (st[0].st_dev == st[1].st_dev && st[0].st_ino == st[1].st_ino)
                return 1;
        if (S_ISREG(st[0].st_mode))
                return take_files(d, name, st);
        if (!S_ISLNK(st[0].st_mode))
                return 1;

        r = same_link(innermost(d), name);
        return r != 0 ? (r < 0 ? r : 1)
                      : note(d, g_strconcat(d->path->str, name, NULL), "changed", size_of(&st[0]),
                                size_of(&st[1]));
}

static int take_name(TreeDiff *d, const char *name, unsigned sides) {
        const Level *l = innermost(d);
        struct stat st[2];

        for (unsigned s = 0; s < 2; s++)
                if (sides & (1U << s) && fstatat(dirfd(l->side[s]), name, &st[s], AT_SYMLINK_NOFOLLOW) < 0)
                        return -errno;

        if (sides == 3U)
                return take_pair(d, name, st);
        return take_single(d, name, sides == 1U ? 0 : 1, &st[sides == 1U ? 0 : 1]);
}

/* Collects one name. What is no UTF-8 cannot be told, and no build can have made it. */
static int read_name(Level *l) {
        struct dirent *entry = NULL;
        gpointer sides;

        errno = 0;
        if (l->side[l->reading])
                entry = directory_next(l->side[l->reading]);
        if (!entry) {
                if (errno != 0)
                        return -errno;
                l->reading++;
                l->next = l->reading == 2 ? g_tree_node_first(l->names) : NULL;
                return 1;
        }

        sides = g_tree_lookup(l->names, entry->d_name);
        g_tree_replace(l->names, g_strdup(entry->d_name),
                GUINT_TO_POINTER(GPOINTER_TO_UINT(sides) | (1U << l->reading)));
        return 1;
}

/* Compares one piece of two files. */
static int compare_piece(TreeDiff *d) {
        ssize_t n = read_full(d->file[0], d->buffer, PIECE),
                m = read_full(d->file[1], d->buffer + PIECE, PIECE);
        int r = 1;

        if (n < 0 || m < 0)
                return (int) MIN(n, m);

        if (n != m || memcmp(d->buffer, d->buffer + PIECE, (size_t) n) != 0)
                r = note(d, g_steal_pointer(&d->pending.path), d->pending.kind, d->pending.a, d->pending.b);
        else if (n > 0)
                return 1;

        close_files(d);
        return r;
}

static int do_little(TreeDiff *d) {
        Level *l;

        if (d->error < 0)
                return d->error;
        if (d->file[0] >= 0)
                return compare_piece(d);
        if (d->levels->len == 0)
                return 0;

        l = innermost(d);
        if (l->reading < 2)
                return read_name(l);
        if (l->next) {
                GTreeNode *node = l->next;

                l->next = g_tree_node_next(node);
                return take_name(d, g_tree_node_key(node), GPOINTER_TO_UINT(g_tree_node_value(node)));
        }

        g_array_set_size(d->levels, d->levels->len - 1);
        if (d->levels->len > 0)
                g_string_truncate(d->path, innermost(d)->path_length);
        return 1;
}

int tree_diff_step(TreeDiff *d, uint64_t usec) {
        int64_t end = g_get_monotonic_time() + (int64_t) usec;
        int r;

        do
                r = do_little(d);
        while (r > 0 && g_get_monotonic_time() < end);

        return r;
}

static gint compare_changes(gconstpointer a, gconstpointer b) {
        return strcmp(((const TreeChange *) a)->path, ((const TreeChange *) b)->path);
}

const GArray *tree_diff_changes(TreeDiff *d) {
        g_array_sort(d->changes, compare_changes);
        return d->changes;
}
