/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The players' doings, drawn from a seed: who they are, when they come, what they say, whom they kill, when
 * they die and leave. The same seed, numbers and commands give the same lines in the same order, however
 * fast it runs: each player has a random state of its own and everything happens on the schedule's clock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "player.h"

typedef enum Step {
        STEP_CONNECT,
        STEP_VALIDATE,
        STEP_ENTER,
        STEP_JOIN,
        STEP_PLAY,
} Step;

/* One who plays here again and again. */
typedef struct Persona {
        uint64_t random;
        uint64_t due_ms;   /* on the schedule's clock */
        uint64_t leave_ms; /* the end of this visit */
        Step step;
        unsigned userid; /* of this visit */
        bool renamed;
} Persona;

typedef struct Schedule {
        uint64_t seed;
        unsigned wanted; /* personas that come; 0: nobody does */
        bool stay;       /* once here they do not leave */
        bool chapters;   /* they play through the campaign */
        double speed;

        uint64_t clock_ms; /* of the schedule, at `real_ms` */
        uint64_t real_ms;
        Persona personas[PLAYERS_MAX];

        uint64_t director; /* its random state */
        uint64_t director_ms;
        uint64_t chapter_ms; /* the end of this map; 0: not known yet */
} Schedule;

extern const CommandTable schedule_commands;

void schedule_init(Schedule *h);
void schedule_settle(Server *s); /* after a map start, and after anything that changed it */
