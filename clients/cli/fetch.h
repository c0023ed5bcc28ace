/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

#include "cli.h"

/* A file that the service has opened for us. The descriptor stays the caller's. */

/* To standard output: as it is, but on a terminal as text that is safe to look at. */
int fetch_print(Cli *cli, int fd);

/* Into a file or, by the name that `path` ends with, into a directory; "-": standard output. What is there is overwritten only
 * with force, or when somebody says so. Tells what was written. */
int fetch_save(Cli *cli, int fd, const char *path, const char *target, gboolean force);
