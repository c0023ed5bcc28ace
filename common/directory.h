/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is in a directory, by its descriptor: for service and helpers. */

#include <dirent.h>

/* Opens a directory for listing, never through a symlink; "." for dirfd itself, which stays as it is. -errno. */
int directory_open(int dirfd, const char *name, DIR **ret);

/* The same with a descriptor of it, which is the DIR's from now on; it is closed when that fails. */
int directory_take(int fd, DIR **ret);

/* The next one that is neither "." nor ".."; NULL with errno 0 at the end, or with an error. */
struct dirent *directory_next(DIR *dir);

void directory_closep(DIR **dir);
#define _cleanup_directory_ __attribute__((cleanup(directory_closep)))
