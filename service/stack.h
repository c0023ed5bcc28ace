/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/* Which versions of which overlays lie below a server, topmost first. Pure. */
typedef struct Layer {
        char overlay[65];
        uint32_t version;
} Layer;

typedef GArray Stack; /* of Layer */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Stack, g_array_unref)

Stack *stack_new(void);
void stack_add(Stack *s, const char *overlay, uint32_t version);
bool stack_equal(const Stack *a, const Stack *b);

/* As left4me-overlay reads it: "overlay/version" a line. */
char *stack_render(const Stack *s);

/* The same read back; lines that are none are passed over. */
Stack *stack_from_text(const char *text);

/* The lower layers in the options that /proc/self/mountinfo shows for a stack which left4me-overlay mounted. */
Stack *stack_from_mount_options(const char *options);

/* The lower layers of all mounts, in the text of /proc/self/mountinfo. */
Stack *stack_from_mountinfo(const char *mountinfo);

/* Puts the mounts whose target begins with below into the table, target -> options. Takes the text of mountinfo apart. */
void stack_read_mountinfo(char *mountinfo, const char *below, GHashTable *table);
