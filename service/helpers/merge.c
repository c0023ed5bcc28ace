/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "beneath.h"
#include "common/directory.h"
#include "fail.h"
#include "merge.h"
#include "names.h"

typedef struct Merge {
        const Settle *settle;
        GString *path; /* of the directory at hand, for messages */
        unsigned depth;
        GError **error;
} Merge;

static int fail_entry(Merge *merge, int err, const char *name, const char *why) {
        return fail(merge->error, err, "%s%s: %s", merge->path->str, name, why);
}

/* Checks r of an operation on the entry. */
static int check(Merge *merge, int r, const char *name) {
        return r < 0 ? fail_entry(merge, -r, name, g_strerror(-r)) : r;
}

/* Names and types in a directory, without . and .. */
static int list(int dirfd, GHashTable **ret) {
        g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        _cleanup_directory_ DIR *dir = NULL;
        struct dirent *de;
        int r;

        r = directory_open(dirfd, ".", &dir);
        if (r < 0)
                return r;

        while ((de = directory_next(dir)))
                g_hash_table_insert(names, g_strdup(de->d_name), GUINT_TO_POINTER(de->d_type));
        if (errno != 0)
                return -errno;

        *ret = g_steal_pointer(&names);
        return 0;
}

/* A directory on its way into a version. */
typedef struct Sources {
        int upper; /* what the build wrote, -1 for nothing */
        int base;  /* what shows through from the base version, -1 for nothing */
        int old; /* the same directory of the base version, whether it shows through or not: for equal files */
} Sources;

static int merge_directory(Merge *merge, const Sources *from, int stage);

/* Goes one directory down. */
static int descend(Merge *merge, const Sources *from, int stage, const char *name) {
        gsize length = merge->path->len;
        _cleanup_fd_ int below = -1;
        struct stat st;
        int r;

        if (merge->depth == TREE_DEPTH_MAX)
                return fail_entry(merge, ELOOP, name, "directories are nested too deeply");

        /* Where there is a file already, an earlier try had put it there, from an upper layer that no
         * longer has it. */
        if (from->upper < 0 && fstatat(stage, name, &st, AT_SYMLINK_NOFOLLOW) >= 0 && !S_ISDIR(st.st_mode))
                return 0;
        below = beneath_make(stage, name, 0755);
        if (below < 0)
                return check(merge, below, name);

        g_string_append_printf(merge->path, "%s/", name);
        merge->depth++;
        r = merge_directory(merge, from, below);
        merge->depth--;
        g_string_truncate(merge->path, length);
        return r;
}

static int merge_upper_directory(Merge *merge, const Sources *from, int stage, const char *name) {
        _cleanup_fd_ int upper = -1, old = -1;
        Sources below;

        upper = beneath_open_closed(from->upper, name);
        if (upper < 0)
                return check(merge, upper, name);
        if (from->old >= 0) {
                old = beneath_open(from->old, name, O_RDONLY | O_DIRECTORY);
                if (old < 0 && old != -ENOENT && old != -ENOTDIR && old != -ELOOP)
                        return check(merge, old, name);
        }

        /* A directory that was removed and made again hides what it held, and may well hold the same. */
        below = (Sources){ upper, from->base < 0 || settle_is_opaque(upper) ? -1 : old, old };
        return descend(merge, &below, stage, name);
}

static int merge_link(Merge *merge, const Sources *from, int stage, const char *name) {
        char target[TREE_PATH_MAX + 2], old[TREE_PATH_MAX + 2];
        ssize_t n, m;

        n = readlinkat(from->upper, name, target, sizeof target - 1);
        if (n < 0)
                return check(merge, -errno, name);
        target[n] = '\0';
        if ((size_t) n > TREE_PATH_MAX || !link_stays_inside(target, merge->depth))
                return fail_entry(merge, EXDEV, name,
                        "the symbolic link leads, or could lead, out of the tree: make it relative, "
                        "with `..` only at its front");

        m = from->old >= 0 ? readlinkat(from->old, name, old, sizeof old) : -1;
        if (m == n && memcmp(target, old, (size_t) n) == 0)
                return check(merge, settle_link(merge->settle, from->old, stage, name), name);
        return check(merge, renameat(from->upper, name, stage, name) < 0 ? -errno : 0, name);
}

static int merge_upper(Merge *merge, const Sources *from, int stage, const char *name) {
        struct stat st;

        if (fstatat(from->upper, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return check(merge, -errno, name);
        if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0))
                return 0; /* a whiteout: what the base has there is gone */
        if (!entry_name_valid(name))
                return fail_entry(merge, EILSEQ, name, "a name must be UTF-8 without control characters");
        if (merge->path->len + strlen(name) > TREE_PATH_MAX)
                return fail_entry(merge, ENAMETOOLONG, name, "the path is too long");

        switch (st.st_mode & S_IFMT) {
        case S_IFDIR:
                return merge_upper_directory(merge, from, stage, name);
        case S_IFREG:
                return check(merge, settle_file(merge->settle, from->upper, from->old, stage, name), name);
        case S_IFLNK:
                return merge_link(merge, from, stage, name);
        default:
                return fail_entry(merge, EINVAL, name,
                        "only files, directories and symbolic links can be in a version; "
                        "have the build remove this device, pipe or socket");
        }
}

