/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Builds by a bash script of the user's. */

#include <glib.h>

#include "jobfile.h"

/* Runs the file `script` of the directory at path with bash, in the tree `overlay` (which stays the caller's), and waits for it.
 * What it prints goes where this process's output goes. Fails when the script does; then *ret_status is its exit status, 128+n
 * when signal n ended it. */
int script_run(const JobFile *job, const char *path, int overlay, int *ret_status, GError **error);
