/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Says who keeps a file system busy, as far as the kernel lets us look: open files, current and root
 * directories, mapped files. */

#include <sys/types.h>

/* A text such as "process 812 (bash, current directory)", for the file system with that device number;
 * where somebody holds it whom we may not look at, how to find out for path. The caller frees it. */
char *holders_describe(dev_t dev, const char *path);

/* The same for an overlay that is mounted somewhere else, by the path of its upper layer: whose mount
 * namespace has it. */
char *holders_describe_upper(const char *upper);
