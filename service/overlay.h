/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/job.h"
#include "service/object.h"
#include "service/store.h"
#include "service/types.h"

/* Overlays and their versions; see org.left4me.Manager1.Overlay for what they are. */

#define OVERLAYS_MAX 2000U
#define OVERLAY_DIRECTORY_MAX 20000U

enum {
        OVERLAY_VERSIONS = 1U << 0,
        OVERLAY_CURRENT = 1U << 1,
        OVERLAY_STATE = 1U << 2,
        OVERLAY_USED_BY = 1U << 3,
        OVERLAY_LAST_JOB = 1U << 4,
};

struct Overlay {
        Object object; /* first */
        Manager *manager;
        char *name;
        char *kind;
        GArray *versions; /* StoredVersion, oldest first */
        uint32_t current; /* number of a version, 0 for none */
        Job *job;         /* under way on it, NULL for none */
        uint32_t last_job;
};

Overlay *overlay_new(Manager *m, const char *name, const char *kind);
Overlay *overlay_free(Overlay *o);
Overlay *overlay_find(Manager *m, const char *name);

/* Makes an overlay. Errors: NameTaken, InvalidArgument, LimitsExceeded, NoSpace. */
int overlay_create(Manager *m, const char *name, const char *kind, Overlay **ret, sd_bus_error *error);

/* Starts a build; see job_new_build(). Errors: Busy, LimitsExceeded, NoSpace. */
int overlay_build(Overlay *o, const BuildPlan *plan, Job **ret_job, int *ret_fd, sd_bus_error *error);

/* Starts the removal. */
int overlay_delete(Overlay *o, Job **ret_job, sd_bus_error *error);

/* "empty", "ready", "building" or "deleting". */
const char *overlay_state(const Overlay *o);

/* Names of the instances whose stack holds it, sorted. */
GStrv overlay_used_by(const Overlay *o);

const StoredVersion *overlay_find_version(const Overlay *o, uint32_t number);

/* Opens the directory of a version, or one inside it (never through a symlink). */
int overlay_open_directory(const Overlay *o, uint32_t version, const char *path);

/* Puts a finished version into the store together with the job that made it, makes it current, and tells. */
int overlay_take_version(Overlay *o, const StoredVersion *v, const StoredJob *job);

/* For the start-up: what the store holds. */
void overlay_load_version(Overlay *o, const StoredVersion *v);

void overlay_set_job(Overlay *o, Job *j);

/* A job is no longer remembered; if it was the last one on this overlay, there is none now. */
void overlay_forget_job(Manager *m, const char *name, uint32_t id);
