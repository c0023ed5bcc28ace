/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The stack file: one lower layer a line, topmost first, as `overlay/version`. */

#include <glib.h>
#include <stdint.h>

#define STACK_LAYERS_MAX 500U /* the kernel's limit too */
#define STACK_SIZE_MAX (64U * 1024U)

typedef struct Layer {
        char overlay[65];
        uint32_t version;
} Layer;

/* Parses text (size bytes, which may hold NULs) into an array of Layer, maybe empty. Refuses with the
 * number of the line. */
int stack_parse(const char *text, size_t size, GArray **ret, GError **error);
