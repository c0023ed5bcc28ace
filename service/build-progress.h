/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * What a build says of how far it is: lines "@progress 42 text" on its output, a number from 0 to 100 or -1 for not known. Builds are
 * hostile: the text is bounded and cleaned, however many lines there are they cost a bounded time at once, and what others hear is
 * four changes a second.
 */

typedef struct BuildProgress BuildProgress;

/* Follows what the unit logs from now on. Progress is a comfort: NULL, and the build goes on, when the journal cannot be read. */
BuildProgress *build_progress_new(Job *j, const char *unit);
BuildProgress *build_progress_free(BuildProgress *p);

/* Whether the line is one of these. ret_fraction: 0 to 1, or -1; ret_text: the caller's. */
bool progress_line_parse(const char *line, double *ret_fraction, char **ret_text);
