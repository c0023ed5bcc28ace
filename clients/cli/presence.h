/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/*
 * Whether left4med is there, for what goes on when it has started anew. Nothing here brings it back:
 * somebody may have stopped it on purpose.
 */

/* Its unique name on the bus, to be freed; NULL while it is not there. */
char *presence_owner(Cli *cli);

/* Whether the left4med of this unique name (NULL: none) has gone, or goes and answers no more. */
gboolean presence_is_lost(Cli *cli, const char *owner);

/* Waits for one, for as long as that takes. */
void presence_wait(Cli *cli);
