/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * What is to happen to a running server when nobody plays on it any more: a stop or a restart, at a deadline in any case. A server counts
 * as empty when two witnesses say so at the same time, its remote console (`status`) and what it has printed (presence.h); one that does
 * not answer is never empty. An intent ends with the next stop or start of the server, whoever asks for it.
 */

#define INTENT_ANNOUNCEMENTS_MAX 16U
#define INTENT_DEADLINE_MAX (30 * G_TIME_SPAN_DAY)

/* What a user asks for, and what the store keeps. */
typedef struct IntentPlan {
        bool restart;      /* else stop */
        uint64_t deadline; /* usec since the epoch; 0 for none: only when it is empty */
        uint64_t announcements
                [INTENT_ANNOUNCEMENTS_MAX]; /* seconds before the deadline, the earliest (largest) first */
        unsigned n_announcements;
        uint64_t asked;  /* usec */
        char acting[33]; /* the run (invocation) whose stop has been asked for, "" for none yet */
} IntentPlan;

typedef struct Intent Intent;

/* Checks a plan against the time now, and puts its announcements in order. -EINVAL with *ret_why. */
int intent_plan_check(IntentPlan *plan, uint64_t now, char **ret_why);

/* The announcement at `left` seconds before the deadline, as a command for the server's console. Owned by the caller. */
char *intent_announcement(bool restart, uint64_t left);

/* Replaces the intent of a server that runs. Errors: InstanceNotRunning, Busy, NoSpace. */
int intent_set(Instance *i, const IntentPlan *plan, sd_bus_error *error);

/* Errors: NoSuchIntent, also for the one that follows from UpdateWhenEmpty; Busy, when it is being carried out. */
int intent_cancel(Instance *i, sd_bus_error *error);

/* Something about the server or its settings changed: an intent may have ended, or come from UpdateWhenEmpty. */
void intent_refresh(Instance *i);

/* A stop or start by left4med has ended well. */
void intent_fulfilled(Instance *i);

/* Takes over what the store has kept. */
void intent_load(Instance *i, const IntentPlan *plan);

Intent *intent_free(Intent *t);

/* For the property: NULL when there is none. by_policy: from UpdateWhenEmpty. waits_for: a sentence. */
const IntentPlan *intent_plan(const Instance *i, bool *ret_by_policy, const char **ret_waits_for);
