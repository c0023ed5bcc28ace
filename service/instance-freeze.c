/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "service/build-needs.h"
#include "service/bus-error.h"
#include "service/instance-internal.h"
#include "service/job-kinds.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/prune.h"
#include "service/store.h"
#include "service/util.h"

/*
 * What a server wrote becomes an overlay of its own, with one version. left4me-tree copies it to where a build leaves what it wrote, and
 * commits that; then overlay and version come into the store at once, so that there is never one without the other.
 */

#define VERSION 1U

static void on_tidy(Job *j, bool ok, const char *why) {
        g_autofree char *message = g_steal_pointer(&j->message);
        bool made = j->exit_status == 0;

        if (!ok) {
                log_plain(LOG_WARNING, "Cannot remove what job %u left now, a clean-up follows: %s", j->id,
                        why);
                prune_failed(j->manager);
        }
        job_finish(j, made ? JOB_SUCCEEDED : JOB_FAILED, message);
}

/* The copy goes, and without an overlay in the store its files, too. ExitStatus tells which of both it is. */
static void tidy(Job *j, const char *message) {
        g_autofree char *number = g_strdup_printf("%u", j->id), *kept = g_strdup(message);

        g_free(j->message);
        j->message = g_steal_pointer(&kept);
        g_ptr_array_set_size(j->steps, 0);
        if (j->exit_status != 0)
                g_ptr_array_add(j->steps, job_step_new("remove-overlay", "Overlay", j->argument, NULL));
        g_ptr_array_add(j->steps, job_step_new("discard", "Builds", number, NULL));
        job_run_steps(j, on_tidy);
}

static int take_over(Job *j, const StoredVersion *v, const char *message) {
        StoredJob stored = job_stored(j);
        Manager *m = j->manager;
        Overlay *o;
        int r;

        stored.state = job_state_to_string(JOB_SUCCEEDED);
        stored.message = message;
        stored.finished = now_usec();
        r = store_add_overlay_with(m->store, j->argument, "files", v, &stored);
        if (r < 0)
                return r;

        o = overlay_new(m, j->argument, "files");
        overlay_load_version(o, v);
        o->current = v->number;
        object_show(&o->object);
        j->exit_status = 0;
        return 0;
}

static char *describe(const Job *j, const StoredVersion *v) {
        g_autoptr(GString) text = g_string_new(NULL);
        unsigned remade, removed;

        build_read_freeze(j, &remade, &removed);
        g_string_append_printf(text, "overlay %s: %" G_GUINT64_FORMAT " file%s", j->argument, v->files,
                v->files == 1 ? "" : "s");
        if (remade == 1)
                g_string_append(text,
                        "; a directory that the server had removed and made again joins with those of other layers");
        else if (remade > 1)
                g_string_append_printf(text,
                        "; %u directories that the server had removed and made again join with those of other layers",
                        remade);
        if (removed > 0)
                g_string_append_printf(text,
                        "; %u file%s of other layers that it had removed %s there again", removed,
                        removed == 1 ? "" : "s", removed == 1 ? "is" : "are");

        return g_string_free(g_steal_pointer(&text), FALSE);
}

static void on_frozen(Job *j, bool ok, const char *why) {
        g_autofree char *label = g_strdup_printf("frozen from %s", j->subject), *message = NULL;
        StoredVersion v = { .number = VERSION, .label = label };
        bool changed = false;
        int r;

        if (!ok) {
                tidy(j, why);
                return;
        }

        r = build_read_result(j, &v, &changed);
        if (r >= 0 && !changed) {
                tidy(j, "the server has written nothing that would be worth keeping");
                return;
        }

        message = describe(j, &v);
        if (r >= 0)
                r = take_over(j, &v, message);
        if (r < 0) {
                g_free(message);
                message = g_strdup_printf("cannot store the new overlay: %s", strerror(-r));
        }
        tidy(j, message);
}

void instance_freeze_begin(Job *j) {
        g_autofree char *number = g_strdup_printf("%u", j->id), *version = g_strdup_printf("%u", VERSION);
        const char *everything = j->kind == JOB_FREEZE_EVERYTHING ? "true" : "false";

        /* The store has no overlay of this name: what there is of one was left by a try that a restart of left4med ended. */
        if (faccessat(j->manager->overlays_fd, j->argument, F_OK, AT_SYMLINK_NOFOLLOW) >= 0)
                g_ptr_array_add(j->steps, job_step_new("remove-overlay", "Overlay", j->argument, NULL));
        g_ptr_array_add(j->steps, job_step_new("freeze", "Instance", j->subject, "Build", number,
                                          "Everything", everything, NULL));
        g_ptr_array_add(j->steps,
                job_step_new("commit", "Overlay", j->argument, "Build", number, "Version", version, NULL));
        job_set_progress(j, -1.0, "copies what the server wrote");
        job_run_steps(j, on_frozen);
}

int instance_freeze(Instance *i, const char *overlay, bool everything, Job **ret, sd_bus_error *error) {
        int r;

        r = instance_check_down(i, error);
        if (r >= 0)
                r = overlay_check_name_free(i->manager, overlay, error);
        if (r >= 0)
                r = build_needs_check(i->manager, JOB_FREEZE, error);
        if (r < 0)
                return r;

        return job_new(
                i->manager, everything ? JOB_FREEZE_EVERYTHING : JOB_FREEZE, i->name, overlay, ret, error);
}
