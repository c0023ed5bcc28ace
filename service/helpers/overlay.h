/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What left4me-overlay does: the tree that a server or a build sees stands at runtime/ID/merged from
 * mount to unmount. */

#include <glib.h>

#include "roots.h"

/* In runtime/ID from before it is mounted until it is certain that no overlay with that upper layer lives
 * anywhere. An unmount says only that there is none in the host's namespace; a process in another one, or
 * a descriptor, could still write to every file in it. */
#define HELD_NAME "held"

int overlay_mount(const Roots *roots, const char *id, GError **error);
int overlay_unmount(const Roots *roots, const char *id, GError **error);
