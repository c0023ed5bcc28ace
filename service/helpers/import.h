/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdio.h>

#include "jobfile.h"

/* Unpacks the archive that comes through `archive` into job->directory of the tree `overlay` (both
 * descriptors stay the caller's). Tells its progress on `out`. */
int import(const JobFile *job, int archive, int overlay, FILE *out, GError **error);
