/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/unit-internal.h"
#include "service/util.h"

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

static UnitJob *unit_job_free(UnitJob *j) {
        if (!j)
                return NULL;

        if (j->unit)
                g_ptr_array_remove_fast(j->unit->jobs, j);
        if (j->path)
                g_hash_table_remove(j->units->jobs, j->path);
        (void) g_ptr_array_remove_fast(j->units->lost, j);
        queued_call_free(j->call);
        g_free(j->path);
        g_free(j);
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

static int ask(UnitJob *j, const char *path, const char *interface, const char *property,
        sd_bus_message_handler_t handler) {
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = sd_bus_message_new_method_call(
                j->units->bus, &m, SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", interface, property);
        if (r >= 0)
                j->call = call_queue_add(j->units->calls, m, handler, j);

        return r;
}

/* systemd has come back, and a JobRemoved may have been missed: with the job gone, the unit's state tells how it ended. That is right for
 * units that stay; a oneshot leaves no trace, and counts as failed. */
static int on_state_asked(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        UnitJob *j = userdata;
        const char *active = "";

        j->call = queued_call_free(j->call);
        if (!sd_bus_message_get_error(reply))
                (void) sd_bus_message_read(reply, "v", "s", &active);
        unit_job_finish(j, g_str_equal(active, "active") == j->brings_up ? UNIT_DONE : UNIT_FAILED, NULL);
        return 1;
}

static int on_job_asked(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        UnitJob *j = userdata;

        j->call = queued_call_free(j->call);

        /* The state is asked for after that: a job may have ended between the one answer and the other. */
        if (sd_bus_message_get_error(reply) &&
                ask(j, j->unit->path, SYSTEMD_UNIT, "ActiveState", on_state_asked) < 0)
                unit_job_finish(j, UNIT_FAILED, NULL);

        return 1;
}

void units_check_jobs(Units *us) {
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, us->jobs);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                UnitJob *j = value;

                if (!j->call)
                        (void) ask(j, j->path, "org.freedesktop.systemd1.Job", "Id", on_job_asked);
        }
}

/* systemd took the job, or did something at once. Its JobRemoved comes after this answer on the same connection. */
static int on_job_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        UnitJob *j = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        const char *path;

        j->call = queued_call_free(j->call);

        /* systemd executes itself anew and leaves the bus for a moment. To start or stop twice is the same as once. */
        if (j->awaits_job && sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY)) {
                g_ptr_array_add(j->units->lost, j);
                return 1;
        }

        if (e) {
                unit_job_finish(j, UNIT_REFUSED, e->message ?: e->name);
                return 1;
        }

        if (!j->awaits_job) {
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

/* Sends a start or a stop. */
static int unit_job_send(UnitJob *j) {
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = sd_bus_message_new_method_call(j->units->bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                j->brings_up ? "StartUnit" : "StopUnit");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", j->unit->name, "replace");
        if (r >= 0)
                j->call = call_queue_add(j->units->calls, m, on_job_reply, j);

        return r;
}

void units_send_lost(Units *us) {
        g_autoptr(GPtrArray) lost = g_steal_pointer(&us->lost);

        us->lost = g_ptr_array_new();
        for (unsigned k = 0; k < lost->len; k++)
                if (unit_job_send(lost->pdata[k]) < 0)
                        unit_job_finish(lost->pdata[k], UNIT_REFUSED, "systemd cannot be asked");
}

static UnitJob *unit_job_new(Unit *u, bool awaits_job, UnitDone done, void *userdata) {
        UnitJob *j = g_new(UnitJob, 1);

        *j = (UnitJob){
                .units = u->units, .unit = u, .done = done, .userdata = userdata, .awaits_job = awaits_job
        };
        g_ptr_array_add(u->jobs, j);
        return j;
}

static int unit_change(Unit *u, bool brings_up, UnitDone done, void *userdata) {
        UnitJob *j = unit_job_new(u, true, done, userdata);
        int r;

        j->brings_up = brings_up;
        r = unit_job_send(j);
        if (r < 0)
                unit_job_free(j);

        return r;
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

        j = unit_job_new(u, false, done, userdata);
        j->call = call_queue_add(u->units->calls, m, on_job_reply, j);
        return 0;
}

int unit_start(Unit *u, UnitDone done, void *userdata) {
        return unit_change(u, true, done, userdata);
}

int unit_stop(Unit *u, UnitDone done, void *userdata) {
        return unit_change(u, false, done, userdata);
}

int unit_reset_failed(Unit *u, UnitDone done, void *userdata) {
        return unit_call(u, "ResetFailedUnit", done, userdata, "");
}

int unit_kill(Unit *u, int signal) {
        return unit_call(u, "KillUnit", NULL, NULL, "si", "main", (int32_t) signal);
}

int unit_hold(Unit *u) {
        int r;

        if (u->held)
                return 0;

        r = unit_call(u, "RefUnit", NULL, NULL, "");
        u->held = r >= 0;
        return r;
}

void unit_release(Unit *u) {
        if (!u->held)
                return;

        u->held = false;
        (void) unit_call(u, "UnrefUnit", NULL, NULL, "");
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

        unit_release(u);
        while (u->jobs->len > 0) {
                UnitJob *j = u->jobs->pdata[0];

                /* An Unref that is under way needs no answer; a job of somebody who is gone neither. */
                unit_job_free(j);
        }

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
