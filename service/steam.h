/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * What only an overlay of kind "steam" has: which app of Steam's it holds, and what the newest build of that is. A version's label is
 * its build ("build 19000000", with the branch behind it where that is a beta).
 */

#define STEAM_APP 222860U /* Left 4 Dead 2's dedicated server */
#define STEAM_BRANCH "public"
#define STEAM_INSTALLER "https://steamcdn-a.akamaihd.net/client/installer/steamcmd_linux.tar.gz"
#define STEAM_RETRY_SECONDS 15U

typedef struct Steam {
        uint32_t app;
        char *branch;
        char *newest; /* the label of the newest build that Steam told of, "" for not known */
} Steam;

Steam *steam_new(void);
void steam_free(Steam *s); /* takes NULL */

/* The source of such an overlay, as the store has it: what is not valid is the usual app. */
void steam_read_source(Steam *s, const char *text);
char *steam_write_source(const Steam *s);

/* In the manager's world. Takes over what the store says. */
void steam_reload(Overlay *o);

/* Errors: NoSpace. */
int steam_set_app(Overlay *o, uint32_t app, const char *branch, sd_bus_error *error);

int steam_describe(const Overlay *o, const Job *j, int fd, GKeyFile *job);

/* A check has found this build. */
int steam_note_newest(Overlay *o, const char *newest);

/* Whether Steam has another build than the newest version here. */
bool steam_has_update(const Overlay *o);
