/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the game tree holds: maps that can be started, add-ons that are mounted. Read once at start, as
 * the engine does. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "campaign.h"

typedef struct Addon {
        char *file; /* below left4dead2/addons */
        bool enabled;
        bool broken;
        unsigned maps;
        unsigned missions;
} Addon;

typedef struct Content {
        char **maps; /* sorted, each once */
        size_t n_maps;
        Campaigns campaigns;
        Addon *addons; /* sorted by file */
        size_t n_addons;
        char version[32]; /* PatchVersion of steam.inf */
} Content;

void content_load(Content *c, const char *game);
void content_done(Content *c);
bool content_has_map(const Content *c, const char *map);
/* The chapter that follows, by the missions, else by name; around to the first one. */
const char *content_next_map(const Content *c, const char *map);
int content_write_addonlist(const Content *c, const char *game);

/* The names in a directory, sorted; NULL and 0 when it cannot be read. */
char **list_directory(const char *path, size_t *ret_n);
void free_strings(char **strings, size_t n);
