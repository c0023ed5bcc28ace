/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* Returns EXIT_OK with a file of an overlay, open; version 0: the current one. quiet: that there is none is no complaint, only the
 * code. */
int overlay_file_open(
        Cli *cli, const char *overlay, const char *path, guint32 version, gboolean quiet, int *ret_fd);
