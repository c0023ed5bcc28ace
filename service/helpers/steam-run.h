/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One run of steamcmd, on a terminal of its own: into a pipe it writes block by block, and nobody would see progress. */

#include <glib.h>

#include "progress.h"

typedef struct SteamRun {
        const char *directory; /* steamcmd's own, absolute; it renews itself in there */
        const char *home;      /* where it keeps what it knows, absolute */
        unsigned silence;      /* seconds without a line after which it is given up */
        Progress *progress;    /* of whoever takes the lines: while there are none, what it kept is told */
        void (*line)(const char *line, void *userdata); /* each line that it prints, made plain */
        void *userdata;
} SteamRun;

/* Runs steamcmd with these words (NULL-terminated) until it ends; once more when it has renewed itself and says so (exit status 42), at most
 * five times. *ret_status: exit status, or 128 and the number of the signal. -ETIMEDOUT: it fell silent, and was killed. */
int steam_run(const SteamRun *run, const char *const *words, int *ret_status, GError **error);

/* That this machine can run a program of 32 bits, if steamcmd is one: the loader that it names, and the libraries that it and the game need.
 * -ENOENT, with what to install. */
int steam_check_libraries(const char *program, GError **error);
