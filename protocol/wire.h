/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Little-endian numbers and NUL-ended strings, read from bytes with an end and appended to an array. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Wire {
        const uint8_t *p;
        size_t left;
} Wire;

/* Each returns false, with nothing taken, when there are too few bytes left. */
bool wire_read_u8(Wire *w, uint8_t *ret);
bool wire_read_u16(Wire *w, uint16_t *ret);
bool wire_read_u32(Wire *w, uint32_t *ret);
bool wire_read_u64(Wire *w, uint64_t *ret);

/* The bytes up to the next NUL, which is taken too; false without one. *ret points into the bytes and is ended by that NUL. */
bool wire_read_string(Wire *w, const char **ret);

/* The same as valid UTF-8, owned by the caller. What has no NUL at its end ends with the bytes; false when none are left. */
bool wire_read_text(Wire *w, char **ret);

void wire_append_u8(GByteArray *out, uint8_t value);
void wire_append_u16(GByteArray *out, uint16_t value);
void wire_append_u32(GByteArray *out, uint32_t value);
void wire_append_u64(GByteArray *out, uint64_t value);
void wire_append_string(GByteArray *out, const char *text); /* NULL as "" */
