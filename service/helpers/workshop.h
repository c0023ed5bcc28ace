/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One build of an overlay of the Workshop: asks, downloads, looks into what came, and leaves a manifest (protocol/workshop.h) in the overlay's
 * root, by which left4me-tree makes the version. */

#include <glib.h>
#include <stdio.h>

#include "workshop-order.h"

#define MANIFEST_NAME ".left4me-manifest"
#define ADDONS_DIRECTORY "left4dead2/addons"

/* cache and overlay are directories. out gets the lines of progress. Without news, where only those are wanted, there is no manifest.
 * 1: steamcmd is to fetch something first (wishes.h). */
int workshop_build(const WorkshopOrder *order, int cache, int overlay, FILE *out, GError **error);
