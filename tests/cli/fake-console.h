/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fake.h"

/* The game server at the other end of what OpenConsole gives: answers commands by their first word. */

typedef struct {
        gboolean no_mirror;  /* sends no marker back */
        guint opened;        /* connections */
        GPtrArray *commands; /* as they came */
        GPtrArray *clients;
} FakeConsole;

/* Answers OpenConsole from now on; other calls are as they were. */
FakeConsole *fake_console_new(Fake *f);
void fake_console_free(FakeConsole *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeConsole, fake_console_free)

/* Ends all connections, as a change of the map does. */
void fake_console_drop(FakeConsole *c);
