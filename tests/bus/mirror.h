/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a client knows that asks once and then only listens: the objects of left4me with their properties, kept by signals alone.
 * Every test ends with the question whether that is still the truth. The mirror is also how tests wait for a change. */

#include <gio/gio.h>
#include <stdbool.h>

#include "loop.h"

typedef struct Mirror Mirror;

/* A signal that came, for tests of order and number. */
typedef struct MirrorSignal {
        char *path;
        char *interface; /* of PropertiesChanged: the interface whose properties changed */
        char *member;
        GVariant *body;
        gint64 when;
} MirrorSignal;

Mirror *mirror_new(GDBusConnection *bus);
void mirror_free(Mirror *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mirror, mirror_free)

/* Unique name of left4med, NULL while it is not there; ready: and the picture is there. */
const char *mirror_owner(Mirror *m);
bool mirror_is_ready(Mirror *m);

/* The value, or NULL; owned by the mirror until the next signal. */
GVariant *mirror_get(Mirror *m, const char *path, const char *interface, const char *property);
bool mirror_has(Mirror *m, const char *path);

/* Waits for a property to have a value, written as GVariant text, and for an object to come or go. */
void mirror_wait(
        Mirror *m, const char *path, const char *interface, const char *property, const char *value);
void mirror_wait_object(Mirror *m, const char *path, bool there);

/* Waits until this string property is one of the words that come last, ended by NULL; returns which. */
const char *mirror_wait_word(
        Mirror *m, const char *path, const char *interface, const char *property, const char *const *words);

/* All signals since the beginning, or the last mirror_forget_signals(). */
GPtrArray *mirror_signals(Mirror *m);
void mirror_forget_signals(Mirror *m);
/* Fails with the list of them if there are any. */
void mirror_expect_silence(Mirror *m);

/* Rules that signals broke ("a const property changed"), and whether the picture equals what GetManagedObjects says. */
void mirror_check(Mirror *m);

/* Fails with the lines that only one of two such texts has. */
void mirror_compare(const char *a, const char *b);

/* One line per property, sorted. */
char *mirror_print(Mirror *m);
char *mirror_print_managed(GVariant *reply);
