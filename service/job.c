/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "service/bus-error.h"
#include "service/instance.h"
#include "service/job-kinds.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/request.h"
#include "service/util.h"

#define PROGRESS_STEP 0.001 /* what is less is none */

static const char *const job_properties[] = { "State", "Progress", "Message", "Started", "Finished",
        "ExitStatus", NULL };

static const ObjectType job_object_type = {
        .interface = LEFT4ME_JOB_INTERFACE,
        .prefix = LEFT4ME_JOB_PREFIX,
        .properties = job_properties,
};

uint32_t job_id(const Job *j) {
        return j->id;
}

bool job_is(const Job *j, JobKind kind) {
        return j->kind == kind;
}

bool job_has_ended(const Job *j) {
        return j->state != JOB_QUEUED && j->state != JOB_RUNNING;
}

Job *job_find(Manager *m, uint32_t id) {
        return g_tree_lookup(m->jobs, GUINT_TO_POINTER(id));
}

bool job_is_of(const Job *j, const char *subject) {
        return g_strcmp0(job_type(j)->subject, subject) == 0;
}

/* What the job works on knows of it while it is under way. */
static void job_bind(Job *j, bool bind) {
        Instance *i = job_is_of(j, "instance") ? instance_find(j->manager, j->subject) : NULL;
        Overlay *o = job_is_of(j, "overlay") ? overlay_find(j->manager, j->subject) : NULL;

        if (o)
                overlay_set_job(o, bind ? j : NULL);
        if (i)
                instance_set_job(i, bind ? j : NULL);
}

/* The overlay knows its last job, also when that is over. What comes before the end of one of its name was that one's: to be called
 * in the order of the jobs. */
static void job_note_last(Job *j) {
        bool done = j->state == JOB_SUCCEEDED, renamed = done && j->kind == JOB_RENAME_OVERLAY,
             gone = renamed || (done && j->kind == JOB_DELETE_OVERLAY);
        Overlay *o = job_is_of(j, "overlay") ? overlay_find(j->manager, j->subject) : NULL,
                *to = renamed ? overlay_find(j->manager, j->argument) : NULL;

        if (o)
                o->last_job = gone ? 0 : j->id;
        if (to)
                to->last_job = j->id;
}

StoredJob job_stored(const Job *j) {
        return (StoredJob){
                .id = j->id,
                .kind = job_kind_to_string(j->kind),
                .subject = j->subject,
                .argument = j->argument,
                .state = job_state_to_string(j->state),
                .message = j->message,
                .queued = j->queued,
                .started = j->started,
                .finished = j->finished,
                .exit_status = j->exit_status,
        };
}

/* A job whose state cannot be stored goes on: what it does counts, and after a restart it is found unfinished and done again. */
static void job_store(Job *j) {
        StoredJob stored = job_stored(j);
        int r;

        r = store_set_job(j->manager->store, &stored, JOBS_KEPT);
        if (r < 0)
                log_plain(
                        LOG_WARNING, "Cannot store the state of job %u, ignoring: %s", j->id, strerror(-r));
}

static Job *job_allocate(Manager *m, const StoredJob *stored) {
        g_autofree char *name = g_strdup_printf("%u", stored->id);
        Job *j = g_new0(Job, 1);

        object_init(&j->object, m, &job_object_type, name);
        j->manager = m;
        j->id = stored->id;
        j->kind = job_kind_from_string(stored->kind);
        j->subject = g_strdup(stored->subject);
        j->argument = g_strdup(stored->argument);
        j->state = job_state_from_string(stored->state);
        j->message = g_strdup(stored->message);
        j->progress = j->state == JOB_SUCCEEDED ? 1.0 : -1.0;
        j->queued = stored->queued;
        j->started = stored->started;
        j->finished = stored->finished;
        j->exit_status = stored->exit_status;
        j->steps = g_ptr_array_new_with_free_func(g_free);
        j->cancels = g_ptr_array_new();
        g_tree_insert(m->jobs, GUINT_TO_POINTER(j->id), j);
        return j;
}

Job *job_free(Job *j) {
        if (!j)
                return NULL;

        (void) g_tree_remove(j->manager->jobs, GUINT_TO_POINTER(j->id));
        (void) g_queue_remove(j->manager->queue, j);
        object_done(&j->object);
        sd_event_source_disable_unref(j->progress_source);
        request_drop(g_steal_pointer(&j->request));
        for (unsigned k = 0; k < j->cancels->len; k++)
                request_drop(j->cancels->pdata[k]);
        unit_free(j->tree);
        build_free(j->build);
        g_ptr_array_unref(j->steps);
        g_ptr_array_unref(j->cancels);
        g_free(j->subject);
        g_free(j->argument);
        g_free(j->message);
        g_free(j);
        return NULL;
}

