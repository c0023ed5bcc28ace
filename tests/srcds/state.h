/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* left4dead2/logs/state.txt: key=value lines that tell a test what the server saw and executed. Replaced
 * by rename. */
#pragma once

#include "types.h"

void state_write(Server *s);
