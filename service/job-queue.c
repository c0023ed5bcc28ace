/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/job-kinds.h"
#include "service/manager.h"

/* Which of the waiting jobs begins next. */

static bool makes_or_takes_overlays(const Job *j) {
        return j->kind == JOB_CLEAN || j->kind == JOB_DELETE_OVERLAY || j->kind == JOB_RENAME_OVERLAY ||
               job_is_freeze(j);
}

typedef struct Obstacle {
        const Job *to;
        bool found;
} Obstacle;

static gboolean find_obstacle(gpointer key, gpointer value, gpointer userdata) {
        Obstacle *obstacle = userdata;
        const Job *j = value;

        obstacle->found = j->state == JOB_RUNNING && makes_or_takes_overlays(j) &&
                          (j->kind == JOB_CLEAN || obstacle->to->kind == JOB_CLEAN);
        return obstacle->found;
}

/* The one kind of job that works on overlays which are not bound to it does so alone. */
static bool job_must_wait(const Job *j) {
        Obstacle obstacle = { .to = j };

        if (makes_or_takes_overlays(j))
                g_tree_foreach(j->manager->jobs, find_obstacle, &obstacle);

        return obstacle.found;
}

static Job *pop_next(Manager *m) {
        for (GList *l = m->queue->head; l; l = l->next)
                if (!job_must_wait(l->data)) {
                        Job *j = l->data;

                        g_queue_delete_link(m->queue, l);
                        return j;
                }

        return NULL;
}

static int on_dispatch(sd_event_source *source, void *userdata) {
        Manager *m = userdata;

        while (m->n_workers < m->config.job_workers) {
                Job *j = pop_next(m);

                if (!j)
                        break;
                job_begin(j);
        }

        return 0;
}

void jobs_dispatch(Manager *m) {
        /* Not at once: whoever made the job may want to finish what it does, and a job may end as soon as it begins. */
        if (m->ready && m->queue->length > 0)
                (void) sd_event_add_defer(m->event, NULL, on_dispatch, m);
}

typedef struct Promise {
        const char *what, *name;
        bool found;
} Promise;

static gboolean find_promise(gpointer key, gpointer value, gpointer userdata) {
        Promise *promise = userdata;
        const Job *j = value;

        promise->found = job_promises(j, promise->what) && g_str_equal(j->argument, promise->name);
        return promise->found;
}

bool jobs_promise(Manager *m, const char *what, const char *name) {
        Promise promise = { what, name, false };

        g_tree_foreach(m->jobs, find_promise, &promise);
        return promise.found;
}
