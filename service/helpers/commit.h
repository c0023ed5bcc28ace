/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "jobfile.h"
#include "roots.h"

/* Makes what a build left into a version of its overlay. builds/N/result (a key file, group Version) says
 * how it ended: Changed=false, and there is no new version, or Changed=true with Size= and Files=; then
 * overlays/NAME/versions/V is there, and beside it V.info with the same and when it was made. Cut off at
 * any point, it is completed by calling it again. */
int commit(const Roots *roots, const JobFile *job, GError **error);
