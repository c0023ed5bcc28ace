/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

#include "cli.h"

/* One object in full: a heading, and below it what is known, keys right-aligned before a colon. */

void card_heading(Cli *cli, Style style, const char *heading);
void card_line(Cli *cli, const char *key, const char *value);
void card_time(Cli *cli, const char *key, uint64_t usec);
void card_line_styled(Cli *cli, const char *key, const char *value, Style style);
