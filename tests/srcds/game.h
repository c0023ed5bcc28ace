/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps and frames: what the game itself does. */
#pragma once

#include <stdbool.h>

#include "types.h"

void game_request_map(Server *s, const char *map, const char *mode, bool change);
void game_load_requested(Server *s);
const char *game_update_hibernation(Server *s);
