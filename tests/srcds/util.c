/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "util.h"

void util_freep(void *p) {
        free(*(void **) p);
}

void util_fclosep(FILE **f) {
        if (*f)
                (void) fclose(*f);
}

void *xrealloc(void *p, size_t size) {
        void *q = realloc(p, size);

        if (!q)
                abort();
        return q;
}

char *xstrndup(const char *s, size_t n) {
        char *t = strndup(s, n);

        if (!t)
                abort();
        return t;
}

char *xstrdup(const char *s) {
        return xstrndup(s, strlen(s));
}

static uint64_t clock_us(clockid_t id) {
        struct timespec ts;

        (void) clock_gettime(id, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

uint64_t now_us(void) {
        return clock_us(CLOCK_MONOTONIC);
}

uint64_t cpu_us(void) {
        return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t now_ms(void) {
        return now_us() / 1000;
}

uint64_t random_next(uint64_t *state) {
        uint64_t z = *state += 0x9e3779b97f4a7c15;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
}

uint64_t random_between(uint64_t *state, uint64_t low, uint64_t high) {
        return low + random_next(state) % (high - low + 1);
}

uint64_t fnv1a(const void *data, size_t size) {
        const uint8_t *p = data;
        uint64_t h = 0xcbf29ce484222325;

        for (size_t i = 0; i < size; i++)
                h = (h ^ p[i]) * 0x100000001b3;
        return h;
}

char *read_file(const char *path, size_t max, size_t *ret_size) {
        _cleanup_fclose_ FILE *f = fopen(path, "re");
        _cleanup_free_ char *buf = NULL;
        size_t size = 0;
        char *out;

        if (!f)
                return NULL;

        for (;;) {
                size_t n;

                buf = xrealloc(buf, size + 4096 + 1);
                n = fread(buf + size, 1, 4096, f);
                size += n;
                if (size > max) {
                        errno = EFBIG;
                        return NULL;
                }
                if (n < 4096)
                        break;
        }
        if (ferror(f))
                return NULL;

        buf[size] = '\0';
        if (ret_size)
                *ret_size = size;
        out = buf;
        buf = NULL;
        return out;
}

bool has_suffix(const char *s, const char *suffix) {
        size_t n = strlen(s), m = strlen(suffix);

        return n > m && strcasecmp(s + n - m, suffix) == 0;
}

bool parse_uint(const char *s, unsigned long max, unsigned long *ret) {
        unsigned long v;
        char *end;

        if (*s < '0' || *s > '9')
                return false;
        errno = 0;
        v = strtoul(s, &end, 10);
        if (errno || *end || v > max)
                return false;
        *ret = v;
        return true;
}
