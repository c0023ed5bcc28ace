/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus-error.h"
#include "service/instance-internal.h"
#include "service/job-kinds.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/request.h"
#include "service/store.h"
#include "service/util.h"

/* Reset, delete and rename of an instance: left4me-tree works on its files, then the store follows. Each is safe to do again. */

void instance_set_job(Instance *i, Job *j) {
        i->job = j;
        i->operation = j ? OPERATION_JOB : OPERATION_NONE;
}

int instance_reset(Instance *i, Job **ret, sd_bus_error *error) {
        int r;

        r = instance_check_down(i, error);
        if (r < 0)
                return r;

        return job_new(i->manager, JOB_RESET, i->name, "", ret, error);
}

int instance_delete(Instance *i, Job **ret, sd_bus_error *error) {
        int r;

        r = instance_check_down(i, error);
        if (r < 0)
                return r;

        return job_new(i->manager, JOB_DELETE_INSTANCE, i->name, "", ret, error);
}

int instance_rename(Instance *i, const char *to, Request *q, sd_bus_error *error) {
        Job *j;
        int r;

        r = instance_check_down(i, error);
        if (r < 0)
                return r;

        if (instance_find(i->manager, to) || jobs_promise(i->manager, "instance", to))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NAME_TAKEN,
                        "There is a server '%s' already. Choose another name.", to);

        r = job_new(i->manager, JOB_RENAME_INSTANCE, i->name, to, &j, error);
        if (r < 0)
                return r;

        j->request = q;
        return 0;
}

static void on_renamed(Job *j, bool ok, const char *why) {
        if (ok)
                job_end_rename(
                        j, job_step_new("rename-instance", "Instance", j->argument, "To", j->subject, NULL));
        else
                job_end_with_steps(j, false, why);
}

void instance_job_begin(Job *j) {
        if (j->kind == JOB_RENAME_INSTANCE)
                g_ptr_array_add(j->steps,
                        job_step_new("rename-instance", "Instance", j->subject, "To", j->argument, NULL));
        else
                g_ptr_array_add(j->steps, job_step_new(j->kind == JOB_RESET ? "reset" : "remove-instance",
                                                  "Instance", j->subject, NULL));

        job_run_steps(j, j->kind == JOB_RENAME_INSTANCE ? on_renamed : job_end_with_steps);
}

/* The files are gone, or have moved. */
int instance_job_take_over(Job *j) {
        Manager *m = j->manager;
        Instance *i = instance_find(m, j->subject), *renamed;
        uint64_t now = now_usec();
        int r;

        if (!i || j->kind == JOB_RESET)
                return 0;

        r = j->kind == JOB_RENAME_INSTANCE ? store_rename_instance(m->store, i->name, j->argument, now)
                                           : store_remove_instance(m->store, i->name);
        if (r < 0)
                return r;

        (void) directory_remove(m->instances_fd, i->name);
        if (j->kind == JOB_RENAME_INSTANCE) {
                renamed = instance_new(m, j->argument, now, instance_config_copy(i->config));
                renamed->last_exit = i->last_exit;
                object_show(&renamed->object);
        }

        instance_tell_overlays(m, i->config);
        object_hide(&i->object);
        instance_free(i);
        return 0;
}
