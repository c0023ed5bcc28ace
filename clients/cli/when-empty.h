/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* The options of stop and restart that put it off until nobody plays. */
typedef struct {
        gboolean when_empty;
        char *deadline;
        char *announce;
} WhenEmpty;

#define WHEN_EMPTY_ENTRIES 3

void when_empty_entries(WhenEmpty *w, GOptionEntry *ret_entries);
void when_empty_clear(WhenEmpty *w);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(WhenEmpty, when_empty_clear)

/* The arguments of StopWhenEmpty(), floating; NULL when the command line is wrong (and that was said). */
GVariant *when_empty_build(Cli *cli, const WhenEmpty *w, gboolean restart);

/* The property Intents as words for people, NULL when nothing is to happen. */
char *when_empty_words(GVariant *properties);
