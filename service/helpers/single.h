/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Builds that change one path. Whatever links the tree has, nothing is reached through them. */

#include <glib.h>
#include <stdio.h>

#include "jobfile.h"

/* Writes what comes through `upload` as the file job->path of the tree `overlay` (both descriptors stay the caller's), over
 * whatever file or link stands there. Tells its progress on `out`. */
int put_file(const JobFile *job, int upload, int overlay, FILE *out, GError **error);

/* Removes job->path: a file, a link, or a directory with all that is in it. */
int remove_file(const JobFile *job, int overlay, GError **error);
