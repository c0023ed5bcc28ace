/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

#include "cli.h"

/* What makes a new version of an overlay: something is sent, or not, and a job is waited for. */

typedef struct {
        const char *overlay, *job; /* name and object path */
        int source, pipe;          /* what is sent, and where to; -1 for nothing. The pipe is taken */
        uint64_t size;             /* 0: not known */
        gboolean detach;
} Build;

int build_open_source(Cli *cli, const char *file, const char *wanted, int *ret_fd, uint64_t *ret_size);
int build_follow(Cli *cli, const Build *b);

/* Has the overlay build itself, and follows that. */
int build_begin(Cli *cli, const char *overlay, const char *label, gboolean validate, gboolean detach);

int build_put(Cli *cli, const char *overlay, const char *path, const char *label, int executable, int source,
        uint64_t size);
