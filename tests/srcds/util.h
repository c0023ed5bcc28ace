/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The few helpers that the stand-in shares. It links nothing but libc and GLib, which the codecs of
 * protocol/ bring, so that its binary runs in any sandbox. The probe makes do with libc. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))
#define _cleanup_free_ __attribute__((cleanup(util_freep)))
#define _cleanup_fclose_ __attribute__((cleanup(util_fclosep)))

#define PATH_LEN 512 /* all names here are relative to the tree and short */

void util_freep(void *p);
void util_fclosep(FILE **f);

/* Aborts when memory is out: nothing here could go on, and a test must not see half a server. */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
void *xrealloc(void *p, size_t size);

uint64_t now_ms(void); /* monotonic */
uint64_t now_us(void);
uint64_t cpu_us(void);                 /* of this thread */
uint64_t random_next(uint64_t *state); /* the same numbers for the same state, everywhere */
uint64_t random_between(uint64_t *state, uint64_t low, uint64_t high); /* both included */
uint64_t fnv1a(const void *data, size_t size);

/* The whole file with a NUL behind it, or NULL with errno. Nothing larger than `max` (EFBIG). */
char *read_file(const char *path, size_t max, size_t *ret_size);
bool has_suffix(const char *s, const char *suffix);
bool parse_uint(const char *s, unsigned long max, unsigned long *ret);
