/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the helpers fail and speak. A function that fails sets a GError, whose text says what to do, and
 * returns a negative errno; only main() prints it. What is printed is one line on stderr with the
 * priority that the journal takes from its `<N>`. */

#include <glib.h>

#define HELPER_ERROR (helper_error_quark())
GQuark helper_error_quark(void);

/* Sets an error with err (a positive errno) as its code, and returns -err. */
int fail(GError **error, int err, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* The same with «: » and what err means behind the text. */
int fail_errno(GError **error, int err, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Prints one line. Names come from archives and games: whatever could end or colour a line becomes a
 * question mark. */
void say(int priority, const char *format, ...) G_GNUC_PRINTF(2, 3);
