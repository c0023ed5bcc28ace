/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

typedef struct {
        int version; /* 0: the current one */
        gboolean recursive;
} FilesOptions;

int files_show(Cli *cli, const char *overlay, const char *directory, const FilesOptions *o);
