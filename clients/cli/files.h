/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* Files of an overlay, or of a server. */

typedef struct {
        gboolean instance; /* a server's */
        gboolean layers;   /* all that its layers have, not only what it sees */
        int version;       /* of an overlay; 0: the current one */
        gboolean recursive;
} FilesOptions;

int files_show(Cli *cli, const char *name, const char *directory, const FilesOptions *o);
int files_error(Cli *cli, const GError *error, const char *name, const FilesOptions *o, const char *file);
char *files_clean_path(const char *path);
