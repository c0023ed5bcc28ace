/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/job-kinds.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/prune.h"
#include "service/store.h"

/* Jobs on whole overlays: left4me-tree works on their files, then the store follows. Each is safe to do again. */

void overlay_delete_begin(Job *j) {
        g_ptr_array_add(j->steps, job_step_new("remove-overlay", "Overlay", j->subject, NULL));
        job_run_steps(j, job_end_with_steps);
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

static void on_cleaned(Job *j, bool ok, const char *why) {
        if (!ok)
                prune_failed(j->manager);
        job_end_with_steps(j, ok, why);
}

void clean_begin(Job *j) {
        job_run_steps(j, on_cleaned);
}
