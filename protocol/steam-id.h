/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The number of a Steam account, in the three ways it is written: STEAM_1:Y:Z (L4D2; elsewhere STEAM_0), [U:1:N] and the 64-bit number that
 * the web uses. N = 2 * Z + Y, and the 64-bit number is 76561197960265728 + N.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The 64-bit number of text of the first two kinds; false for anything else (BOT, STEAM_ID_PENDING), and for account 0. */
bool steam_id_parse(const char *text, uint64_t *ret);

/* As L4D2 writes it, STEAM_1:Y:Z; NULL for a number that is no player's account. Owned by the caller. */
char *steam_id_format(uint64_t id);

/* Whether text stands where servers write an account: one of the above, or a word for those without (BOT, Console, UNKNOWN, LOOPBACK, HLTV,
 * STEAM_ID_PENDING, STEAM_ID_LAN). */
bool steam_id_is_known_form(const char *text);
