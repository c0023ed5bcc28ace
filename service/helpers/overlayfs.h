/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "names.h"
#include "roots.h"

/* Makes an overlay of what the stack and the id name, and returns it as a mount that is attached nowhere
 * yet. `layers` holds Layer, topmost first. Every layer is looked at before: the error names the one that
 * is missing. */
int overlayfs_make(const Roots *roots, const MountId *id, const GArray *layers, GError **error);
