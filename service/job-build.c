/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/workshop.h"
#include "service/build-internal.h"
#include "service/bus-error.h"
#include "service/job-kinds.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/util.h"

/*
 * A build: an upload that is unpacked, a file that is put or removed, or what the overlay's own kind does (overlay-kinds.h). A unit
 * such as left4me-build@N does it on the current version, in its sandbox, on a mount of its own; when that is over and the mount is
 * gone, left4me-tree@N makes a version of what was written, and the store makes it current. Whatever happens, a last step of
 * left4me-tree@N removes what was built.
 *
 * A kind may have a helper, another unit with other rights: when the first one ends with WORKSHOP_WISHES_STATUS, the helper does its part on
 * the same tree, and then the first one goes on. Each part has the mount for itself.
 */

#define UPLOADS_MAX 32U
#define CONTINUES_NAME \
        "continues" /* in the job's directory: for left4me-overlay, that what was built so far is this build's */

void build_free(Build *build) {
        if (!build)
                return;

        if (build->pipe >= 0) {
                build->job->manager->n_uploads--;
                (void) close(build->pipe);
        }
        build_progress_free(build->progress);
        space_watch_free(build->space);
        unit_free(build->unit);
        unit_free(build->helper);
        unit_free(build->mount);
        g_free(build->reason);
        g_free(build->built);
        g_free(build);
}

static void on_stopped(Unit *u, UnitResult result, const char *detail, void *userdata) {
        Build *build = userdata;

        build_end(build, build->outcome, build->reason);
}

/* Ends the unit that builds, and then the build. */
static bool build_stop(Build *build, JobState outcome, const char *reason) {
        if (build->job->cancel_wanted || unit_stop(build->part, on_stopped, build) < 0)
                return false;

        build->outcome = outcome;
        build->reason = g_strdup(reason);
        build->job->cancel_wanted = true;
        return true;
}

/* Of all that run, since nobody knows whose writing it is. */
static void on_low_space(const char *why, void *userdata) {
        (void) build_stop(userdata, JOB_FAILED, why);
}

/* With the mount gone, the next part begins: a recursive pair. */
static void on_built(Unit *u, UnitResult result, const char *detail, void *userdata);

static int begin_part(Build *build, Unit *u) {
        Job *j = build->job;
        int r;

        r = space_watch_new(j->manager, j->kind, on_low_space, build, &build->space);
        if (r < 0)
                return r;

        build->part = u;
        build->phase = PHASE_BUILDING;
        build->progress = build_progress_new(j, unit_name(u));
        return unit_start(u, on_built, build);
}

