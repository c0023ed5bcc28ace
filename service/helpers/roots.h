/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The two directories that everything lies below, opened once; all else is reached from their
 * descriptors. Only a main() knows the real paths (no environment variable may move them), tests open
 * others. */

#include <glib.h>

#define STATE_DIR "/var/lib/left4me"
#define RUN_DIR "/run/left4me"

typedef struct Roots {
        int state; /* /var/lib/left4me */
        int run;   /* /run/left4me */
        char *state_path;
} Roots;

int roots_open(const char *state, const char *run, Roots *ret, GError **error);
void roots_done(Roots *roots);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Roots, roots_done)
#define ROOTS_INIT \
        { .state = -1, .run = -1 }

/* Opens a directory (one name below dirfd) whose content only we can change: it belongs to this process's
 * user, and nobody else may write to it. That is what makes it safe to hand a path through it to the
 * kernel as a string. `where` is for the message. */
int ours_open(int dirfd, const char *name, const char *where, GError **error);

/* As ours_open(), making the directory when it is missing. */
int ours_make(int dirfd, const char *name, mode_t mode, const char *where, GError **error);
