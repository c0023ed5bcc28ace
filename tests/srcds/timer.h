/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All deadlines of the server on one timerfd. None armed, no wake-up: that is how an empty server
 * hibernates. */
#pragma once

#include <stdint.h>

#include "types.h"

typedef enum TimerId {
        TIMER_TICK,
        TIMER_CRASH,
        TIMER_EXIT,
        TIMER_HANG,
        TIMER_FLOOD,
        TIMER_LEAK,
        TIMER_MAPCYCLE,
        TIMER_RCON,
        TIMER_SCHEDULE,
        TIMER_STALL,
        _TIMER_MAX,
} TimerId;

typedef void (*TimerCallback)(Server *s);

typedef struct Timers {
        int fd;
        uint64_t late_us; /* of the callback that is called */
        uint64_t missed;  /* how often it was due in that time */
        struct {
                uint64_t due_us;   /* 0: not armed */
                uint64_t every_us; /* 0: once */
                TimerCallback callback;
        } timer[_TIMER_MAX];
} Timers;

int timers_init(Timers *t);
void timers_done(Timers *t);
void timer_arm(Timers *t, TimerId id, uint64_t after_us, uint64_t every_us, TimerCallback callback);
void timer_disarm(Timers *t, TimerId id);
void timers_dispatch(Timers *t, Server *s);
