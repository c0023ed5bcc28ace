/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

/*
 * Which CPUs are whose, as systemd keeps it: AllowedCPUs= of the slices, in drop-ins below /etc/systemd/system.control. All of them are
 * changed, or none: what they were before is noted in the folder first, and set back when a change fails, or was killed.
 */

#define CPUS_RUN_DIR "/run/left4me-cpus"

/* Gives the CPUs of a list ("0,4-5", nothing else is taken) to the system and all others to the games; "clear": all to everybody. root:
 * before /sys and /run. */
int cpus_apply(const char *root, const char *list, GError **error);

/* Sets back what an apply that did not come to its end has left. */
int cpus_settle(const char *root, GError **error);
