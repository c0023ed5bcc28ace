/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the log tells of a fight: the lines with an event in front and long tags. Who, where and with what
 * comes from a random state, so that the same seed tells the same story. */
#pragma once

#include "player.h"

void combat_kill_common(Server *s, Player *p, uint64_t *random);
void combat_kill_special(
        Server *s, Player *p, uint64_t *random);               /* of the special infected that are there */
void combat_grab(Server *s, Player *victim, uint64_t *random); /* by a Smoker, if there is one */
void combat_incap(Server *s, Player *victim, uint64_t *random);
void combat_die(Server *s, Player *victim, uint64_t *random);
void combat_attack(Server *s, Player *p, uint64_t *random); /* by an infected player, of a survivor */
const char *combat_class(unsigned i);                       /* what a player of the infected is */
void combat_spawn(Server *s, uint64_t *random);             /* one more special infected, up to three */
