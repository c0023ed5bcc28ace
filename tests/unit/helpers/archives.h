/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Archives, made with libarchive, and what an import makes of them. */

#include <glib.h>
#include <stdint.h>
#include <stdio.h>

#include "fixture.h"

#define ARCHIVE_MAX (1U << 20)

/* Kinds f, x, d, l are those of tree_make(). h: hard link, c and b: devices, p: FIFO, u: a file with
 * set-id bits. */
typedef struct Entry {
        char kind;
        const char *path, *content;
} Entry;

/* An archive of that format and filter (libarchive's numbers). The entries end with one that has no path. */
GBytes *archive_make(int format, int filter, const Entry *entries);
GBytes *archive_make_tar(const Entry *entries);

/* Some entries of each kind that is good, and the tree that they make. */
extern const Entry good_entries[];
#define GOOD_TREE \
        "d left4dead2\nd left4dead2/maps\nf left4dead2/maps/one.bsp a map\nx srcds_run #!\n" \
        "f left4dead2/ünï.txt \nl left4dead2/link ../srcds_run\n"

typedef struct Upload {
        GBytes *bytes;
        int fd; /* to write to, and to close */
        size_t piece;
} Upload;

/* Writes it all, or until nobody reads any more. Takes an Upload; for g_thread_new(). */
gpointer upload_run(gpointer data);

/* Imports the bytes through a pipe, in pieces of that many, into `directory` of the tree state/tree. */
int import_pieces(const Fixture *f, GBytes *bytes, size_t piece, const char *directory, uint64_t size,
        FILE *out, GError **error);

/* The same in large pieces, to the root, with the right size announced. */
int import_bytes(const Fixture *f, GBytes *bytes, GError **error);
