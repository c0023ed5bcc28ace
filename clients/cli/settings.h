/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* The options that create, configure and clone share, and the a{sv} that they become. */

typedef struct {
        char *port, *game;
        char **overlays, **set, **unset, **lines;
        gboolean no_overlays, no_lines, autostart, no_autostart, update_when_empty, no_update_when_empty,
                open_rcon, close_rcon;
} Settings;

#define SETTINGS_ENTRIES 15

void settings_clear(Settings *s);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Settings, settings_clear)

void settings_entries(Settings *s, gboolean changes, GOptionEntry *ret_entries);
GVariant *settings_get(Cli *cli, const char *path, GError **error);
int settings_for_clone(Cli *cli, GVariant **settings, const char *name, const char *path);
GVariant *settings_build(Cli *cli, const Settings *s, gboolean changes);
