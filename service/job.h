/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/object.h"
#include "service/store.h"
#include "service/types.h"
#include "service/unit.h"

/*
 * Long work, done by units. A job is a row in the store, a directory of the same number below /run/left4me/jobs for what its units
 * read, and a sequence of units. Jobs wait in one queue for JobWorkers workers. One of work on files that the manager may not touch is
 * a list of operations for left4me-tree@N.service; each is idempotent, so that a job which was interrupted is simply done again.
 */

#define JOBS_KEPT 200U
#define JOBS_MAX 1000U

typedef enum JobKind {
        JOB_IMPORT,
        JOB_PUT_FILE,
        JOB_REMOVE_FILE,
        JOB_BUILD,    /* what the overlay's kind does */
        JOB_VALIDATE, /* the same, and every file is looked at */
        JOB_REFRESH,  /* the same, if there is news of what it is built from */
        JOB_FREEZE,
        JOB_FREEZE_EVERYTHING, /* the same, by-products of the server included */
        JOB_RESET,
        JOB_DELETE_INSTANCE,
        JOB_RENAME_INSTANCE,
        JOB_DELETE_OVERLAY,
        JOB_RENAME_OVERLAY,
        JOB_CLEAN,
        _JOB_KIND_MAX,
        _JOB_KIND_INVALID = -22,
} JobKind;

typedef enum JobState {
        JOB_QUEUED,
        JOB_RUNNING,
        JOB_SUCCEEDED,
        JOB_FAILED,
        JOB_CANCELLED,
        _JOB_STATE_MAX,
        _JOB_STATE_INVALID = -22,
} JobState;

enum {
        JOB_PROP_STATE = 1U << 0,
        JOB_PROP_PROGRESS = 1U << 1,
        JOB_PROP_MESSAGE = 1U << 2,
        JOB_PROP_STARTED = 1U << 3,
        JOB_PROP_FINISHED = 1U << 4,
        JOB_PROP_EXIT_STATUS = 1U << 5,
};

typedef struct Build Build;

struct Job {
        Object object; /* first */
        Manager *manager;
        uint32_t id;
        JobKind kind;
        char *subject;
        char *argument; /* of the kind: a rename's new name, a freeze's overlay; the label of what a build makes */
        JobState state;
        double progress;
        char *message;
        uint64_t queued, started, finished;
        int exit_status;
        bool cancel_wanted;

        GPtrArray *steps; /* char*: operations for left4me-tree, the first is the next */
        void (*steps_done)(Job *j, bool ok, const char *why);
        bool step_failed; /* the first one has, once */
        Unit *tree;
        Build *build;           /* what a build needs besides, else NULL */
        Request *request;       /* a call that is answered when the job ends, or NULL */
        GPtrArray *cancels;     /* Request: calls of Cancel() that wait for the end */
        uint64_t progress_told; /* usec */
        sd_event_source *progress_source;
};

const char *job_kind_to_string(JobKind k);
JobKind job_kind_from_string(const char *s);
const char *job_state_to_string(JobState s);
JobState job_state_from_string(const char *s);

/* A job as it is to be stored, with no number yet; borrows the strings. */
StoredJob job_plan(JobKind kind, const char *subject, const char *argument);

/* That so many more may be queued. Error: LimitsExceeded. */
int jobs_check_room(const Manager *m, unsigned n, sd_bus_error *error);

/* Puts a job into the store and the queue. Errors: LimitsExceeded, NoSpace. */
int job_new(
        Manager *m, JobKind kind, const char *subject, const char *argument, Job **ret, sd_bus_error *error);

/* What a build is to do; the strings are the caller's. */
typedef struct BuildPlan {
        JobKind kind; /* JOB_IMPORT, JOB_PUT_FILE, JOB_REMOVE_FILE, JOB_BUILD, JOB_VALIDATE or JOB_REFRESH */
        const char *path;  /* what is put; of an import, the directory to unpack in */
        char **paths;      /* what is removed */
        uint64_t size;     /* bytes that will be sent, 0 for not known */
        int executable;    /* of a file that is put: -1 for as it was before */
        const char *label; /* of the version */
} BuildPlan;

/* Starts a build. ret_fd: the end to write what is sent, the caller's; set for an import and a file that is put. */
int job_new_build(Overlay *o, const BuildPlan *plan, Job **ret, int *ret_fd, sd_bus_error *error);

/* Queues a build that is in the store already. */
Job *job_take_build(Overlay *o, const StoredJob *stored);
Job *job_free(Job *j);
Job *job_find(Manager *m, uint32_t id);

uint32_t job_id(const Job *j);
bool job_is(const Job *j, JobKind kind);
bool job_is_of(const Job *j, const char *subject); /* "instance", "overlay" or NULL: what the subject is */
bool job_is_build(const Job *j);
bool job_kind_builds(JobKind k); /* by the overlay's kind, and not by what is sent */
bool job_has_ended(const Job *j);

/* Takes a job over from the store at start-up: one that was under way goes on, or, where it cannot, fails. */
void job_load(Manager *m, const StoredJob *stored);

/* Whether a job is about to give this name to an "instance" or "overlay". */
bool jobs_promise(Manager *m, const char *what, const char *name);

/* Lets queued jobs run while there are workers. */
void jobs_dispatch(Manager *m);

/* Ends the job; q is answered when it has ended. Error: Busy, when it is past the point of no return. */
int job_cancel(Job *j, Request *q, sd_bus_error *error);

/* The job as its row in the store; borrows its strings. */
StoredJob job_stored(const Job *j);

/* For the kinds. A job's directory, made anew and empty, opened. */
int job_open_directory(Job *j);
void job_set_progress(Job *j, double progress, const char *message);
void job_finish(Job *j, JobState state, const char *message);

/* Runs the steps one after the other; done gets true when all went well. */
void job_run_steps(Job *j, void (*done)(Job *j, bool ok, const char *why));

/* A done for whom that is all. */
void job_end_with_steps(Job *j, bool ok, const char *why);

/* A step, from key and value pairs after the operation; owned by the caller. */
char *job_step_new(const char *operation, ...) G_GNUC_NULL_TERMINATED;
