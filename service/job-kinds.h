/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/job.h"

/* What each kind of job does when it begins and when it has ended. job.c has the table. */
typedef struct JobType {
        const char *name;
        const char *action;  /* polkit's, to cancel it */
        const char *subject; /* "instance" or "overlay", NULL for none */
        const char *doing;   /* of a build: its message at the beginning; NULL for what is no build */
        const char
                *promises; /* "instance" or "overlay": its argument is the name that one is about to get */
        bool resumes;      /* after a restart of the manager it is done again; else it fails */
        void (*begin)(Job *j); /* ends with job_finish(), now or later */
        int (*take_over)(
                Job *j); /* after the work, before anybody is told: puts it into the store and the objects */
} JobType;

const JobType *job_type(const Job *j);

bool job_is_freeze(const Job *j);

/* Whether it is about to give a name, its argument, to an "instance" or "overlay". */
bool job_promises(const Job *j, const char *what);

/* Queues a job that is in the store already. */
Job *job_take(Manager *m, const StoredJob *stored);

/* Lets a job out of the queue begin. */
void job_begin(Job *j);

/* Takes over the work of a job that could still undo it; job_finish() then finds that done. */
int job_commit(Job *j);

/* Files have another name. The store gets it too, or else they get the old one back by this step, which is taken. */
void job_end_rename(Job *j, char *back);

void build_begin(Job *j);
bool build_cancel(Job *j);
void build_free(Build *build);

/* Writes the description of a build into the directory of its job, fd: an upload, or a removal; what the kind of the overlay does. */
int build_describe_upload(const Overlay *o, const BuildPlan *plan, int fd);
int build_describe_kind(const Overlay *o, const Job *j, int fd);

/* Makes the pipe of an upload in that directory, both ends open. */
int build_make_pipe(int fd, int *ret_read, int *ret_write);

/* After a restart of the manager: whether a build that was queued needs nobody who feeds it, and has its description still or needs
 * none. */
bool build_resume(Job *j);

/* Whether the version is made by a manifest that the build left. */
bool build_has_manifest(const Job *j);

/* What a commit says of the version that it made: size, files, when; and whether there is any. */
int build_read_result(Job *j, StoredVersion *v, bool *ret_changed);

/* What a freeze could not keep: how many directories that the server had removed and made again, and how many files that it had
 * removed of other layers. */
void build_read_freeze(const Job *j, unsigned *ret_remade, unsigned *ret_removed);

/* What the build calls its version, and behind it what the user does. */
char *build_make_label(const Job *j);

/* Takes over what the build found out about Steam's newest one. */
void build_take_newest(const Job *j, bool changed);

/* Whether anything of it is still mounted. */
bool build_is_mounted(const Manager *m, uint32_t id);

void instance_freeze_begin(Job *j);
void instance_job_begin(Job *j);
int instance_job_take_over(Job *j);
void overlay_delete_begin(Job *j);
int overlay_delete_take_over(Job *j);
void overlay_rename_begin(Job *j);
int overlay_rename_take_over(Job *j);
void clean_begin(Job *j);
