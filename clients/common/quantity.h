/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>

/* Rates and round trip times as people write them, tc's words among them. */

/* bit/s of "450M", "1.5Gbit", "64k", "unlimited" (0). Powers of 1000. */
gboolean quantity_parse_rate(const char *text, uint64_t *ret);

/* Microseconds of "100ms", "1s", "500us", "100" (ms), or tc-cake's words: "internet", "metro" ... */
gboolean quantity_parse_rtt(const char *text, uint64_t *ret);

char *quantity_format_rate(uint64_t bits); /* "450 Mbit/s", "unlimited" */
char *quantity_format_usec(uint64_t usec); /* "42us", "5ms", "1.2s" */
