/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* The options that create, configure and clone share, and the a{sv} that they become. */

typedef struct {
        char *port, *game;
        char **overlays, **hold, **let_go, **set, **unset, **lines;
        gboolean no_overlays, no_lines, autostart, no_autostart, update_when_empty, no_update_when_empty,
                open_rcon, close_rcon;
} Settings;

#define SETTINGS_ENTRIES 17

void settings_clear(Settings *s);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Settings, settings_clear)

void settings_entries(Settings *s, gboolean changes, GOptionEntry *ret_entries);
GVariant *settings_get(Cli *cli, const char *path, GError **error);
int settings_for_clone(Cli *cli, GVariant **settings, const char *name, const char *path);
/* "l4d2/1", a line for each layer that is held, out of settings or properties. */
char *settings_held_words(GVariant *dictionary);
/* "maps l4d2/1", topmost first: with the version where it is held. */
char *settings_stack_words(GVariant *dictionary);
GVariant *settings_build(Cli *cli, const Settings *s, gboolean changes);
/* Adds what is to be held. path: of the server that is changed or cloned, NULL for one that is not there yet. */
int settings_hold(Cli *cli, const Settings *s, const char *path, gboolean clone, GVariant **settings);
