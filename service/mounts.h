/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * What is mounted below /var/lib/left4me/runtime: read from the kernel, not remembered. The table is read once for all who ask, and again
 * only when the kernel says that it has changed.
 */

/* path: of mountinfo. below: the directory whose mounts count. */
int mounts_new(const char *path, const char *below, Mounts **ret);
Mounts *mounts_free(Mounts *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mounts, mounts_free)

/* The options of the file system that is mounted on target now, NULL for none; good until the next call. */
const char *mounts_find(Mounts *m, const char *target);
