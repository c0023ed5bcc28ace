/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>

/* A moment, see timespec.c. */
gboolean timespec_parse(const char *text, uint64_t now, uint64_t *ret_usec);

/* A moment to come: "+2h", "30min", a time of day (tomorrow's, when today's is past), or any other that is. */
gboolean timespec_parse_future(const char *text, uint64_t now, uint64_t *ret_usec);

/* A length of time: "1h 30min", "90s". */
gboolean timespec_parse_span(const char *text, uint64_t *ret_usec);
