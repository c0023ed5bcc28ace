/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>

/*
 * Figures in words for people; nothing here knows of terminals or the bus. Times are microseconds since
 * 1970.
 */

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)
#define USEC_PER_WEEK (7 * USEC_PER_DAY)

char *format_bytes(uint64_t bytes);
char *format_duration(uint64_t usec);
char *format_clock(uint64_t usec);
char *format_ago(uint64_t then, uint64_t now);
char *format_timestamp(uint64_t usec);
char *format_log_time(uint64_t usec);
char *format_date(uint64_t usec);
char *format_exit(const char *result, int status);
char *format_snake_case(const char *camel);
const char *format_state(const char *active, const char *sub);
