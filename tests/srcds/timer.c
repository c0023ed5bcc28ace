/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdbool.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "timer.h"
#include "util.h"

static void settle(Timers *t) {
        struct itimerspec its = { 0 };
        uint64_t first = UINT64_MAX;

        for (TimerId i = 0; i < _TIMER_MAX; i++)
                if (t->timer[i].due_us && t->timer[i].due_us < first)
                        first = t->timer[i].due_us;
        if (first != UINT64_MAX) {
                its.it_value.tv_sec = (time_t) (first / 1000000);
                its.it_value.tv_nsec = (long) (first % 1000000) * 1000;
        }
        (void) timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &its, NULL);
}

int timers_init(Timers *t) {
        *t = (Timers){ .fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK) };
        return t->fd < 0 ? -errno : 0;
}

void timers_done(Timers *t) {
        if (t->fd >= 0)
                (void) close(t->fd);
        t->fd = -1;
}

void timer_arm(Timers *t, TimerId id, uint64_t after_us, uint64_t every_us, TimerCallback callback) {
        t->timer[id].due_us = now_us() + after_us;
        t->timer[id].every_us = every_us;
        t->timer[id].callback = callback;
        settle(t);
}

void timer_disarm(Timers *t, TimerId id) {
        t->timer[id].due_us = 0;
        settle(t);
}

void timers_dispatch(Timers *t, Server *s) {
        uint64_t expirations, now = now_us();

        (void) !read(t->fd, &expirations, sizeof(expirations));
        for (TimerId i = 0; i < _TIMER_MAX; i++) {
                if (t->timer[i].due_us == 0 || t->timer[i].due_us > now)
                        continue;
                t->late_us = now_us() - t->timer[i].due_us;
                t->missed = 0;
                if (t->timer[i].every_us == 0)
                        t->timer[i].due_us = 0;
                else {
                        /* A stalled server drops the frames it missed instead of running after them. */
                        t->missed = (now - t->timer[i].due_us) / t->timer[i].every_us;
                        t->timer[i].due_us += (1 + t->missed) * t->timer[i].every_us;
                }
                t->timer[i].callback(s);
        }
        settle(t);
}
