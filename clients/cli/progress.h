/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/*
 * A last line on the terminal that changes in place. Where there is no terminal, or with --quiet, nothing
 * is shown.
 */

typedef struct Progress Progress;

Progress *progress_new(Cli *cli);
Progress *progress_free(Progress *p);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Progress, progress_free)

void progress_show(Progress *p, const char *line);
void progress_clear(Progress *p);
char *progress_bar(unsigned columns, const char *label, double fraction, const char *details);