static int merge_base(Merge *merge, int base, int stage, const char *name, unsigned type) {
        _cleanup_fd_ int below = -1;

        if (type != DT_DIR && type != DT_UNKNOWN)
                return check(merge, settle_link(merge->settle, base, stage, name), name);

        below = beneath_open(base, name, O_RDONLY | O_DIRECTORY);
        if (below == -ENOTDIR || below == -ELOOP)
                return check(merge, settle_link(merge->settle, base, stage, name), name);
        if (below < 0)
                return check(merge, below, name);
        return descend(merge, &(Sources){ -1, below, below }, stage, name);
}

static int merge_directory(Merge *merge, const Sources *from, int stage) {
        g_autoptr(GHashTable) above = NULL, below = NULL;
        GHashTableIter iter;
        gpointer name, type;
        int r = 0;

        if (from->upper >= 0)
                r = list(from->upper, &above);
        if (r >= 0 && from->base >= 0)
                r = list(from->base, &below);
        if (r < 0)
                return check(merge, r, "");

        if (above) {
                g_hash_table_iter_init(&iter, above);
                while (r >= 0 && g_hash_table_iter_next(&iter, &name, &type))
                        r = merge_upper(merge, from, stage, name);
        }
        if (below) {
                g_hash_table_iter_init(&iter, below);
                while (r >= 0 && g_hash_table_iter_next(&iter, &name, &type))
                        if (!above || !g_hash_table_contains(above, name))
                                r = merge_base(merge, from->base, stage, name, GPOINTER_TO_UINT(type));
        }
        return r;
}

int merge_trees(int upper, int base, int stage, const Settle *settle, GError **error) {
        g_autoptr(GString) path = g_string_new(NULL);
        Merge merge = { settle, path, 0, error };

        return merge_directory(&merge, &(Sources){ upper, base, base }, stage);
}

static int measure_directory(Merge *merge, int stage, int base, TreeFigures *figures);

static int measure_entry(Merge *merge, int stage, int base, const char *name, TreeFigures *figures) {
        _cleanup_fd_ int below = -1, base_below = -1;
        gsize length = merge->path->len;
        struct stat st, old;
        bool had;
        int r;

        if (fstatat(stage, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return check(merge, -errno, name);
        had = base >= 0 && fstatat(base, name, &old, AT_SYMLINK_NOFOLLOW) >= 0;

        if (!S_ISDIR(st.st_mode)) {
                figures->files++;
                figures->size += S_ISREG(st.st_mode) ? (uint64_t) st.st_size : 0;
                figures->changed |= !had || old.st_ino != st.st_ino;
                return 0;
        }

        figures->changed |= !had || !S_ISDIR(old.st_mode);
        below = beneath_open(stage, name, O_RDONLY | O_DIRECTORY);
        if (below < 0)
                return check(merge, below, name);
        if (had && S_ISDIR(old.st_mode)) {
                base_below = beneath_open(base, name, O_RDONLY | O_DIRECTORY);
                if (base_below < 0)
                        return check(merge, base_below, name);
        }

        g_string_append_printf(merge->path, "%s/", name);
        r = measure_directory(merge, below, base_below, figures);
        g_string_truncate(merge->path, length);
        return r;
}

static int measure_directory(Merge *merge, int stage, int base, TreeFigures *figures) {
        g_autoptr(GHashTable) names = NULL, old = NULL;
        GHashTableIter iter;
        gpointer name;
        int r;

        r = list(stage, &names);
        if (r >= 0 && base >= 0)
                r = list(base, &old);
        if (r < 0)
                return check(merge, r, "");
        /* As many names as before: then none is gone if none is new. */
        figures->changed |= old && g_hash_table_size(names) != g_hash_table_size(old);

        g_hash_table_iter_init(&iter, names);
        while (r >= 0 && g_hash_table_iter_next(&iter, &name, NULL))
                r = measure_entry(merge, stage, base, name, figures);
        return r;
}

int measure_tree(int stage, int base, TreeFigures *ret, GError **error) {
        g_autoptr(GString) path = g_string_new(NULL);
        Merge merge = { NULL, path, 0, error };
        TreeFigures figures = { 0 };
        int r;

        r = measure_directory(&merge, stage, base, &figures);
        if (r < 0)
                return r;

        *ret = figures;
        return 0;
}
