/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/build-needs.h"
#include "service/build-progress.h"
#include "service/job-kinds.h"

/* A build, as the files that make it up know it: job-build.c has its units run, build-end.c makes a version of it or throws it away. */

typedef enum Phase {
        PHASE_QUEUED,
        PHASE_SETTLING, /* until the firewall stands */
        PHASE_BUILDING,
        PHASE_UNMOUNTING,
        PHASE_COMMITTING,
        PHASE_DISCARDING,
} Phase;

struct Build {
        Job *job;
        Phase phase;
        uint32_t base;    /* the current version, 0 for none */
        uint32_t version; /* the number that is made */
        int pipe; /* our read end: what was written before the build begins waits here; -1: nothing is sent */
        Unit *unit, *helper, *mount;
        Unit *part;  /* of the first two, the one that is at work */
        Unit *next;  /* and the one that goes on when the mount has gone; NULL: all is built */
        char *built; /* digest of what it is made from, NULL for an upload */
        BuildProgress *progress;
        SpaceWatch *space;
        JobState outcome; /* when all is tidy */
        char *reason;
        bool stray; /* the version may be on the disk, and the store does not have it */
        bool unmounted_again;
};

/* The units have done what there was to do, and nothing is mounted: makes a version, and ends. */
void build_commit(Build *build);

/* Tidies up, and ends the job with that. */
void build_end(Build *build, JobState outcome, const char *reason);

/* The same, with what this unit said last as the reason. */
void build_fail(Build *build, Unit *u);
