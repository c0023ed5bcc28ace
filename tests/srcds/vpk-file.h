/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A VPK on the disk; what is in it, protocol/vpk.h tells. */
#pragma once

#include "protocol/vpk.h"

typedef struct VpkFile {
        int fd;
        Vpk *vpk;
} VpkFile;

int vpk_file_open(VpkFile *f, const char *path); /* negative errno: then there is nothing to close */
void vpk_file_close(VpkFile *f);

/* All of one of its files, or NULL: too large, broken, or in another archive than this. */
GBytes *vpk_file_read(VpkFile *f, const VpkEntry *entry, size_t max);
