/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "service/bus-error.h"
#include "service/instance.h"
#include "service/job-kinds.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/prune.h"
#include "service/steam.h"
#include "service/store.h"
#include "service/workshop.h"

/* Jobs on whole overlays: left4me-tree works on their files, then the store follows. Each is safe to do again. */

static bool has_directory(Manager *m, const char *name) {
        return faccessat(m->overlays_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) >= 0 || errno != ENOENT;
}

/* Where the files are is what counts: of what has none any more nothing is to be kept. What a step that failed half-way has left of
 * them lies under names that the next start clears away. */
static void on_deleted(Job *j, bool ok, const char *why) {
        job_end_with_steps(j, ok || !has_directory(j->manager, j->subject), why);
}

void overlay_delete_begin(Job *j) {
        g_ptr_array_add(j->steps, job_step_new("remove-overlay", "Overlay", j->subject, NULL));
        job_run_steps(j, on_deleted);
}

int overlay_delete_take_over(Job *j) {
        Overlay *o = overlay_find(j->manager, j->subject);
        int r;

        if (!o)
                return 0;

        r = store_remove_overlay(j->manager->store, o->name);
        if (r < 0)
                return r;

        object_hide(&o->object);
        overlay_free(o);
        return 0;
}

int overlay_rename(Overlay *o, const char *to, Request *q, sd_bus_error *error) {
        Manager *m = o->manager;
        Job *j;
        int r;

        r = overlay_check_idle(o, error);
        if (r < 0)
                return r;

        if (overlay_find(m, to) || jobs_promise(m, "overlay", to))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NAME_TAKEN,
                        "There is an overlay '%s' already. Choose another name.", to);

        if (prune_holds(o))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_IN_USE,
                        "A running server has the overlay '%s' mounted, or somebody compares its versions. Stop that first.",
                        o->name);

        r = job_new(m, JOB_RENAME_OVERLAY, o->name, to, &j, error);
        if (r < 0)
                return r;

        j->request = q;
        return 0;
}

/* Where the files are is what counts: a step that fails after it has moved them must not have the next start take them for nobody's. */
static void on_renamed(Job *j, bool ok, const char *why) {
        Manager *m = j->manager;

        if (!ok && (has_directory(m, j->subject) || !has_directory(m, j->argument))) {
                job_end_with_steps(j, false, why);
                return;
        }

        job_end_rename(j, job_step_new("rename-overlay", "Overlay", j->argument, "To", j->subject, NULL));
}

void overlay_rename_begin(Job *j) {
        g_ptr_array_add(
                j->steps, job_step_new("rename-overlay", "Overlay", j->subject, "To", j->argument, NULL));
        job_run_steps(j, on_renamed);
}

static gboolean rename_layer(gpointer key, gpointer value, gpointer userdata) {
        const Job *j = userdata;

        instance_rename_overlay(value, j->subject, j->argument);
        return FALSE;
}

int overlay_rename_take_over(Job *j) {
        StoredJob stored = job_stored(j);
        Manager *m = j->manager;
        Overlay *o = overlay_find(m, j->subject), *renamed;
        int r;

        if (!o)
                return 0;

        r = store_rename_overlay(m->store, o->name, j->argument, &stored);
        if (r < 0)
                return r;

        renamed = overlay_new(m, j->argument, o->kind->name);
        g_array_unref(renamed->versions);
        renamed->versions = g_array_ref(o->versions);
        renamed->current = o->current;
        renamed->keep = o->keep;
        renamed->last_job = j->id;
        g_free(renamed->wanted);
        renamed->wanted = g_strdup(o->wanted);
        g_free(renamed->built);
        renamed->built = g_strdup(o->built);
        workshop_free(renamed->workshop);
        renamed->workshop = g_steal_pointer(&o->workshop);
        steam_free(renamed->steam);
        renamed->steam = g_steal_pointer(&o->steam);
        g_tree_foreach(m->instances, rename_layer, j);
        object_show(&renamed->object);

        object_hide(&o->object);
        overlay_free(o);
        prune_later(m);
        return 0;
}

static void on_cleaned(Job *j, bool ok, const char *why) {
        if (!ok)
                prune_failed(j->manager);
        job_end_with_steps(j, ok, why);
}

void clean_begin(Job *j) {
        job_run_steps(j, on_cleaned);
}
