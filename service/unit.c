/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/unit-internal.h"
#include "service/util.h"

/*
 * How many starts and stops systemd works on for us at a time. It watches for the end of our connection for each of them, and for each
 * unit that is held, by a match of its own on the bus. Of these it may have 512 (tried); then it can watch nothing more, for anybody.
 */
#define JOBS_AT_A_TIME 128U

static const char *const unit_results[_UNIT_RESULT_MAX] = {
        [UNIT_DONE] = "done",
        [UNIT_CANCELED] = "canceled",
        [UNIT_TIMEOUT] = "timeout",
        [UNIT_FAILED] = "failed",
        [UNIT_DEPENDENCY] = "dependency",
        [UNIT_SKIPPED] = "skipped",
        [UNIT_REFUSED] = "refused",
};

const char *unit_result_to_string(UnitResult r) {
        return r >= 0 && r < _UNIT_RESULT_MAX ? unit_results[r] : NULL;
}

UnitResult unit_result_from_string(const char *s) {
        for (int i = 0; i < _UNIT_RESULT_MAX; i++)
                if (g_str_equal(unit_results[i], s))
                        return (UnitResult) i;

        return _UNIT_RESULT_INVALID;
}

static int unit_job_send(UnitJob *j);

static void units_pump(Units *us) {
        while (us->n_jobs < JOBS_AT_A_TIME && us->waiting.length > 0) {
                UnitJob *j = g_queue_pop_head(&us->waiting);

                j->counted = true;
                us->n_jobs++;
                if (unit_job_send(j) < 0)
                        g_ptr_array_add(us->lost, j);
        }
}

static UnitJob *unit_job_free(UnitJob *j) {
        Units *us;

        if (!j)
                return NULL;

        us = j->units;
        g_ptr_array_remove_fast(j->unit->jobs, j);
        if (j->path)
                g_hash_table_remove(us->jobs, j->path);
        (void) g_ptr_array_remove_fast(us->lost, j);
        (void) g_ptr_array_remove_fast(us->reviewed, j);
        (void) g_queue_remove(&us->waiting, j);
        if (j->counted)
                us->n_jobs--;
        queued_call_free(j->call);
        g_free(j->path);
        g_free(j);
        units_pump(us);
        return NULL;
}

/* The job goes before its callback is called: the callback may start the next one, or free the unit. */
static void unit_job_finish(UnitJob *j, UnitResult result, const char *detail) {
        Unit *u = j->unit;
        UnitDone done = j->done;
        void *userdata = j->userdata;

        unit_job_free(j);
        if (done)
                done(u, result, detail, userdata);
}

void units_on_job_removed(Units *us, const char *path, const char *result) {
        UnitJob *j = g_hash_table_lookup(us->jobs, path);
        UnitResult r = unit_result_from_string(result);

        if (j)
                unit_job_finish(j, r < 0 ? UNIT_FAILED : r, NULL);
}

/* -- when systemd executes itself anew ----------------------------------------------------------------------- */

/* Calls, answers and signals are lost then. Jobs and units are not, and a unit's times tell what happened to it since the call. */
static void unit_job_review(UnitJob *j) {
        if (!j->units->owner) {
                g_ptr_array_add(j->units->lost, j);
                return;
        }

        j->in_review = true;
        if (unit_refresh(j->unit) < 0)
                unit_job_finish(j, UNIT_REFUSED, "systemd cannot be asked");
}

/* The times of a unit that was unloaded meanwhile are 0. */
static bool is_news(uint64_t now, uint64_t before) {
        return now != 0 && now != before;
}

/* How the job ended, by what its unit is now; _UNIT_RESULT_INVALID: it did not. */
static UnitResult unit_job_judge(const UnitJob *j) {
        const UnitState *s = &j->unit->state;

        if (j->kind == UNIT_JOB_START) {
                if (is_news(s->entered, j->entered))
                        return UNIT_DONE;
                /* A oneshot is never active; another unit may have failed on its way. */
                if (!is_news(s->exited, j->exited) || !unit_is_down(j->unit))
                        return _UNIT_RESULT_INVALID;
                if (g_str_equal(s->result, "success"))
                        return UNIT_DONE;
                return g_str_equal(s->result, "timeout") ? UNIT_TIMEOUT : UNIT_FAILED;
        }

        if (j->kind == UNIT_JOB_STOP)
                return unit_is_down(j->unit) ? UNIT_DONE : _UNIT_RESULT_INVALID;

        return UNIT_DONE;
}

