/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading a NUL-ended line from left to right. What does not fit is not taken. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Goes on behind text, if it stands at *p. */
bool scan_text(const char **p, const char *text);

/* Goes on behind a decimal number of digits only, at most max; not if more digits stand there. */
bool scan_number(const char **p, uint64_t max, uint64_t *ret);

/* Goes on behind blanks and tabs, if any. */
void scan_blanks(const char **p);

/* A token that is all a decimal number, at most max. */
bool number_from_text(const char *text, uint64_t max, uint64_t *ret);

/* Whether line begins as the lines of a server's log do, "L 05/19/2026 - 18:20:01: ": they can stand among the lines of an answer. */
bool is_log_line(const char *line);
