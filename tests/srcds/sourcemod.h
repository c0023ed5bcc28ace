/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a server with Metamod and SourceMod says, when the tree has them: enough to see that they are there.
 * Each plugin brings a cvar with its version, which makes the answer to queries for rules a long one. */
#pragma once

#include "types.h"

typedef struct CommandTable CommandTable;

typedef struct Sourcemod {
        char **plugins; /* the files in addons/sourcemod/plugins */
        size_t n;
} Sourcemod;

extern const CommandTable sourcemod_commands;

void sourcemod_load(Server *s);
void sourcemod_done(Sourcemod *m);
