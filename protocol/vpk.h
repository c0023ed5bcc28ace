/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VPK, the archive of the Source engine, versions 1 and 2: a header, a tree of names, and the files' bytes, behind the tree or in numbered
 * archives beside it. Only reading, and nothing here opens a file: the caller gives the bytes, at once or through a callback.
 *
 * What is broken is refused as a whole: strings that do not end, entries without their terminator, bytes that are not in the file. A VPK
 * can come from anybody.
 *
 * Facts: ValveResourceFormat/ValvePak Package.Read.cs; the layout as the reference of L4D2's addons has it (they are version 1, one file).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define VPK_HEADER_MAX 28U
#define VPK_TREE_MAX (32U << 20)   /* bytes of names that are read. The game's own tree has a few MB */
#define VPK_ENTRIES_MAX (1U << 18) /* files in one VPK */
#define VPK_PATH_MAX 512U          /* bytes of a whole path */
#define VPK_ARCHIVE_MAX 999U       /* x_000.vpk to x_999.vpk beside x_dir.vpk */
#define VPK_ARCHIVE_SELF 0x7FFFU   /* the bytes are behind the tree, in the file itself */

typedef struct VpkHeader {
        unsigned version;     /* 1 or 2 */
        uint32_t header_size; /* 12 or 28 bytes: where the tree begins */
        uint32_t tree_size;   /* bytes, 0..VPK_TREE_MAX */
        uint64_t file_size;   /* bytes, as given */
} VpkHeader;

/*
 * Reads the header at the start of data; file_size is the whole file's. 28 bytes are enough, fewer when the file has no more.
 * -EBADMSG: no VPK, or one whose tree or sections do not fit into the file; -ENOTSUP: another version (Respawn's, for one);
 * -EMSGSIZE: a larger tree than VPK_TREE_MAX.
 */
int vpk_decode_header(const void *data, size_t size, uint64_t file_size, VpkHeader *ret);

typedef struct Vpk Vpk;

/* A VPK from its header and its tree, of which a reference is kept: header.tree_size bytes. -EBADMSG: not as many. *ret is the caller's.
 * Names are looked at by vpk_next() only. */
int vpk_new(const VpkHeader *header, GBytes *tree, Vpk **ret);
void vpk_free(Vpk *v); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Vpk, vpk_free)

/* Reads up to size bytes at offset of an archive: VPK_ARCHIVE_SELF, or 0..VPK_ARCHIVE_MAX for a numbered one. Returns how many, 0 at the end,
 * or a negative errno. */
typedef ssize_t (*VpkRead)(void *userdata, unsigned archive, uint64_t offset, void *buffer, size_t size);

/* The same from a file of file_size bytes, of which header and tree are read now. Errors as of vpk_decode_header(), those of read, and
 * -EBADMSG when the file is shorter than file_size. */
int vpk_open(VpkRead read, void *userdata, uint64_t file_size, Vpk **ret);

/* One file. The pointers are into the iterator or the tree, and good until the next vpk_next(). */
typedef struct VpkEntry {
        const char *
                path; /* maps/c1m1_hotel.bsp: '/' for '\', A-Z lower-cased (the engine knows no case), valid UTF-8 */
        bool safe; /* whether path could be written below a directory: no empty part, '.' or '..', no control character */
        uint32_t crc;           /* CRC-32 of all its bytes */
        const uint8_t *preload; /* its first bytes, in the tree */
        uint16_t preload_size;
        unsigned archive; /* VPK_ARCHIVE_SELF or 0..VPK_ARCHIVE_MAX: where the others are */
        uint64_t offset;  /* in that file, from its start */
        uint32_t length;  /* how many others */
} VpkEntry;

/* Bytes of the whole file. */
uint64_t vpk_entry_size(const VpkEntry *entry);

typedef struct VpkIter VpkIter;

/* Goes through the files in the order of the tree, any number at a time. The Vpk must outlive it. */
VpkIter *vpk_iter_new(const Vpk *v);
void vpk_iter_free(VpkIter *i); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VpkIter, vpk_iter_free)

/*
 * Returns 1 and *ret, 0 after the last one; then and after an error the same again.
 * -EBADMSG: the tree is broken here, or the bytes are not in the file (for those in numbered archives: vpk_read() tells);
 * -ENAMETOOLONG: a path longer than VPK_PATH_MAX; -EMSGSIZE: more than VPK_ENTRIES_MAX files.
 */
int vpk_next(VpkIter *i, VpkEntry *ret);

/* Looks for a file by its path, lower-cased and with '/'. 1: found, and *ret is good as long as *ret_iter, which is the caller's, lives;
 * 0: there is none; errors as of vpk_next(). */
int vpk_find(const Vpk *v, const char *path, VpkIter **ret_iter, VpkEntry *ret);

/*
 * Reads all of a file with the callback that knows its archives. *ret is the caller's.
 * -EMSGSIZE: it has more than max bytes; -EBADMSG: the archive ends early, or the bytes are not those of the CRC; and the errors of read.
 */
int vpk_read(const VpkEntry *entry, VpkRead read, void *userdata, size_t max, GBytes **ret);
