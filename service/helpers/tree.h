/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "roots.h"

/* Does what the job file /run/left4me/jobs/N/job of job `number` asks for. What is done already is
 * success, so each operation can be done again after a crash. */
int tree_run(const Roots *roots, const char *number, GError **error);
