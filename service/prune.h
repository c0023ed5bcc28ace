/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * Old versions go. An overlay keeps its newest ones, the current one, and those that somebody still looks at: a mount, a server
 * that is about to mount the stack which was written for it, a comparison under way. So this is to be called when a version was
 * made, another one became current, fewer are to be kept, or somebody looks no longer. The store forgets a version first, then a
 * job removes its files: what a crash leaves of it is found by name at the next start.
 */

void prune_now(Manager *m);

/* The same, when all that happens in this turn of the loop has happened. */
void prune_later(Manager *m);

/* Whether somebody looks at any version of it. */
bool prune_holds(const Overlay *o);

/* A job that removed files failed: what lies about of versions and builds is looked for at the next occasion, when a version comes or
 * goes or a job on an overlay ends. */
void prune_failed(Manager *m);

/* A step for the files of each version that the store does not know; not of overlays that a job works on. */
void prune_add_strays(Manager *m, GPtrArray *steps);
