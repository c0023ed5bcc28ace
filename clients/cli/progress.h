/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/*
 * The last lines on the terminal, which change in place. Where there is no terminal, or with --quiet,
 * nothing is shown.
 */

typedef struct Progress Progress;

typedef struct {
        char *text;
        Style style;
} ProgressLine;

Progress *progress_new(Cli *cli);
Progress *progress_free(Progress *p);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Progress, progress_free)

gboolean progress_active(const Progress *p);
void progress_show(Progress *p, const ProgressLine *lines, unsigned n);
void progress_clear(Progress *p);
void progress_end(Progress *p, const ProgressLine *lines, unsigned n);
char *progress_bar(unsigned columns, const char *label, double fraction, const char *details);
