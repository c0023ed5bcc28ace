/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes the entries of a hostile archive below a directory, and nowhere else: each is reached through
 * real directories only, whatever links the tree already has. Of an entry we take name, kind, content,
 * time and whether it may be executed. The errors name the entry. */

#include <archive.h>
#include <archive_entry.h>
#include <glib.h>
#include <stdint.h>

#include "clashes.h"
#include "progress.h"

#define EXTRACT_ENTRIES_MAX 400000U /* also of directories that only stand in the paths of others */
#define EXTRACT_SIZE_MAX (UINT64_C(64) << 30)

/* A small archive may unpack to this much; beyond, to so many times its own size. */
#define EXTRACT_FREE_SIZE (UINT64_C(1) << 30)
#define EXTRACT_RATIO_MAX 250U

typedef struct Extract {
        int root;
        const char *directory; /* below root, normalised; "" for root itself */
        uint64_t entries, files,
                size;        /* what is linked n times counts n times: a commit makes n files of it */
        uint64_t made;       /* directories that no entry of their own asked for */
        uint64_t archives;   /* of the files, by their names */
        char *first_archive; /* the name of the first of them */
        Clashes *clashes;
        uint64_t whole; /* size of the archive, 0 while that is not known */
        uint64_t
                before; /* of its bytes, passed by before unpacking began: those count as progress already */
        Progress progress;
        char *parent_path; /* the directory of the last entry, most likely the next one's too */
        int parent;
} Extract;

#define EXTRACT_INIT \
        { .root = -1, .parent = -1 }
void extract_done(Extract *x);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Extract, extract_done)

/* Writes the entry that a has read the header of. */
int extract_entry(Extract *x, struct archive *a, struct archive_entry *entry, GError **error);

/* After the last entry. An archive in which there are only others was packed once too often: unpacked it is of no use. */
int extract_finish(const Extract *x, GError **error);

/* Says what libarchive found wrong at `where`. */
int extract_fail(struct archive *a, const char *where, GError **error);
