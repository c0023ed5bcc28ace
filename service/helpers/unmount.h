/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "roots.h"

/* Whether something is mounted on name in the directory dirfd. -ENOENT when there is no such directory. */
int is_mounted(int dirfd, const char *name);

/* Unmounts whatever is mounted on runtime/ID/name and below it, also several mounts on top of each other.
 * Returns how many there were on it. Of a busy one the error says who holds it; what we mounted inside of
 * it is gone then. */
int unmount_below(const Roots *roots, const char *id, const char *name, GError **error);
