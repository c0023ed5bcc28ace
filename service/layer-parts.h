/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/stat.h>

#include "service/layers.h"

/* The way down a stack of layers to a directory of it; for layers.c. */

/* The directory in one of the layers that have it. */
typedef struct Part {
        unsigned root;
        int fd;      /* O_PATH */
        bool hidden; /* by something above it */
} Part;

/* Opens a name in a directory, never through a symlink. */
int layer_open(int fd, const char *name, int flags);

/* What a name is in a layer. */
int layer_look_up(int fd, const char *name, struct stat *st, FileType *ret_type);

/* Whether what the name is hides what is below it; -EACCES when that cannot be told. */
int layer_hides_below(int fd, const char *name, FileType type);

/* The parts (an array of Part) of the root, and of a directory ("a/b") in it: topmost first, those that are hidden as well. Fails
 * with -ENOENT, -ENOTDIR, or else *ret_root is the layer that it failed in. */
int parts_open_roots(const LayerRoots *roots, GArray **ret, unsigned *ret_root);
int parts_descend(const LayerRoots *roots, const char *path, GArray **ret, unsigned *ret_root);
