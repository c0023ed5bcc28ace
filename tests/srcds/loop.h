/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one loop that serves everything: console, timers, the game port, the remote console. */
#pragma once

#include "types.h"

int loop_run(Server *s); /* the exit code; negative errno when it cannot even begin */
