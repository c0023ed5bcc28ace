/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/job.h"
#include "service/types.h"

/*
 * What the host must have for a build to begin, and to go on: a firewall that keeps it from the host's own addresses, and space that stays
 * free for everybody else. Uploads and freezes need no firewall, they have no network; what only removes files needs no space.
 */

/* When a build is asked for, before anything is made. Errors: NoFirewall, NoSpace. */
int build_needs_check(Manager *m, JobKind kind, sd_bus_error *error);

/* Whether there is more space than what is reserved; -ENOSPC, and why not. What cannot be asked for keeps nobody from building. */
int build_needs_space(Manager *m, char **ret_why);

/* When it begins, after its time in the queue: calls done as soon as it may, or with why not. r == -ECANCELED: left4med ends, and the
 * build is gone already. */
typedef void (*BuildNeedsDone)(int r, const char *why, void *userdata);
void build_needs_settle(Manager *m, JobKind kind, BuildNeedsDone done, void *userdata);

/* While it runs: calls low when there is too little space, and again as long as that is so. NULL for a build that needs none. */
typedef struct SpaceWatch SpaceWatch;
typedef void (*SpaceLow)(const char *why, void *userdata);
int space_watch_new(Manager *m, JobKind kind, SpaceLow low, void *userdata, SpaceWatch **ret);
SpaceWatch *space_watch_free(SpaceWatch *w);
