/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>

/* Writes VPKs, for tests: what the reader should take, and with one wrong number each what it must not. */
typedef struct VpkFile {
        const char *extension;
        const char *directory;
        const char *name;
        const char *body;    /* behind the tree */
        const char *preload; /* in the tree; NULL as "" */
        int archive;         /* 0: in the file itself, else this one less one */
} VpkFile;

/* Files with the same extension and directory stand together in the array, which a file without a name ends. */
GByteArray *vpk_write(unsigned version, const VpkFile *files);
