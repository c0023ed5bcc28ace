/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "service/build-internal.h"
#include "service/journal-tail.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/prune.h"
#include "service/util.h"

/* How a build ends: its commit, and what is to be gone afterwards. */

static void on_discarded(Job *j, bool ok, const char *why) {
        g_autofree char *reason = g_steal_pointer(&j->build->reason);

        if (!ok) {
                log_plain(LOG_WARNING, "Cannot remove build %u now, a clean-up follows: %s", j->id, why);
                prune_failed(j->manager);
        }

        job_finish(j, j->build->outcome, reason);
}

/* A failed unit stays in systemd's memory until somebody says that it was seen. */
static void forget_failure(Unit *u) {
        if (g_str_equal(unit_state(u)->active, "failed"))
                (void) unit_reset_failed(u, NULL, NULL);
}

static void build_discard(Build *build) {
        Job *j = build->job;
        g_autofree char *number = g_strdup_printf("%u", j->id);

        forget_failure(build->unit);
        if (build->helper)
                forget_failure(build->helper);
        forget_failure(build->mount);
        if (j->tree)
                forget_failure(j->tree);

        g_ptr_array_set_size(j->steps, 0);
        if (build->stray) {
                g_autofree char *version = g_strdup_printf("%u", build->version);

                g_ptr_array_add(j->steps,
                        job_step_new("remove-versions", "Overlay", j->subject, "Versions", version, NULL));
        }
        g_ptr_array_add(j->steps, job_step_new("discard", "Builds", number, NULL));
        job_run_steps(j, on_discarded);
}

static void on_unmounted(Unit *u, UnitResult result, const char *detail, void *userdata) {
        Build *build = userdata;
        int fd;

        /* An unmount that was killed, or took too long, left it. A start cannot succeed without a stack, and unmounts as it fails.
         * Whatever comes of it: left4me-tree looks for itself. */
        if (!build->unmounted_again && build_is_mounted(build->job->manager, build->job->id)) {
                build->unmounted_again = true;
                fd = job_open_directory(build->job);
                if (fd >= 0) {
                        (void) close(fd);
                        if (unit_start(u, on_unmounted, build) >= 0)
                                return;
                }
        }

        build_discard(build);
}

void build_end(Build *build, JobState outcome, const char *reason) {
        g_autofree char *old = build->reason;

        build->phase = PHASE_DISCARDING;
        build->outcome = outcome;
        build->reason = g_strdup(reason);
        build->progress = build_progress_free(build->progress);
        build->space = space_watch_free(build->space);

        /* A build that was ended early may leave its mount on the way up. */
        if (outcome == JOB_SUCCEEDED || unit_stop(build->mount, on_unmounted, build) < 0)
                build_discard(build);
}

/* With its version, or without a need of one, the job has done what it was for: whatever happens while it tidies up, it succeeded. */
static int take_result(Job *j, const StoredVersion *v, bool changed, const char *message) {
        Overlay *o = overlay_find(j->manager, j->subject);
        StoredJob stored = job_stored(j);

        stored.state = job_state_to_string(JOB_SUCCEEDED);
        stored.message = message;
        stored.finished = now_usec();
        return changed ? overlay_take_version(o, v, j->build->built, &stored)
                       : overlay_keep_version(o, v->number, v->details, j->build->built, &stored);
}

static char *describe_result(const Job *j, const StoredVersion *v, bool changed) {
        g_autofree char *summary = NULL;

        if (!changed && j->build->base == 0)
                return g_strdup("it came to no files, so there is no version yet");
        if (!changed)
                return g_strdup_printf("nothing changed, version %u stays current", j->build->base);
        if (!v->details)
                return g_strdup_printf("version %u: %" G_GUINT64_FORMAT " file%s", v->number, v->files,
                        v->files == 1 ? "" : "s");

        summary = overlay_find(j->manager, j->subject)->kind->summary(v->details);
        return g_strdup_printf("version %u: %s", v->number, summary);
}

static void on_committed(Job *j, bool ok, const char *why) {
        Build *build = j->build;
        g_autofree char *message = NULL, *label = ok ? build_make_label(j) : NULL;
        StoredVersion v = { .number = build->version, .label = label };
        bool changed = false;
        int r;

        if (!ok) {
                build->stray = true;
                build_end(build, JOB_FAILED, why);
                return;
        }

        r = build_read_result(j, &v, &changed);
        message = describe_result(j, &v, changed);
        if (r >= 0 && changed) {
                StoredJob stored = job_stored(j);

                r = take_result(j, &v, true, message);
                /* Only what the store surely does not know is removed: with a later write the failed one is gone. */
                build->stray = r < 0 && store_set_job(j->manager->store, &stored, JOBS_KEPT) >= 0;
        } else if (r >= 0)
                r = take_result(j, &v, false, message);
        else
                build->stray = true;
        g_free(v.details);
        if (r >= 0)
                build_take_newest(j, changed);

        if (r < 0) {
                g_free(message);
                message = g_strdup_printf("cannot store the new version: %s", strerror(-r));
        }
        build_end(build, r < 0 ? JOB_FAILED : JOB_SUCCEEDED, message);
}

/* The number is taken before there is anything of that name, lest two versions ever get the same one; it is given back when there is
 * none to be made. */
void build_commit(Build *build) {
        Job *j = build->job;
        g_autofree char *number = g_strdup_printf("%u", j->id), *base = g_strdup_printf("%u", build->base),
                        *version = NULL;
        const char *manifest = build_has_manifest(j) ? "Manifest" : NULL;
        char *step;
        int r;

        r = store_reserve_version(j->manager->store, j->subject, &build->version);
        if (r < 0) {
                g_autofree char *why = g_strdup_printf("cannot store the new version: %s", strerror(-r));

                build_end(build, JOB_FAILED, why);
                return;
        }

        version = g_strdup_printf("%u", build->version);
        if (build->base > 0)
                step = job_step_new("commit", "Overlay", j->subject, "Build", number, "Version", version,
                        "Base", base, manifest, "true", NULL);
        else
                step = job_step_new("commit", "Overlay", j->subject, "Build", number, "Version", version,
                        manifest, "true", NULL);

        build->phase = PHASE_COMMITTING;
        job_set_progress(j, -1.0, "makes a version of it");
        g_ptr_array_add(j->steps, step);
        job_run_steps(j, on_committed);
}

static void on_failure_log(const char *why, void *userdata) {
        build_end(userdata, JOB_FAILED, why);
}

void build_fail(Build *build, Unit *u) {
        /* Until its last words are read, nobody else may end it. */
        build->phase = PHASE_DISCARDING;
        if (journal_tail_unit(build->job->manager, u, on_failure_log, build) < 0)
                on_failure_log("the build failed", build);
}
