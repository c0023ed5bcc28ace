/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "jobfile.h"
#include "roots.h"

/* [Freeze], with Remade=, directories, and Removed=, files of other layers. */
#define FREEZE_REPORT "frozen"

/*
 * Copies what a server wrote, the upper layer of job->instance, to where a build leaves what it wrote, builds/N/upper: commit() then makes
 * a version of it, and checks it as it does a build's. The original stays as it is; its files are copied, not linked, since the server goes
 * on writing to them.
 *
 * Left out is what left4me itself put there (server.cfg and left4me.cfg), what is no file, directory or link, that files of other layers
 * were removed (a version holds files, not their absence), and, unless job->everything says otherwise, what a server makes by itself:
 * directories `logs`, `downloadlists` and `soundcache`; `*.log`, `*.cache`, `*.mdmp`, `*.dmp`, `*.tmp`, `core` and `core.*`. The log says
 * what that was.
 *
 * A directory that the server removed and made again joins with those of other layers, as nothing in a version says that it should hide
 * them. builds/N/FREEZE_REPORT has how many there are, for the manager, and the log which.
 */
int freeze(const Roots *roots, const JobFile *job, GError **error);

/* Whether it is something that a server makes by itself. name: the last part of its path. */
bool freeze_is_by_product(const char *name, bool directory);