static int go_on(Build *build) {
        g_autofree char *number = g_strdup_printf("%u", build->job->id);
        int fd, r;

        fd = openat(build->job->manager->jobs_fd, number, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        r = file_write(fd, CONTINUES_NAME, "", 0, 0640);
        (void) close(fd);
        return r < 0 ? r : begin_part(build, build->next);
}

static void on_mount_changed(Unit *u, void *userdata) {
        Build *build = userdata;
        int r;

        if (build->phase != PHASE_UNMOUNTING || !unit_is_down(u))
                return;

        if (g_str_equal(unit_state(u)->active, "failed")) {
                build_fail(build, u);
                return;
        }

        if (!build->next) {
                build_commit(build);
                return;
        }
        if (build->job->cancel_wanted) {
                build_end(build, JOB_CANCELLED, "cancelled");
                return;
        }

        r = go_on(build);
        if (r < 0)
                build_end(build, JOB_FAILED, strerror(-r));
}

/* Sets which unit goes on. false: the first one wants help again and again. */
static bool choose_next(Build *build, const UnitState *s) {
        bool wants = s->exit_code == CLD_EXITED && s->exit_status == WORKSHOP_WISHES_STATUS;
        g_autofree char *helper = wants && !build->helper ? build_helper_name(build->job) : NULL;

        build->next = build->part == build->unit ? NULL : build->unit;
        if (build->next || !wants)
                return true;
        if (!helper)
                return false;

        build->next = build->helper = unit_new(build->job->manager->units, helper, NULL, NULL);
        (void) unit_hold(build->helper);
        return true;
}

static void on_built(Unit *u, UnitResult result, const char *detail, void *userdata) {
        Build *build = userdata;
        Job *j = build->job;
        const UnitState *s = unit_state(u);

        build->progress = build_progress_free(build->progress);
        build->space = space_watch_free(build->space);
        if (s->exit_code != 0) {
                j->exit_status = s->exit_code == CLD_EXITED ? s->exit_status : 128 + s->exit_status;
                object_changed(&j->object, JOB_PROP_EXIT_STATUS);
        }

        /* The end of the stop that was asked for is waited for, not the end of the start that it cancels. */
        if (j->cancel_wanted)
                return;

        if (result == UNIT_DONE && !choose_next(build, s))
                build_end(build, JOB_FAILED, "the build came to no end");
        else if (result == UNIT_DONE) {
                build->phase = PHASE_UNMOUNTING;
                on_mount_changed(build->mount, build);
        } else if (result == UNIT_REFUSED)
                build_end(build, JOB_FAILED, detail);
        else if (result == UNIT_TIMEOUT || g_str_equal(s->result, "timeout"))
                build_end(build, JOB_FAILED, "the build took too long and was ended");
        else if (g_str_equal(s->result, "oom-kill"))
                build_end(build, JOB_FAILED,
                        "the build needed more memory than its unit may have (MemoryMax=) and was ended");
        else
                build_fail(build, result == UNIT_DEPENDENCY ? build->mount : u);
}

/* What a kind builds from is read when it begins: the newest counts, and a job that waits lives through a restart of the manager. */
static int prepare_kind(Job *j) {
        const Overlay *o = overlay_find(j->manager, j->subject);
        int fd, r;

        fd = job_open_directory(j);
        if (fd < 0)
                return fd;

        r = build_describe_kind(o, j, fd);
        (void) close(fd);
        if (r >= 0)
                j->build->built = g_strdup(o->wanted);
        return r;
}

static int build_start(Build *build) {
        Job *j = build->job;
        int r;

        r = job_kind_builds(j->kind) ? prepare_kind(j) : 0;
        return r < 0 ? r : begin_part(build, build->unit);
}

static void on_settled(int r, const char *why, void *userdata) {
        Build *build = userdata;

        /* left4med ends. */
        if (r == -ECANCELED)
                return;

        if (build->job->cancel_wanted) {
                job_finish(build->job, JOB_CANCELLED, "cancelled");
                return;
        }

        if (r >= 0)
                r = build_start(build);
        if (r < 0)
                job_finish(build->job, JOB_FAILED, why ?: strerror(-r));
}

void build_begin(Job *j) {
        Build *build = j->build;
        g_autofree char *unit = build_unit_name(j),
                        *mount = g_strdup_printf("left4me-overlay@build-%u.service", j->id);

        build->unit = unit_new(j->manager->units, unit, NULL, NULL);
        (void) unit_hold(build->unit);
        build->mount = unit_new(j->manager->units, mount, on_mount_changed, build);
        build->phase = PHASE_SETTLING;
        job_set_progress(j, -1.0,
                job_kind_builds(j->kind) ? overlay_find(j->manager, j->subject)->kind->doing
                                         : job_type(j)->doing);
        build_needs_settle(j->manager, j->kind, on_settled, build);
}

bool build_cancel(Job *j) {
        if (j->build->phase == PHASE_SETTLING || (j->build->phase == PHASE_UNMOUNTING && j->build->next)) {
                j->cancel_wanted = true;
                return true;
        }

        return j->build->phase == PHASE_BUILDING && build_stop(j->build, JOB_CANCELLED, "cancelled");
}

static void build_attach(Job *j, const Overlay *o) {
        j->build = g_new(Build, 1);
        *j->build = (Build){ .job = j, .base = o->current, .pipe = -1 };
}

bool build_resume(Job *j) {
        g_autofree char *description = g_strdup_printf("%u/job", j->id);
        const Overlay *o = overlay_find(j->manager, j->subject);

        if (j->state != JOB_QUEUED || !o)
                return false;
        if (!job_kind_builds(j->kind) &&
                (j->kind != JOB_REMOVE_FILE ||
                        faccessat(j->manager->jobs_fd, description, F_OK, AT_SYMLINK_NOFOLLOW) < 0))
                return false;

        build_attach(j, o);
        return true;
}

Job *job_take_build(Overlay *o, const StoredJob *stored) {
        Job *j = job_take(o->manager, stored);

        build_attach(j, o);
        return j;
}

static int prepare_upload(Job *j, const Overlay *o, const BuildPlan *plan, int *ret_fd) {
        int fd, r;

        fd = job_open_directory(j);
        if (fd < 0)
                return fd;

        r = build_describe_upload(o, plan, fd);
        if (r >= 0 && plan->kind != JOB_REMOVE_FILE)
                r = build_make_pipe(fd, &j->build->pipe, ret_fd);
        (void) close(fd);
        return r;
}

int job_new_build(Overlay *o, const BuildPlan *plan, Job **ret, int *ret_fd, sd_bus_error *error) {
        bool upload = plan->kind == JOB_IMPORT || plan->kind == JOB_PUT_FILE;
        Manager *m = o->manager;
        Job *j;
        int r;

        r = build_needs_check(m, plan->kind, error);
        if (r < 0)
                return r;

        if (upload && m->n_uploads >= UPLOADS_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "%u uploads are under way already. Wait for one to end.", m->n_uploads);

        r = job_new(m, plan->kind, o->name, plan->label, &j, error);
        if (r < 0)
                return r;

        build_attach(j, o);
        r = job_kind_builds(plan->kind) ? 0 : prepare_upload(j, o, plan, ret_fd);
        if (r < 0) {
                job_finish(j, JOB_FAILED, strerror(-r));
                return bus_error_set_io(
                        error, r, upload ? "Cannot prepare the upload" : "Cannot prepare the job");
        }

        m->n_uploads += upload;
        *ret = j;
        return 0;
}