StoredJob job_plan(JobKind kind, const char *subject, const char *argument) {
        return (StoredJob){
                .kind = job_kind_to_string(kind),
                .subject = subject,
                .argument = argument,
                .state = "queued",
                .message = "",
                .queued = now_usec(),
                .exit_status = -1,
        };
}

int jobs_check_room(const Manager *m, unsigned n, sd_bus_error *error) {
        if (m->queue->length + n > JOBS_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "%u jobs wait already. Try again when some have ended.", m->queue->length);

        return 0;
}

Job *job_take(Manager *m, const StoredJob *stored) {
        Job *j = job_allocate(m, stored);

        object_show(&j->object);
        job_bind(j, true);
        g_queue_push_tail(m->queue, j);
        jobs_dispatch(m);
        return j;
}

int job_new(Manager *m, JobKind kind, const char *subject, const char *argument, Job **ret,
        sd_bus_error *error) {
        StoredJob stored = job_plan(kind, subject, argument);
        int r;

        r = jobs_check_room(m, 1, error);
        if (r < 0)
                return r;

        r = store_add_job(m->store, &stored, &stored.id);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot store the job");

        *ret = job_take(m, &stored);
        return 0;
}

static gboolean find_oldest_ended(gpointer key, gpointer value, gpointer userdata) {
        Job **ret = userdata, *j = value;

        /* The newest comes first, so the last one that is found is the oldest. */
        if (job_has_ended(j))
                *ret = j;

        return FALSE;
}

static gboolean count_ended(gpointer key, gpointer value, gpointer userdata) {
        unsigned *n = userdata;

        *n += job_has_ended(value);
        return FALSE;
}

/* The store forgets ended jobs in the same order. */
static void forget_old_jobs(Manager *m) {
        unsigned n = 0;

        g_tree_foreach(m->jobs, count_ended, &n);
        for (; n > JOBS_KEPT; n--) {
                Job *oldest = NULL;

                g_tree_foreach(m->jobs, find_oldest_ended, &oldest);
                overlays_forget_job(m, oldest->id);
                object_hide(&oldest->object);
                job_free(oldest);
        }
}

static void job_answer(Job *j) {
        if (j->request && j->state != JOB_SUCCEEDED)
                request_failf(g_steal_pointer(&j->request), LEFT4ME_ERROR_JOB_FAILED, "%s", j->message);
        else if (j->request) {
                /* The only call that waits for a job is Rename(), which answers the new path. */
                g_autofree char *path = NULL;

                (void) sd_bus_path_encode(
                        job_is_of(j, "overlay") ? LEFT4ME_OVERLAY_PREFIX : LEFT4ME_INSTANCE_PREFIX,
                        j->argument, &path);
                request_ok_path(g_steal_pointer(&j->request), path);
        }

        for (unsigned i = 0; i < j->cancels->len; i++)
                request_ok(j->cancels->pdata[i]);
        g_ptr_array_set_size(j->cancels, 0);
}

static void job_set_end(Job *j, JobState state, const char *message) {
        /* The end tells everything; news of the way there is none after it. */
        j->progress_source = sd_event_source_disable_unref(j->progress_source);
        j->state = state;
        j->finished = now_usec();
        g_free(j->message);
        j->message = g_strdup(message);
        if (state == JOB_SUCCEEDED)
                j->progress = 1.0;
}

/* An error that passes is tried once more. When the store fails then, too, the row of the job keeps saying that it runs: the next
 * start of left4med does it again. */
static void job_take_over(Job *j) {
        int (*take_over)(Job * j) = j->state == JOB_SUCCEEDED ? job_type(j)->take_over : NULL;
        int r = take_over ? take_over(j) : 0;

        if (r < 0)
                r = take_over(j);
        if (r < 0) {
                g_autofree char *why = g_strdup_printf(
                        "done, but the database cannot be written: %s", g_strerror(-r));

                job_set_end(j, JOB_FAILED, why);
                return;
        }

        job_store(j);
}

int job_commit(Job *j) {
        int r;

        job_bind(j, false);
        j->state = JOB_SUCCEEDED;
        j->finished = now_usec();
        r = job_type(j)->take_over(j);
        j->state = JOB_RUNNING;
        if (r < 0) {
                j->finished = 0;
                job_bind(j, true);
        }

        return r;
}

static void job_log_end(const Job *j) {
        bool failed = j->state == JOB_FAILED;

        log_job(failed ? LOG_ERR : LOG_INFO, failed ? LEFT4ME_MESSAGE_JOB_FAILED : LEFT4ME_MESSAGE_JOB_ENDED,
                j->id, j->subject, "%s '%s' %s%s%s", job_kind_to_string(j->kind), j->subject,
                job_state_to_string(j->state), *j->message != '\0' ? ": " : "", j->message);
}

