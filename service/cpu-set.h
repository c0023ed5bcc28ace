/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A set of CPUs, by number; a value, copied by assignment. Its text is the kernel's: "0-3,8". Pure, and shared by left4med and by the
 * one helper that is root.
 */

/* As many as the kernel can be built for. */
#define CPUS_MAX 8192U

typedef struct CpuSet {
        uint64_t words[CPUS_MAX / 64];
} CpuSet;

/* Out of a list as the kernel writes it, with or without an end of line; empty text is the empty set. -EINVAL: it is none; -ERANGE: a
 * number is too large. */
int cpu_set_parse(const char *text, CpuSet *ret);

/* The one way in which cpu_set_format() would write it, and not empty. Anything else is -EINVAL, -ERANGE. */
int cpu_set_parse_canonical(const char *text, CpuSet *ret);
char *cpu_set_format(const CpuSet *s);

bool cpu_set_has(const CpuSet *s, uint32_t cpu);
void cpu_set_add(CpuSet *s, uint32_t cpu); /* cpu < CPUS_MAX */
unsigned cpu_set_count(const CpuSet *s);
bool cpu_set_is_empty(const CpuSet *s);
bool cpu_set_equal(const CpuSet *a, const CpuSet *b);

/* The first CPU of the set that is at least from; CPUS_MAX for none. */
uint32_t cpu_set_next(const CpuSet *s, uint32_t from);

/* a becomes a and b, a or b, a without b. */
void cpu_set_keep(CpuSet *a, const CpuSet *b);
void cpu_set_join(CpuSet *a, const CpuSet *b);
void cpu_set_remove(CpuSet *a, const CpuSet *b);

/* As systemd's properties have it: bit n % 8 of byte n / 8 is CPU n. Returns how many bytes of the CPUS_MAX / 8 are used. */
size_t cpu_set_to_bytes(const CpuSet *s, uint8_t *bytes);

/* What lies beyond CPUS_MAX is no CPU. */
void cpu_set_from_bytes(const uint8_t *bytes, size_t size, CpuSet *ret);
