/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "log.h"

typedef struct CommandTable CommandTable;

extern const CommandTable logaddress_commands;

void logaddress_send(const Log *l, CvarTable *cvars, const char *line);
