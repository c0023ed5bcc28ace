/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * KeyValues, the text format of the Source engine: `"key" "value"` and `"key" { ... }`. Read from bytes that may come from anybody.
 *
 * Words are quoted (also over several lines) or bare; // comments to the end of the line; a condition such as [$X360] behind a key or a
 * value is skipped. Backslashes stay what they are: readers disagree about escapes. Tolerated: a byte order mark, UTF-16LE (with its
 * mark), CRLF, braces that are not closed at the end.
 *
 * Facts: developer.valvesoftware.com/wiki/KeyValues and /L4D2_Mission_Files; mission files of published campaigns.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

#define KEYVALUES_SIZE_MAX (1U << 20) /* bytes of text */
#define KEYVALUES_DEPTH_MAX 32U
#define KEYVALUES_NODES_MAX 65536U

typedef struct KeyValues {
        char *key;           /* valid UTF-8; "" for the root */
        char *value;         /* valid UTF-8; NULL for a block */
        GPtrArray *children; /* of KeyValues, in their order; NULL for a value */
} KeyValues;

void keyvalues_free(KeyValues *kv); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeyValues, keyvalues_free)

/*
 * *ret is a block whose children are those of the file, the caller's.
 * -EMSGSIZE: over one of the limits; -EBADMSG: a quote that is not closed, a key without a value, a brace too many, a NUL.
 */
int keyvalues_parse(const void *data, size_t size, KeyValues **ret);

/* The first child with this key, without regard to case, or NULL; also NULL when kv is NULL or a value. */
const KeyValues *keyvalues_get(const KeyValues *kv, const char *key);

/* The value of the first such child, or NULL when there is none or it is a block. */
const char *keyvalues_get_value(const KeyValues *kv, const char *key);
