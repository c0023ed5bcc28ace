/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A stand-in for polkit: the test says what each action gets, and sees what was asked. */

#include <gio/gio.h>
#include <stdbool.h>

typedef struct Polkit Polkit;

typedef enum PolkitVerdict {
        POLKIT_ALLOW,
        POLKIT_DENY,
        POLKIT_CHALLENGE, /* allowed after a password, which nobody can be asked for when interaction is not allowed */
        POLKIT_HOLD, /* the agent's dialog stands open until polkit_answer() */
} PolkitVerdict;

typedef struct PolkitCheck {
        char *action;
        char *subject; /* unique bus name of the caller */
        GVariant *details;
        guint32 flags;
        char *cancellation;
        GDBusMethodInvocation *call; /* not answered yet */
        bool cancelled;
} PolkitCheck;

/* Everything is allowed at first. */
Polkit *polkit_new(const char *bus_address);
void polkit_free(Polkit *p);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Polkit, polkit_free)

/* action NULL: every action. */
void polkit_set(Polkit *p, const char *action, PolkitVerdict verdict);
void polkit_vanish(Polkit *p);
void polkit_return(Polkit *p);
/* The process ends, with whatever it has not answered yet; for good. */
void polkit_disconnect(Polkit *p);

/* PolkitCheck, oldest first. */
GPtrArray *polkit_checks(Polkit *p);
PolkitCheck *polkit_last(Polkit *p);
void polkit_forget(Polkit *p);
const char *polkit_detail(const PolkitCheck *check, const char *key);

/* How many are not answered yet. */
guint polkit_held(Polkit *p);
/* Runs the main loop until so many checks are held. */
void polkit_wait_held(Polkit *p, guint count);
/* Answers all that are held. */
void polkit_answer(Polkit *p, bool allow);