/* What did not happen is asked for again: to start or to stop twice is the same as once, and systemd answers with the same job. A job that
 * ended without effect is not. */
static void unit_job_conclude(UnitJob *j) {
        UnitResult result = unit_job_judge(j);

        if (result < 0 && j->gone)
                result = j->kind == UNIT_JOB_START ? UNIT_FAILED : UNIT_CANCELED;

        j->in_review = false;
        if (result >= 0)
                unit_job_finish(j, result, NULL);
        else if (unit_job_send(j) < 0)
                unit_job_finish(j, UNIT_REFUSED, "systemd cannot be asked");
}

void unit_on_refreshed(Unit *u) {
        Units *us = u->units;

        for (unsigned k = 0; k < u->jobs->len; k++) {
                UnitJob *j = u->jobs->pdata[k];

                if (j->in_review)
                        g_ptr_array_add(us->reviewed, j);
        }

        /* Whoever is told may free the unit, and with it other jobs. */
        while (us->reviewed->len > 0)
                unit_job_conclude(g_ptr_array_steal_index(us->reviewed, 0));
}

static int on_job_asked(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        UnitJob *j = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(reply);

        j->call = queued_call_free(j->call);
        if (!e)
                return 1;

        /* The state is asked for after that: a job may have ended between the one answer and the other. */
        j->gone = !sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY);
        unit_job_review(j);
        return 1;
}

static int ask_for_job(UnitJob *j) {
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = sd_bus_message_new_method_call(
                j->units->bus, &m, SYSTEMD_NAME, j->path, "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", "org.freedesktop.systemd1.Job", "Id");
        if (r >= 0)
                j->call = call_queue_add(j->units->calls, m, on_job_asked, j);

        return r;
}

void units_review_jobs(Units *us) {
        g_autoptr(GPtrArray) lost = us->lost;
        GHashTableIter iter;
        gpointer value;

        us->lost = g_ptr_array_new();
        for (unsigned k = 0; k < lost->len; k++)
                unit_job_review(lost->pdata[k]);

        g_hash_table_iter_init(&iter, us->jobs);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                UnitJob *j = value;

                /* One that awaits an answer gets one, if only NoReply. */
                if (!j->call && !j->in_review)
                        (void) ask_for_job(j);
        }
}

/* -- jobs ---------------------------------------------------------------------------------------------------- */

/* systemd took the job, or did something at once. Its JobRemoved comes after this answer on the same connection. */
static int on_job_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        UnitJob *j = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        const char *path;

        j->call = queued_call_free(j->call);

        if (j->kind != UNIT_JOB_CALL && sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY)) {
                unit_job_review(j);
                return 1;
        }

        if (e) {
                unit_job_finish(j, UNIT_REFUSED, e->message ?: e->name);
                return 1;
        }

        if (j->kind == UNIT_JOB_CALL) {
                unit_job_finish(j, UNIT_DONE, NULL);
                return 1;
        }

        if (sd_bus_message_read(reply, "o", &path) < 0) {
                unit_job_finish(j, UNIT_REFUSED, "systemd's answer was not understood");
                return 1;
        }

        j->path = g_strdup(path);
        g_hash_table_insert(j->units->jobs, j->path, j);
        return 1;
}

/* Sends a start or a stop, perhaps not for the first time. */
static int unit_job_send(UnitJob *j) {
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        if (j->path)
                g_hash_table_remove(j->units->jobs, j->path);
        g_clear_pointer(&j->path, g_free);

        r = sd_bus_message_new_method_call(j->units->bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                j->kind == UNIT_JOB_START ? "StartUnit" : "StopUnit");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", j->unit->name, "replace");
        if (r >= 0)
                j->call = call_queue_add(j->units->calls, m, on_job_reply, j);

        return r;
}

static UnitJob *unit_job_new(Unit *u, UnitJobKind kind, UnitDone done, void *userdata) {
        UnitJob *j = g_new(UnitJob, 1);

        *j = (UnitJob){
                .units = u->units,
                .unit = u,
                .kind = kind,
                .done = done,
                .userdata = userdata,
                .entered = u->state.entered,
                .exited = u->state.exited,
        };
        g_ptr_array_add(u->jobs, j);
        return j;
}

