/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/wire.h"

static bool read_number(Wire *w, size_t size, uint64_t *ret) {
        uint64_t value = 0;

        if (w->left < size)
                return false;

        for (size_t i = 0; i < size; i++)
                value |= (uint64_t) w->p[i] << (8 * i);
        w->p += size;
        w->left -= size;
        *ret = value;
        return true;
}

bool wire_read_u8(Wire *w, uint8_t *ret) {
        uint64_t value;

        if (!read_number(w, sizeof(*ret), &value))
                return false;
        *ret = (uint8_t) value;
        return true;
}

bool wire_read_u16(Wire *w, uint16_t *ret) {
        uint64_t value;

        if (!read_number(w, sizeof(*ret), &value))
                return false;
        *ret = (uint16_t) value;
        return true;
}

bool wire_read_u32(Wire *w, uint32_t *ret) {
        uint64_t value;

        if (!read_number(w, sizeof(*ret), &value))
                return false;
        *ret = (uint32_t) value;
        return true;
}

bool wire_read_u64(Wire *w, uint64_t *ret) {
        return read_number(w, sizeof(*ret), ret);
}

bool wire_read_string(Wire *w, const char **ret) {
        const uint8_t *end = w->left > 0 ? memchr(w->p, '\0', w->left) : NULL;

        if (!end)
                return false;

        *ret = (const char *) w->p;
        w->left -= (size_t) (end + 1 - w->p);
        w->p = end + 1;
        return true;
}

bool wire_read_text(Wire *w, char **ret) {
        const char *text = (const char *) w->p;
        size_t size;

        if (w->left == 0)
                return false;

        size = strnlen(text, w->left);
        *ret = g_utf8_make_valid(text, (gssize) size);
        if (size < w->left)
                size++;
        w->p += size;
        w->left -= size;
        return true;
}

static void append_number(GByteArray *out, uint64_t value, size_t size) {
        guint8 bytes[sizeof(value)];

        for (size_t i = 0; i < size; i++)
                bytes[i] = (guint8) (value >> (8 * i));
        g_byte_array_append(out, bytes, (guint) size);
}

void wire_append_u8(GByteArray *out, uint8_t value) {
        append_number(out, value, sizeof(value));
}

void wire_append_u16(GByteArray *out, uint16_t value) {
        append_number(out, value, sizeof(value));
}

void wire_append_u32(GByteArray *out, uint32_t value) {
        append_number(out, value, sizeof(value));
}

void wire_append_u64(GByteArray *out, uint64_t value) {
        append_number(out, value, sizeof(value));
}

void wire_append_string(GByteArray *out, const char *text) {
        if (!text)
                text = "";
        g_byte_array_append(out, (const guint8 *) text, (guint) strlen(text) + 1);
}
