/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Builds that change single paths. Whatever links the tree has, nothing is reached through them. */

#include <glib.h>
#include <stdio.h>

#include "jobfile.h"

/* Writes what comes through `upload` as the file job->path of the tree `overlay` (both descriptors stay the caller's), over
 * whatever file or link stands there. Tells its progress on `out`. */
int put_file(const JobFile *job, int upload, int overlay, FILE *out, GError **error);

/* Removes job->paths: files, links, directories with all that is in them; all of them, or none if one is not there. */
int remove_files(const JobFile *job, int overlay, GError **error);
