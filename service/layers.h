/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * A stack of layers as the kernel's overlayfs merges it, resolved layer by layer in the layers themselves: nothing is ever opened
 * through a mount, because one descriptor in there would keep it from being unmounted.
 *
 * A name in an upper layer hides those below it, but directories of the same name are one directory; what is below a whiteout (a
 * character device 0:0, or an empty file with user.overlay.whiteout), an opaque directory (user.overlay.opaque) or a file is
 * hidden. Names are bytes. The topmost layer is written by a game and taken for hostile: symbolic links are never followed, and
 * nothing but plain files is opened.
 */

typedef struct LayerRoot {
        char *name; /* as told */
        uint32_t version;
        int fd; /* its directory; -1 for a layer that is not there yet, and holds nothing */

        /* For a layer that is no directory but some files, mounted into the directory `at`: they are in fd. */
        const char *at;
        const char *const *files;
} LayerRoot;

typedef GArray LayerRoots; /* of LayerRoot, topmost first */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LayerRoots, g_array_unref)

/* Closes its descriptors and frees its names in the end. */
LayerRoots *layer_roots_new(void);
void layer_roots_add(LayerRoots *roots, const char *name, uint32_t version, int fd);
void layer_roots_add_files(
        LayerRoots *roots, const char *name, int fd, const char *at, const char *const *files);

typedef enum FileType {
        FILE_PLAIN,
        FILE_DIRECTORY,
        FILE_SYMLINK,
        FILE_WHITEOUT, /* hides what is below it, and is nothing itself */
        FILE_SPECIAL,  /* a FIFO, socket or device */
} FileType;

const char *file_type_to_string(FileType type); /* as on the bus */

typedef struct LayerFile {
        char *name;
        FileType type;
        uint64_t size;     /* of a plain file or symlink, else 0 */
        uint64_t modified; /* usec */
        unsigned root;     /* index of its layer */
        bool visible; /* what the merged view shows; true also for the further directories of a merged one */
        bool hidden;  /* the directory that it is in is hidden in this layer */
} LayerFile;

/*
 * Lists a directory ("" for the root): by name, then top to bottom. all: also what is hidden, and each directory of a merged one.
 * Fails with -ENOENT or -ENOTDIR, -E2BIG for more than max entries, or what else an access failed with; *ret_root is then the
 * layer that it failed in.
 *
 * A game can make a directory large, so it is read in slices of some milliseconds: a step returns 1 with *ret, 0 when there is more to
 * do. layers_list() does all of them at once.
 */
typedef struct LayerListing LayerListing;

int layer_listing_new(const LayerRoots *roots, const char *path, bool all, size_t max, LayerListing **ret,
        unsigned *ret_root);
int layer_listing_step(LayerListing *l, GArray **ret, unsigned *ret_root);
LayerListing *layer_listing_free(LayerListing *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LayerListing, layer_listing_free)
int layers_list(
        const LayerRoots *roots, const char *path, bool all, size_t max, GArray **ret, unsigned *ret_root);

/* Opens a file for reading: the one that the merged view shows (layer NULL), or that of the topmost layer of that name. Fails with
 * -ENOENT; -EPERM for a mounted file; -EISDIR, -ELOOP (a symlink) or -ENXIO (neither file nor directory) for what is no plain
 * file; -ESRCH when there is no such layer; -EACCES and the like. *ret_root is the layer that decided, when it is not -ESRCH or
 * -ENOENT. */
int layers_open(
        const LayerRoots *roots, const char *path, const char *layer, int *ret_fd, unsigned *ret_root);
