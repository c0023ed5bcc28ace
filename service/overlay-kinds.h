/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * What tells the kinds of overlays apart: how each is built. All go the same way (job-build.c); a kind names the unit that does its
 * work, and writes what that unit is to read. A kind that stands in the table can be made.
 */

typedef struct OverlayKind {
        const char *name; /* on the bus and in the store */
        const char
                *template; /* of the unit that builds it, with the @; NULL: it is filled by uploads, never built */
        /* Of the unit that does what that one may not (job-build.c), or NULL. */
        const char *helper;
        const char *doing; /* the message of a build until it has one of its own */
        const char *how;   /* to give it something to be built from: the command, its name comes behind */

        /* Writes what the unit reads besides the stack: files into the directory of the job, fd, and keys of [Job]. */
        int (*describe)(const Overlay *o, const Job *j, int fd, GKeyFile *job);

        /* For a kind whose build leaves a manifest, of which the version is made; NULL for one that leaves a tree. From the directory of the
         * build: what is to be known of the version, text, checked; *ret stays NULL when the build made nothing. */
        int (*read_result)(int fd, char **ret);
        char *(*summary)(const char *details); /* for the message of the job */
} OverlayKind;

const OverlayKind *overlay_kind_find(const char *name);

/* "files", "script" and so on, as a sentence has them. */
char *overlay_kinds_list(void);

/* The unit that does a build: of an upload into whatever kind, or by the kind itself; and the one that helps with it, NULL for none. */
char *build_unit_name(const Job *j);
char *build_helper_name(const Job *j);

/* All units that may have done something for the job with this number. */
GStrv job_units(uint32_t id);

/* Whether it is the name of a unit of a job, and of which one. */
bool job_unit_parse(const char *unit, uint32_t *ret_id);
