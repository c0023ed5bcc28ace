/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the manager generates for a server, and how it gets to where the server sees it: as read-only
 * mounts of the manager's own files, so that nothing in the merged tree can take their place. */

#include <glib.h>

#include "roots.h"

#define GENERATED_DIR "left4dead2/cfg"
static const char *const generated_files[] = { "server.cfg", "left4me.cfg" };

/* Makes room: opens left4dead2/cfg in the merged tree (making what is missing), and clears whatever
 * stands at the names above if it is not a plain file that can be mounted over. Returns the directory,
 * open. */
int generated_prepare(int merged, const char *name, GError **error);

/* Mounts the files of instances/NAME in the directory cfg, which must be in an attached mount by now. */
int generated_attach(const Roots *roots, const char *name, int cfg, GError **error);

/* Copies instances/NAME/argv to runtime/ID/argv. */
int generated_copy_argv(const Roots *roots, const char *name, int runtime, GError **error);

/* Mounts the directory /run/left4me/jobs/N read-only on runtime/ID/job. */
int generated_attach_job(const Roots *roots, const char *number, int runtime, GError **error);
