/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "service/job-kinds.h"
#include "service/journal-tail.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/util.h"

/* A job's operations on files, run one after the other by left4me-tree@N.service. */

int job_open_directory(Job *j) {
        g_autofree char *name = g_strdup_printf("%u", j->id);
        int r;

        r = directory_remove(j->manager->jobs_fd, name);
        if (r < 0)
                return r;

        return directory_make(j->manager->jobs_fd, name, 0750);
}

char *job_step_new(const char *operation, ...) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        const char *key;
        va_list args;

        g_key_file_set_string(file, "Job", "Operation", operation);

        va_start(args, operation);
        while ((key = va_arg(args, const char *)))
                g_key_file_set_string(file, "Job", key, va_arg(args, const char *));
        va_end(args);

        return g_key_file_to_data(file, NULL, NULL);
}

static void on_step_log(const char *why, void *userdata) {
        Job *j = userdata;

        j->steps_done(j, false, why);
}

static void step_next(Job *j);

static void on_step(Unit *u, UnitResult result, const char *detail, void *userdata) {
        Job *j = userdata;

        if (result == UNIT_DONE) {
                g_ptr_array_remove_index(j->steps, 0);
                j->step_failed = false;
                step_next(j);
                return;
        }

        /* A step takes up what an earlier try left. One that was killed, or met an error that passes, ends well the second time. */
        if (result == UNIT_FAILED && !j->step_failed) {
                j->step_failed = true;
                step_next(j);
                return;
        }

        if (result == UNIT_REFUSED || journal_tail_unit(j->manager, u, on_step_log, j) < 0)
                j->steps_done(j, false, detail ?: unit_result_to_string(result));
}

/* Recurses by way of the event loop, where on_step() comes from, and once for a second try. */
static void step_next(Job *j) {
        int fd, r;

        if (j->steps->len == 0) {
                j->steps_done(j, true, NULL);
                return;
        }

        fd = job_open_directory(j);
        r = fd;
        if (fd >= 0) {
                const char *step = j->steps->pdata[0];

                r = file_write(fd, "job", step, strlen(step), 0640);
                (void) close(fd);
        }
        if (r >= 0)
                r = unit_start(j->tree, on_step, j);
        if (r < 0 && !j->step_failed) {
                j->step_failed = true;
                step_next(j);
        } else if (r < 0)
                j->steps_done(j, false, strerror(-r));
}

void job_end_with_steps(Job *j, bool ok, const char *why) {
        job_finish(j, ok ? JOB_SUCCEEDED : JOB_FAILED, ok ? "" : why);
}

void job_run_steps(Job *j, void (*done)(Job *j, bool ok, const char *why)) {
        g_autofree char *name = g_strdup_printf("left4me-tree@%u.service", j->id);

        j->steps_done = done;
        j->step_failed = false;
        if (!j->tree)
                j->tree = unit_new(j->manager->units, name, NULL, NULL);

        /* Its results must be there to be read if systemd executes itself anew meanwhile. */
        (void) unit_hold(j->tree);
        step_next(j);
}

static void on_renamed_back(Job *j, bool ok, const char *why) {
        g_autofree char *message = g_strdup(j->message);

        /* Where the files are is what counts: the store is asked once more, and if it refuses again, the next start does it. */
        job_finish(j, ok ? JOB_FAILED : JOB_SUCCEEDED, ok ? message : "");
}

void job_end_rename(Job *j, char *back) {
        int r;

        r = job_commit(j);
        if (r >= 0) {
                g_free(back);
                job_finish(j, JOB_SUCCEEDED, "");
                return;
        }

        g_free(j->message);
        j->message = g_strdup_printf(
                "the database cannot be written, the old name stays: %s", g_strerror(-r));
        g_ptr_array_set_size(j->steps, 0);
        g_ptr_array_add(j->steps, back);
        job_run_steps(j, on_renamed_back);
}
