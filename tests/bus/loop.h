/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Waiting in a test: the main loop runs, the stand-ins and the clients do their work in it, until what is waited for is there. */

#include <glib.h>
#include <stdbool.h>

typedef bool (*Predicate)(void *data);

/* Runs the main loop until done(data); fails the test with a message that names what when that takes longer than the deadline. */
void loop_until(Predicate done, void *data, const char *what);

/* The same, but false when the deadline has passed. */
bool loop_try_until(Predicate done, void *data);

/* Dispatches what is ready now; waits for nothing. */
void loop_settle(void);
