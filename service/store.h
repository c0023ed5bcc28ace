/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/instance-config.h"
#include "service/intent.h"
#include "service/types.h"

/*
 * The database: what the user decided, and the versions and jobs that there are. Only this module includes sqlite3.h. Every
 * function is one transaction and returns 0 or a negative errno (-ENOSPC when the disk is full, -EEXIST for a name or port that
 * is given); when it fails, nothing has changed. It is called from the main loop: all of it are single rows or start-up.
 */

typedef struct StoredOverlay {
        const char *name, *kind;
        uint32_t current; /* 0 for none */
        uint32_t keep;    /* how many versions */
        const char *wanted, *built;
} StoredOverlay;

typedef struct StoredVersion {
        uint32_t number;
        uint64_t created; /* usec */
        uint64_t size;    /* bytes */
        uint64_t files;
        char *label;
        char *details; /* text of the overlay's kind, NULL for none; written, and read by store_get_details() alone */
} StoredVersion;

typedef struct StoredJob {
        uint32_t id;
        const char *kind, *subject, *argument, *state, *message;
        uint64_t queued, started, finished;
        int exit_status;
} StoredJob;

/* Opens the database, or makes it, and brings its schema up to date. A database of a newer left4me is refused: -EUCLEAN. */
int store_open(const char *path, Store **ret);
Store *store_free(Store *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_free)

/* named: since when the instance has this name, usec. */
int store_add_instance(Store *s, const char *name, uint64_t named, const InstanceConfig *c);
int store_set_instance(Store *s, const char *name, const InstanceConfig *c);
int store_rename_instance(Store *s, const char *name, const char *to, uint64_t named);
int store_remove_instance(Store *s, const char *name);
int store_set_last_exit(Store *s, const char *name, const LastExit *e);
int store_load_instances(Store *s,
        void (*each)(const char *name, uint64_t named, InstanceConfig *c, const LastExit *e, void *userdata),
        void *userdata);

/* The intent of an instance; NULL: it has none. */
int store_set_intent(Store *s, const char *instance, const IntentPlan *plan);
int store_load_intents(Store *s, void (*each)(const char *instance, const IntentPlan *plan, void *userdata),
        void *userdata);

int store_add_overlay(Store *s, const char *name, const char *kind);
/* One that has its first version from the beginning, and the job that made it as it is given: all or nothing. */
int store_add_overlay_with(
        Store *s, const char *name, const char *kind, const StoredVersion *v, const StoredJob *job);
int store_remove_overlay(Store *s, const char *name);
/* Also stores the job that moved the files, as it is given: both or neither. */
int store_rename_overlay(Store *s, const char *name, const char *to, const StoredJob *job);
int store_set_current(Store *s, const char *overlay, uint32_t version);
int store_set_keep(Store *s, const char *overlay, uint32_t keep);

/* What an overlay is built from, with its digest; "" and "" for nothing. *ret is the caller's. */
int store_set_source(Store *s, const char *overlay, const char *source, const char *wanted);
int store_get_source(Store *s, const char *overlay, char **ret);

int store_load_overlays(Store *s, void (*each)(const StoredOverlay *o, void *userdata), void *userdata);

/* Takes the next version number of an overlay; a number that was not given back is never given twice. */
int store_reserve_version(Store *s, const char *overlay, uint32_t *ret);

/* An overlay that gets a source, and a job that is to build it. */
typedef struct StoredSeed {
        const char *kind; /* of one that is made; NULL: it is there */
        const char *name;
        const char *source, *wanted; /* NULL: it keeps what it has */
        StoredJob *job;              /* gets the next number; NULL for none */
} StoredSeed;

/* All of them or none. */
int store_seed(Store *s, const StoredSeed *seeds, unsigned n);

/* Adds a version and makes it the current one, and stores the job that made it as it is given; both or neither.
 * built: the digest of what it was made from, NULL for what the overlay does not remember. */
int store_add_version(
        Store *s, const char *overlay, const StoredVersion *v, const char *built, const StoredJob *job);

/* The same after a build that changed no file: gives back the number that it took, and sets what is known now (NULL: nothing new) of
 * the version that stays, 0 for none. */
int store_keep_version(Store *s, const char *overlay, uint32_t unused, uint32_t version, const char *details,
        const char *built, const StoredJob *job);

/* What is known of a version, and what its last good build saw; "" for nothing. *ret is the caller's. */
int store_get_details(Store *s, const char *overlay, uint32_t version, char **ret);
int store_set_seen(Store *s, const char *overlay, const char *seen);
int store_get_seen(Store *s, const char *overlay, char **ret);
int store_remove_versions(Store *s, const char *overlay, const uint32_t *numbers, unsigned n);
int store_load_versions(
        Store *s, void (*each)(const char *overlay, const StoredVersion *v, void *userdata), void *userdata);

/* Adds a job and gives it the next number; keeps the newest `keep` ended ones. */
int store_add_job(Store *s, const StoredJob *j, uint32_t *ret_id);
int store_set_job(Store *s, const StoredJob *j, unsigned keep);
int store_load_jobs(Store *s, void (*each)(const StoredJob *j, void *userdata), void *userdata);

/* What is asked of the host as a whole: *ret is NULL for what was never set. */
int store_set_setting(Store *s, const char *name, const char *value);
int store_get_setting(Store *s, const char *name, char **ret);
