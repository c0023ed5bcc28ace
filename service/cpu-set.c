/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/cpu-set.h"

/* Steps over a number without sign, blanks or needless zeros. */
static int read_number(const char **text, uint32_t *ret) {
        const char *p = *text;
        uint32_t n = 0;

        if (!g_ascii_isdigit(*p) || (*p == '0' && g_ascii_isdigit(p[1])))
                return -EINVAL;

        for (; g_ascii_isdigit(*p); p++) {
                n = n * 10 + (uint32_t) (*p - '0');
                if (n >= CPUS_MAX)
                        return -ERANGE;
        }

        *text = p;
        *ret = n;
        return 0;
}

int cpu_set_parse(const char *text, CpuSet *ret) {
        CpuSet s = { 0 };
        int r;

        if (*text == '\0' || g_str_equal(text, "\n")) {
                *ret = s;
                return 0;
        }

        for (;;) {
                uint32_t first, last;

                r = read_number(&text, &first);
                if (r < 0)
                        return r;

                last = first;
                if (*text == '-') {
                        text++;
                        r = read_number(&text, &last);
                        if (r < 0)
                                return r;
                }
                if (last < first)
                        return -EINVAL;

                for (uint32_t cpu = first; cpu <= last; cpu++)
                        cpu_set_add(&s, cpu);

                if (*text == '\0' || g_str_equal(text, "\n"))
                        break;
                if (*text++ != ',')
                        return -EINVAL;
        }

        *ret = s;
        return 0;
}

int cpu_set_parse_canonical(const char *text, CpuSet *ret) {
        g_autofree char *again = NULL;
        CpuSet s;
        int r;

        r = cpu_set_parse(text, &s);
        if (r < 0)
                return r;

        again = cpu_set_format(&s);
        if (*text == '\0' || !g_str_equal(text, again))
                return -EINVAL;

        *ret = s;
        return 0;
}

char *cpu_set_format(const CpuSet *s) {
        GString *text = g_string_new(NULL);
        uint32_t last;

        for (uint32_t cpu = cpu_set_next(s, 0); cpu < CPUS_MAX; cpu = cpu_set_next(s, last + 1)) {
                last = cpu;
                while (cpu_set_has(s, last + 1))
                        last++;

                g_string_append_printf(text, "%s%u", text->len > 0 ? "," : "", cpu);
                if (last > cpu)
                        g_string_append_printf(text, "-%u", last);
        }

        return g_string_free(text, FALSE);
}

bool cpu_set_has(const CpuSet *s, uint32_t cpu) {
        return cpu < CPUS_MAX && s->words[cpu / 64] >> cpu % 64 & 1;
}

void cpu_set_add(CpuSet *s, uint32_t cpu) {
        s->words[cpu / 64] |= UINT64_C(1) << cpu % 64;
}

unsigned cpu_set_count(const CpuSet *s) {
        unsigned n = 0;

        for (size_t k = 0; k < G_N_ELEMENTS(s->words); k++)
                n += (unsigned) __builtin_popcountll(s->words[k]);

        return n;
}

bool cpu_set_is_empty(const CpuSet *s) {
        return cpu_set_next(s, 0) == CPUS_MAX;
}

bool cpu_set_equal(const CpuSet *a, const CpuSet *b) {
        return memcmp(a, b, sizeof(*a)) == 0;
}

uint32_t cpu_set_next(const CpuSet *s, uint32_t from) {
        for (uint32_t cpu = from; cpu < CPUS_MAX; cpu = (cpu / 64 + 1) * 64) {
                uint64_t rest = s->words[cpu / 64] >> cpu % 64;

                if (rest)
                        return cpu + (uint32_t) __builtin_ctzll(rest);
        }

        return CPUS_MAX;
}

void cpu_set_keep(CpuSet *a, const CpuSet *b) {
        for (size_t k = 0; k < G_N_ELEMENTS(a->words); k++)
                a->words[k] &= b->words[k];
}

void cpu_set_join(CpuSet *a, const CpuSet *b) {
        for (size_t k = 0; k < G_N_ELEMENTS(a->words); k++)
                a->words[k] |= b->words[k];
}

void cpu_set_remove(CpuSet *a, const CpuSet *b) {
        for (size_t k = 0; k < G_N_ELEMENTS(a->words); k++)
                a->words[k] &= ~b->words[k];
}

size_t cpu_set_to_bytes(const CpuSet *s, uint8_t *bytes) {
        size_t used = 0;

        for (size_t k = 0; k < CPUS_MAX / 8; k++) {
                bytes[k] = (uint8_t) (s->words[k / 8] >> k % 8 * 8);
                if (bytes[k])
                        used = k + 1;
        }

        return used;
}

void cpu_set_from_bytes(const uint8_t *bytes, size_t size, CpuSet *ret) {
        CpuSet s = { 0 };

        for (size_t k = 0; k < MIN(size, CPUS_MAX / 8); k++)
                s.words[k / 8] |= (uint64_t) bytes[k] << k % 8 * 8;

        *ret = s;
}