static int unit_change(Unit *u, UnitJobKind kind, UnitDone done, void *userdata) {
        UnitJob *j = unit_job_new(u, kind, done, userdata);
        int r;

        if (u->units->n_jobs >= JOBS_AT_A_TIME) {
                g_queue_push_tail(&u->units->waiting, j);
                return 0;
        }

        r = unit_job_send(j);
        if (r < 0) {
                unit_job_free(j);
                return r;
        }

        j->counted = true;
        u->units->n_jobs++;
        return 0;
}

/* Calls another method of systemd's manager that takes the unit's name first. */
static int unit_call(Unit *u, const char *method, UnitDone done, void *userdata, const char *types, ...) {
        g_autoptr(sd_bus_message) m = NULL;
        va_list args;
        UnitJob *j;
        int r;

        r = sd_bus_message_new_method_call(
                u->units->bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, method);
        if (r < 0)
                return r;

        r = sd_bus_message_append(m, "s", u->name);
        if (r < 0)
                return r;

        va_start(args, types);
        r = sd_bus_message_appendv(m, types, args);
        va_end(args);
        if (r < 0)
                return r;

        j = unit_job_new(u, UNIT_JOB_CALL, done, userdata);
        j->call = call_queue_add(u->units->calls, m, on_job_reply, j);
        return 0;
}

int unit_start(Unit *u, UnitDone done, void *userdata) {
        return unit_change(u, UNIT_JOB_START, done, userdata);
}

int unit_stop(Unit *u, UnitDone done, void *userdata) {
        return unit_change(u, UNIT_JOB_STOP, done, userdata);
}

int unit_look(Unit *u, UnitDone done, void *userdata) {
        UnitJob *j = unit_job_new(u, UNIT_JOB_LOOK, done, userdata);
        int r;

        j->in_review = true;
        r = unit_refresh(u);
        if (r < 0)
                unit_job_free(j);

        return r;
}

int unit_reset_failed(Unit *u, UnitDone done, void *userdata) {
        return unit_call(u, "ResetFailedUnit", done, userdata, "");
}

int unit_kill(Unit *u, int signal, UnitDone done, void *userdata) {
        return unit_call(u, "KillUnit", done, userdata, "si", "main", (int32_t) signal);
}

static void on_held(Unit *u, UnitResult result, const char *detail, void *userdata) {
        u->held = result == UNIT_DONE;
}

int unit_hold(Unit *u) {
        int r;

        if (u->held)
                return 0;

        r = unit_call(u, "RefUnit", on_held, NULL, "");
        u->held = r >= 0;
        return r;
}

Unit *unit_new(Units *us, const char *name, UnitChanged changed, void *userdata) {
        Unit *u = g_new0(Unit, 1);

        u->units = us;
        u->name = g_strdup(name);
        u->changed = changed;
        u->userdata = userdata;
        u->jobs = g_ptr_array_new();
        (void) g_strlcpy(u->state.active, "inactive", sizeof(u->state.active));
        (void) g_strlcpy(u->state.sub, "dead", sizeof(u->state.sub));
        if (sd_bus_path_encode(SYSTEMD_UNIT_PREFIX, name, &u->path) < 0)
                g_error("out of memory");

        g_hash_table_insert(us->by_path, u->path, u);
        return u;
}

Unit *unit_free(Unit *u) {
        if (!u)
                return NULL;

        if (u->held)
                (void) unit_call(u, "UnrefUnit", NULL, NULL, "");
        while (u->jobs->len > 0)
                /* An Unref that is under way needs no answer; a job of somebody who is gone neither. */
                unit_job_free(u->jobs->pdata[0]);

        g_hash_table_remove(u->units->by_path, u->path);
        for (unsigned k = 0; k < G_N_ELEMENTS(u->refresh); k++)
                unit_drop_refresh(u, k);
        g_ptr_array_unref(u->jobs);
        free(u->path);
        g_free(u->name);
        g_free(u);
        return NULL;
}

const char *unit_name(const Unit *u) {
        return u->name;
}

const UnitState *unit_state(const Unit *u) {
        return &u->state;
}

bool unit_waits_to_restart(const Unit *u) {
        /* systemd passes from "failed-before-auto-restart", with the unit "failed" for a moment, through "auto-restart" to
         * "auto-restart-queued". */
        return strstr(u->state.sub, "auto-restart");
}

bool unit_is_down(const Unit *u) {
        return !unit_waits_to_restart(u) &&
               (g_str_equal(u->state.active, "inactive") || g_str_equal(u->state.active, "failed"));
}
