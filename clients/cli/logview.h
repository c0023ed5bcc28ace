/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* The log of an instance or a job, as OpenLog gives it. */

typedef struct {
        int lines; /* negative: what the service thinks right */
        char *since, *until;
        char *cursor, *after_cursor;
        gboolean follow, show_cursor;
} LogOptions;

GVariant *log_options_build(Cli *cli, const LogOptions *o);
int log_show(Cli *cli, const char *path, const char *interface, const LogOptions *o);
gboolean log_print(Cli *cli, int fd);
