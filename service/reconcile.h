/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * What is true is what systemd, the kernel and the store say, not what we remember. At start-up, and whenever systemd has reloaded:
 * asks systemd for the state of every unit of ours. Then, once, jobs that a restart interrupted go on, units of jobs that nobody knows
 * are stopped, and what a crash left on the disk is removed.
 */

/* Asks systemd how things stand; done(m) when that is known, or when systemd does not answer. */
int reconcile_units(Manager *m, void (*done)(Manager *m));

/* Makes a job that removes what belongs to nobody. Call once the units of unknown jobs are gone. */
void reconcile_files(Manager *m);
