/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/job-kinds.h"
#include "service/bus-error.h"

/* The kinds of jobs, and the words for them and for their states. */

static const char *const job_states[_JOB_STATE_MAX] = {
        [JOB_QUEUED] = "queued",
        [JOB_RUNNING] = "running",
        [JOB_SUCCEEDED] = "succeeded",
        [JOB_FAILED] = "failed",
        [JOB_CANCELLED] = "cancelled",
};

static const JobType job_types[_JOB_KIND_MAX] = {
        [JOB_IMPORT] = { .name = "import",
                .action = LEFT4ME_ACTION_MANAGE_OVERLAYS,
                .subject = "overlay",
                .doing = "unpacks the archive",
                .begin = build_begin },
        [JOB_PUT_FILE] = { .name = "put-file",
                .action = LEFT4ME_ACTION_MANAGE_OVERLAYS,
                .subject = "overlay",
                .doing = "takes the file",
                .begin = build_begin },
        [JOB_REMOVE_FILE] = { .name = "remove-file",
                .action = LEFT4ME_ACTION_MANAGE_OVERLAYS,
                .subject = "overlay",
                .doing = "removes the file",
                .begin = build_begin },
        [JOB_BUILD] = { .name = "build",
                .action = LEFT4ME_ACTION_MANAGE_OVERLAYS,
                .subject = "overlay",
                .doing = "builds it",
                .begin = build_begin },
        [JOB_VALIDATE] = { .name = "validate",
                .action = LEFT4ME_ACTION_MANAGE_OVERLAYS,
                .subject = "overlay",
                .doing = "looks at every file",
                .begin = build_begin },
        [JOB_REFRESH] = { .name = "refresh",
                .action = LEFT4ME_ACTION_MANAGE_OVERLAYS,
                .subject = "overlay",
                .doing = "looks for news",
                .begin = build_begin },
        [JOB_FREEZE] = { .name = "freeze",
                .action = LEFT4ME_ACTION_MANAGE_INSTANCES,
                .subject = "instance",
                .promises = "overlay",
                .resumes = true,
                .begin = instance_freeze_begin },
        [JOB_FREEZE_EVERYTHING] = { .name = "freeze-everything",
                .action = LEFT4ME_ACTION_MANAGE_INSTANCES,
                .subject = "instance",
                .promises = "overlay",
                .resumes = true,
                .begin = instance_freeze_begin },
        [JOB_RESET] = { .name = "reset",
                .action = LEFT4ME_ACTION_MANAGE_INSTANCES,
                .subject = "instance",
                .resumes = true,
                .begin = instance_job_begin,
                .take_over = instance_job_take_over },
        [JOB_DELETE_INSTANCE] = { .name = "delete-instance",
                .action = LEFT4ME_ACTION_MANAGE_INSTANCES,
                .subject = "instance",
                .resumes = true,
                .begin = instance_job_begin,
                .take_over = instance_job_take_over },
        [JOB_RENAME_INSTANCE] = { .name = "rename-instance",
                .action = LEFT4ME_ACTION_MANAGE_INSTANCES,
                .subject = "instance",
                .promises = "instance",
                .resumes = true,
                .begin = instance_job_begin,
                .take_over = instance_job_take_over },
        [JOB_DELETE_OVERLAY] = { .name = "delete-overlay",
                .action = LEFT4ME_ACTION_MANAGE_OVERLAYS,
                .subject = "overlay",
                .resumes = true,
                .begin = overlay_delete_begin,
                .take_over = overlay_delete_take_over },
        [JOB_RENAME_OVERLAY] = { .name = "rename-overlay",
                .action = LEFT4ME_ACTION_MANAGE_OVERLAYS,
                .subject = "overlay",
                .promises = "overlay",
                .resumes = true,
                .begin = overlay_rename_begin,
                .take_over = overlay_rename_take_over },
        [JOB_CLEAN] = { .name = "clean", .action = LEFT4ME_ACTION_MANAGE_HOST, .begin = clean_begin },
};

const JobType *job_type(const Job *j) {
        return &job_types[j->kind];
}

const char *job_kind_to_string(JobKind k) {
        return k >= 0 && k < _JOB_KIND_MAX ? job_types[k].name : NULL;
}

JobKind job_kind_from_string(const char *s) {
        for (int i = 0; i < _JOB_KIND_MAX; i++)
                if (g_str_equal(job_types[i].name, s))
                        return (JobKind) i;

        return _JOB_KIND_INVALID;
}

const char *job_state_to_string(JobState s) {
        return s >= 0 && s < _JOB_STATE_MAX ? job_states[s] : NULL;
}

JobState job_state_from_string(const char *s) {
        for (int i = 0; i < _JOB_STATE_MAX; i++)
                if (g_str_equal(job_states[i], s))
                        return (JobState) i;

        return _JOB_STATE_INVALID;
}

bool job_is_build(const Job *j) {
        return job_type(j)->doing != NULL;
}

bool job_is_freeze(const Job *j) {
        return j->kind == JOB_FREEZE || j->kind == JOB_FREEZE_EVERYTHING;
}

bool job_promises(const Job *j, const char *what) {
        return g_strcmp0(job_type(j)->promises, what) == 0 && !job_has_ended(j);
}

bool job_kind_builds(JobKind k) {
        return k == JOB_BUILD || k == JOB_VALIDATE || k == JOB_REFRESH;
}
