/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the server tells of itself and its players when it is asked: status, stats, users. */
#pragma once

#include <stdint.h>

#include "types.h"

typedef struct CommandTable CommandTable;

#define PUBLIC_ADDRESS "203.0.113.66" /* what Steam would say; an address for documentation */

extern const CommandTable report_commands;
