/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* That items can be given to an overlay of that kind, and look like some. */
int items_check(Cli *cli, const char *kind, char *const *items);

/* Sets the items of an overlay of the Workshop. */
int items_set(Cli *cli, const char *overlay, const char *const *items);
