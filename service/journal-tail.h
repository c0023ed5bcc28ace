/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/* Why a unit failed, in its own words: waits (at most a second) until systemd's note of the failure has come to the journal, then
 * gives the last lines that the unit's latest run logged, joined by "; ". Empty when there are none. done is always called, later. */
int journal_tail_unit(
        Manager *m, const char *unit, void (*done)(const char *lines, void *userdata), void *userdata);
