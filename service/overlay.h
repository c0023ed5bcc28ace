/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/job.h"
#include "service/object.h"
#include "service/overlay-kinds.h"
#include "service/store.h"
#include "service/types.h"

/* Overlays and their versions; see org.left4me.Manager1.Overlay for what they are. */

#define OVERLAYS_MAX 2000U
#define OVERLAY_DIRECTORY_MAX 20000U
#define OVERLAY_KEEP_DEFAULT 3U
#define OVERLAY_KEEP_MAX 100U
#define OVERLAY_SOURCE_MAX (256U * 1024U)

enum {
        OVERLAY_VERSIONS = 1U << 0,
        OVERLAY_CURRENT = 1U << 1,
        OVERLAY_STATE = 1U << 2,
        OVERLAY_USED_BY = 1U << 3,
        OVERLAY_LAST_JOB = 1U << 4,
        OVERLAY_KEEP_VERSIONS = 1U << 5,
        OVERLAY_BUILD_PENDING = 1U << 6,
        OVERLAY_WANTED_ITEMS = 1U << 7,
        OVERLAY_ITEMS = 1U << 8,
        OVERLAY_CAMPAIGNS = 1U << 9,
        OVERLAY_UPDATE_AVAILABLE = 1U << 10,
        OVERLAY_APP = 1U << 11,
        OVERLAY_BRANCH = 1U << 12,
};

struct Overlay {
        Object object; /* first */
        Manager *manager;
        char *name;
        const OverlayKind *kind;
        GArray *versions; /* StoredVersion, oldest first */
        uint32_t current; /* number of a version, 0 for none */
        uint32_t keep;    /* how many versions stay, the newest */
        Job *job;         /* under way on it, NULL for none */
        uint32_t last_job;
        char *wanted;       /* digest of what it is to be built from, "" for nothing */
        char *built;        /* that of what its last good build was made from */
        Workshop *workshop; /* what only one of kind "workshop" has, else NULL */
        Steam *steam;       /* the same for kind "steam" */
};

Overlay *overlay_new(Manager *m, const char *name, const char *kind);
Overlay *overlay_free(Overlay *o);
Overlay *overlay_find(Manager *m, const char *name);

/* That so many more may be made. Error: LimitsExceeded. */
int overlay_check_room(Manager *m, unsigned n, sd_bus_error *error);

/* That an overlay of this name may be made. Errors: NameTaken, LimitsExceeded. */
int overlay_check_name_free(Manager *m, const char *name, sd_bus_error *error);

/* Makes an overlay. Errors: NameTaken, InvalidArgument, LimitsExceeded, NoSpace. */
int overlay_create(Manager *m, const char *name, const char *kind, Overlay **ret, sd_bus_error *error);

/* Starts a build; see job_new_build(). Errors: WrongKind, NoSource, Busy, LimitsExceeded, NoSpace. */
int overlay_build(Overlay *o, const BuildPlan *plan, Job **ret_job, int *ret_fd, sd_bus_error *error);

/* Sets what a build is made from, text of the kind's own, and tells. The next build takes it. */
int overlay_set_source(Overlay *o, const char *source);

/* The digest of a source; the caller's. */
char *overlay_digest(const char *source);

/* Takes over the digest of a source that is in the store, and tells. */
void overlay_take_wanted(Overlay *o, char *wanted);

/* Whether the last good build was made from something else, or there was none. */
bool overlay_build_pending(const Overlay *o);

/* A script that an overlay of kind "script" is made for, or gets for its new source; the strings are the caller's. */
typedef struct OverlaySeed {
        const char *name, *source;
        const char *outcome; /* "created", "changed" or "unchanged" */
        Job *job;            /* that builds it, NULL for none */
} OverlaySeed;

/* Takes all of them (OverlaySeed) or none, and builds what is not built from its source yet, unless a job works on it.
 * Errors: NameTaken, Busy, LimitsExceeded, NoSpace, NoFirewall. */
int overlays_seed(Manager *m, GArray *seeds, bool build, sd_bus_error *error);

/* Starts the removal. */
int overlay_delete(Overlay *o, Job **ret_job, sd_bus_error *error);

/* Starts to give it another name; q is answered when it has it. Errors: NameTaken, InUse, Busy. */
int overlay_rename(Overlay *o, const char *to, Request *q, sd_bus_error *error);

/* "empty", "ready", "building" or "deleting". */
const char *overlay_state(const Overlay *o);

/* Names of the instances whose stack holds it, sorted. */
GStrv overlay_used_by(const Overlay *o);

const StoredVersion *overlay_find_version(const Overlay *o, uint32_t number);

/* That there is such a version; 0 becomes the number of the current one. Error: NoSuchVersion. */
int overlay_check_version(const Overlay *o, uint32_t *version, sd_bus_error *error);

/* That no job is under way on it. Error: Busy. */
int overlay_check_idle(const Overlay *o, sd_bus_error *error);

/* Makes another version the current one. Errors: NoSuchVersion, Busy, NoSpace. */
int overlay_rollback(Overlay *o, uint32_t version, sd_bus_error *error);

/* Sets how many versions are kept; what goes by that goes now. Errors: InvalidArgument, NoSpace. */
int overlay_set_keep(Overlay *o, uint32_t keep, sd_bus_error *error);

/* Opens the directory of a version, or one inside it (never through a symlink). */
int overlay_open_directory(const Overlay *o, uint32_t version, const char *path);

/* Opens a regular file of a version for reading, through symlinks that stay in it. -EISDIR for a directory, -ELOOP for anything
 * else that is no file, -EXDEV for a link that leads out. */
int overlay_open_file(const Overlay *o, uint32_t version, const char *path);

/* Whether the path is there, as whatever; never through a symlink. */
bool overlay_has_path(const Overlay *o, uint32_t version, const char *path);

/* Puts a finished version into the store together with the job that made it, makes it current, and tells; see store_add_version(). */
int overlay_take_version(Overlay *o, const StoredVersion *v, const char *built, const StoredJob *job);

/* The same after a build that changed no file: see store_keep_version(). */
int overlay_keep_version(
        Overlay *o, uint32_t unused, const char *details, const char *built, const StoredJob *job);

/* Takes versions out of the store; their files are the caller's to remove. */
int overlay_forget_versions(Overlay *o, const uint32_t *numbers, unsigned n);

/* For the start-up: what the store holds. */
void overlay_load_version(Overlay *o, const StoredVersion *v);

void overlay_set_job(Overlay *o, Job *j);

/* A job is no longer remembered; if it was the last one on an overlay, that has none now. */
void overlays_forget_job(Manager *m, uint32_t id);