void job_finish(Job *j, JobState state, const char *message) {
        Manager *m = j->manager;
        g_autofree char *name = g_strdup_printf("%u", j->id);

        if (j->state == JOB_RUNNING)
                m->n_workers--;
        else
                (void) g_queue_remove(m->queue, j);

        job_set_end(j, state, message);
        if (j->tree && g_str_equal(unit_state(j->tree)->active, "failed"))
                (void) unit_reset_failed(j->tree, NULL, NULL);
        j->tree = unit_free(j->tree);
        build_free(g_steal_pointer(&j->build));
        job_bind(j, false);
        job_take_over(j);

        /* The upload's pipe goes with the directory: whoever writes still gets EPIPE. */
        (void) directory_remove(m->jobs_fd, name);

        job_log_end(j);
        object_changed(&j->object, JOB_PROP_STATE | JOB_PROP_FINISHED | JOB_PROP_MESSAGE |
                                           JOB_PROP_EXIT_STATUS | JOB_PROP_PROGRESS);
        job_answer(j);
        forget_old_jobs(m);
        jobs_dispatch(m);
}

void job_begin(Job *j) {
        j->manager->n_workers++;
        j->state = JOB_RUNNING;
        if (j->started == 0)
                j->started = now_usec();
        job_store(j);
        object_changed(&j->object, JOB_PROP_STATE | JOB_PROP_STARTED);
        job_type(j)->begin(j);
}

int job_cancel(Job *j, Request *q, sd_bus_error *error) {
        if (job_has_ended(j)) {
                request_ok(q);
                return 0;
        }

        /* A removal that waits in the queue is as good as not asked for. */
        if (j->state == JOB_QUEUED) {
                g_ptr_array_add(j->cancels, q);
                job_finish(j, JOB_CANCELLED, "cancelled before it began");
                return 0;
        }

        if (!j->cancel_wanted && (!j->build || !build_cancel(j)))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_BUSY,
                        "Job %u is past the point where it can be undone. Let it end.", j->id);

        g_ptr_array_add(j->cancels, q);
        return 0;
}

void job_load(Manager *m, const StoredJob *stored) {
        const char *why;
        Job *j;

        /* Kinds and states of a newer left4me do not come here: its database is refused as a whole. */
        if (job_kind_from_string(stored->kind) < 0 || job_state_from_string(stored->state) < 0)
                return;

        j = job_allocate(m, stored);
        j->object.shown = true;
        job_note_last(j);
        if (job_has_ended(j))
                return;

        if (job_type(j)->resumes || build_resume(j)) {
                j->state = JOB_QUEUED;
                job_bind(j, true);
                g_queue_push_tail(m->queue, j);
                return;
        }

        /* Nobody feeds the pipe any more. What the build left behind is found and removed by itself. */
        if (j->kind == JOB_CLEAN)
                why = "interrupted by a restart of left4med, which looks anew for what is to be removed";
        else if (j->state == JOB_RUNNING)
                why = "interrupted by a restart of left4med; start it again";
        else if (j->kind == JOB_IMPORT || j->kind == JOB_PUT_FILE)
                why = "its upload was interrupted by a restart of left4med, before it began; start it again";
        else
                why = "the host went down before it began; start it again";
        j->state = JOB_QUEUED;
        job_finish(j, JOB_FAILED, why);
}

static int on_progress_time(sd_event_source *source, uint64_t usec, void *userdata) {
        Job *j = userdata;

        j->progress_told = now_usec();
        object_changed(&j->object, JOB_PROP_PROGRESS | JOB_PROP_MESSAGE);
        return 0;
}

void job_set_progress(Job *j, double progress, const char *message) {
        uint64_t gap = 250 * G_TIME_SPAN_MILLISECOND, now = now_usec(), wait;
        int enabled;

        /* A download that stands still says so four times a second. */
        if (ABS(j->progress - progress) < PROGRESS_STEP && g_strcmp0(j->message, message) == 0)
                return;

        j->progress = progress;
        g_free(j->message);
        j->message = g_strdup(message);

        /* At most four signals a second; the newest value is told when its time comes. */
        if (!j->progress_source) {
                if (sd_event_add_time_relative(j->manager->event, &j->progress_source, CLOCK_MONOTONIC, 0, 0,
                            on_progress_time, j) < 0)
                        return;
        } else if (sd_event_source_get_enabled(j->progress_source, &enabled) >= 0 && enabled != SD_EVENT_OFF)
                return;

        wait = now - j->progress_told < gap ? gap - (now - j->progress_told) : 0;
        (void) sd_event_source_set_time_relative(j->progress_source, wait);
        (void) sd_event_source_set_enabled(j->progress_source, SD_EVENT_ONESHOT);
}
