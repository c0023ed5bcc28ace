/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* Sets the source of a script overlay: from a file, - for standard input, or by the user's editor when from is NULL. Then builds it, if
 * he wants that. */
int source_edit(Cli *cli, const char *overlay, const char *from, gboolean build);

/* Reads a script from a file, - for standard input: text of a size that a script may have. */
int source_read(Cli *cli, const char *file, GString *text);
