/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/* Why a unit failed, in its own words: waits (at most a second) until systemd's note of the failure has come to the journal, then
 * gives the last lines that the unit's latest run logged, joined by "; ". Of a unit that said nothing: which one failed, how, and what
 * to look at; so it is never empty. done is always called, later, unless this fails. */
int journal_tail_unit(
        Manager *m, const Unit *u, void (*done)(const char *why, void *userdata), void *userdata);
