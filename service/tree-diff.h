/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>

/*
 * What differs between two directory trees, found a little at a time. Files that are one and the same, by hard links, are equal
 * without a look; others of one size are read. Knows nothing of left4me.
 */

typedef struct TreeChange {
        char *path;       /* of a directory with a slash at the end */
        const char *kind; /* "added", "removed", "changed" or "type" */
        uint64_t a, b;    /* sizes on the two sides, 0 where there is nothing, or a directory */
} TreeChange;

typedef struct TreeDiff TreeDiff;

/* a and b: descriptors of directories, taken. */
TreeDiff *tree_diff_new(int a, int b, unsigned changes_max);
TreeDiff *tree_diff_free(TreeDiff *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TreeDiff, tree_diff_free)

/* Goes on for about so long. 1: there is more to do; 0: done; -E2BIG: there are more changes than that; < 0: a file cannot be read. */
int tree_diff_step(TreeDiff *d, uint64_t usec);

/* The changes, TreeChange, sorted by path; the diff's. */
const GArray *tree_diff_changes(TreeDiff *d);
