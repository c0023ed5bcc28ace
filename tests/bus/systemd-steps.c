/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life of a unit: job, process, end, and what the end of one means to the other. Each step runs from an idle source, so
 * that the reply to the call that caused it is on its way first, as with systemd. */

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "loop.h"
#include "systemd-internal.h"

/* The steps cause each other in a circle, by way of the main loop. */
static gboolean run_next(gpointer data);

static void schedule(SystemdUnit *u, UnitNext next) {
        if (u->idle > 0)
                g_source_remove(u->idle);
        u->next = next;
        u->idle = g_idle_add(run_next, u);
}

static bool is_oneshot(const SystemdUnit *u) {
        return u->kind == UNIT_OVERLAY || u->kind == UNIT_BUILD || u->kind == UNIT_TREE ||
               u->kind == UNIT_CPUS;
}

static SystemdUnit *mount_of(SystemdUnit *u) {
        return u->needs ? unit_load(u->systemd, u->needs) : NULL;
}

/* Whether a unit that is bound to this overlay runs, or waits for it. */
static bool is_needed(SystemdUnit *overlay) {
        GHashTableIter iter;
        SystemdUnit *u;

        g_hash_table_iter_init(&iter, overlay->systemd->units);
        while (g_hash_table_iter_next(&iter, NULL, (gpointer *) &u))
                if (g_strcmp0(u->needs, overlay->name) == 0 && (unit_is_running(u) || u->waits_for_mount))
                        return true;

        return false;
}

/* StopWhenUnneeded= is looked at a moment after the last user has gone. */
static void check_needed(SystemdUnit *overlay) {
        if (overlay && g_str_equal(overlay->active_state, "active") && !overlay->job && !is_needed(overlay))
                schedule(overlay, NEXT_STOP_UNNEEDED);
}

static void set_result(SystemdUnit *u, SystemdOutcome outcome) {
        g_free(u->result);
        u->result = g_strdup(outcome.result ?: "success");
        u->main_pid = 0;
        if (outcome.code == SYSTEMD_MISSED)
                return;

        u->exec_code = outcome.code > 0 ? outcome.code : CLD_EXITED;
        u->exec_status = outcome.status;
        u->exec_exit = (guint64) g_get_real_time();
}

static bool perform(SystemdUnit *u, SystemdStep step) {
        Performer *performer = performer_find(u->systemd, u->name);
        const char *id;
        g_autofree char *owned = NULL;

        if (!performer)
                return false;

        id = strchr(u->name, '@') + 1;
        owned = g_strndup(id, strcspn(id, "."));
        return performer->perform(u, step, owned, performer->data);
}

/* Begins the process of a step: the test's rules and performers say how it goes on. */
static void begin_step(SystemdUnit *u, SystemdStep step) {
        const Rule *rule = rule_find(u->systemd, u->name, step);

        u->in_step = true;
        u->held = rule && rule->hold;
        u->step = step;
        unit_announce(u);
        if (u->held)
                return;

        if (step == SYSTEMD_STOP && u->child > 0) {
                (void) kill(-u->child, SIGTERM);
                return;
        }

        if (!(rule && rule->outcome.result) && perform(u, step))
                return;

        schedule(u, NEXT_FINISH);
}

/* The process of a start is forked. */
static void fork_process(SystemdUnit *u) {
        Systemd *s = u->systemd;

        for (size_t i = 0; i < sizeof u->invocation; i++)
                u->invocation[i] = (guint8) g_random_int();
        u->invoked = true;
        g_free(u->result);
        u->result = g_strdup("success");
        u->main_pid = ++s->last_pid;
        u->exec_start = (guint64) g_get_real_time();
        u->exec_exit = 0;
        u->exec_code = u->exec_status = 0;
        unit_set_state(u, "activating", "start");
        begin_step(u, SYSTEMD_START);
}

static void begin_start(SystemdUnit *u) {
        SystemdUnit *mount = mount_of(u);

        if (g_str_equal(u->active_state, "active")) {
                unit_job_remove(u, "done");
                return;
        }

        if (mount && !g_str_equal(mount->active_state, "active")) {
                u->waits_for_mount = true;
                /* One that is being stopped is started again when that has ended. */
                if (!mount->job) {
                        unit_job_add(mount, "start");
                        schedule(mount, NEXT_BEGIN_START);
                }
                return;
        }

        u->waits_for_mount = false;
        fork_process(u);
}

/* The overlay is there, or has failed: whoever waited for it goes on. */
static void tell_waiting(SystemdUnit *overlay) {
        bool failed = g_str_equal(overlay->active_state, "failed");
        SystemdUnit *waiting = NULL, *u;
        GHashTableIter iter;

        /* The names of overlays' users differ by their template only, so that at most one waits. */
        g_hash_table_iter_init(&iter, overlay->systemd->units);
        while (g_hash_table_iter_next(&iter, NULL, (gpointer *) &u))
                if (u->waits_for_mount && g_strcmp0(u->needs, overlay->name) == 0)
                        waiting = u;

        if (waiting && !failed)
                schedule(waiting, NEXT_BEGIN_START);
        else if (waiting) {
                waiting->waits_for_mount = false;
                unit_job_remove(waiting, "dependency");
                unit_collect(waiting);
        }
}

/* The unit has come to rest: its overlay may go, and so may what systemd knows of it. */
static void come_to_rest(SystemdUnit *u, const char *job_result) {
        g_autofree char *needs = g_strdup(u->needs);
        Systemd *s = u->systemd;

        unit_job_remove(u, job_result);
        unit_announce(u);
        if (u->kind == UNIT_OVERLAY)
                tell_waiting(u);
        unit_collect(u);
        if (needs)
                check_needed(g_hash_table_lookup(s->units, needs));
}

static void fail_or_restart(SystemdUnit *u, SystemdOutcome outcome) {
        bool failed = !g_str_equal(u->result, "success");

        if (!outcome.restart) {
                unit_set_state(u, failed ? "failed" : "inactive", failed ? "failed" : "dead");
                come_to_rest(u, failed ? "failed" : "done");
                return;
        }

        /* The unit is "failed" for an instant, which ends the job (and only then is told), and waits for RestartSec=. */
        unit_set_state(u, "failed", "failed-before-auto-restart");
        unit_job_remove(u, "failed");
        unit_set_state(u, "activating", "auto-restart");
        unit_announce(u);
}

static void finish_start(SystemdUnit *u, SystemdOutcome outcome) {
        if (outcome.result && !g_str_equal(outcome.result, "success")) {
                set_result(u, outcome);
                fail_or_restart(u, outcome);
                return;
        }

        if (is_oneshot(u))
                set_result(u, outcome);
        if (u->kind == UNIT_BUILD || u->kind == UNIT_TREE) {
                unit_set_state(u, "inactive", "dead");
                come_to_rest(u, "done");
                return;
        }

        unit_set_state(u, "active", is_oneshot(u) ? "exited" : "running");
        unit_job_remove(u, "done");
        unit_announce(u);
        if (u->kind == UNIT_OVERLAY) {
                tell_waiting(u);
                check_needed(u);
        }
}

static void finish_stop(SystemdUnit *u, SystemdOutcome outcome) {
        bool failed;

        /* A oneshot that is stopped while it works dies of the signal, and that is a failure. */
        if (!outcome.result && is_oneshot(u) && u->main_pid > 0)
                outcome = (SystemdOutcome){ "signal", CLD_KILLED, SIGTERM, false };
        failed = outcome.result && !g_str_equal(outcome.result, "success");
        if (u->main_pid > 0 || failed)
                set_result(u, outcome);
        unit_set_state(u, failed ? "failed" : "inactive", failed ? "failed" : "dead");
        if (u->job && g_str_equal(u->job->type, "start")) {
                unit_announce(u);
                schedule(u, NEXT_BEGIN_START);
                return;
        }
        come_to_rest(u, "done");
}

void systemd_finish(SystemdUnit *u, SystemdOutcome outcome) {
        SystemdStep step = u->step;

        if (!u->in_step)
                return;

        u->in_step = u->held = false;
        if (step == SYSTEMD_START)
                finish_start(u, outcome);
        else
                finish_stop(u, outcome);
}

static void begin_stop(SystemdUnit *u) {
        if (!unit_is_running(u)) {
                come_to_rest(u, "done");
                return;
        }

        if (g_str_equal(u->sub_state, "auto-restart")) {
                unit_set_state(u, "inactive", "dead");
                come_to_rest(u, "done");
                return;
        }

        unit_set_state(
                u, "deactivating", u->kind == UNIT_OVERLAY && u->main_pid == 0 ? "stop" : "stop-sigterm");
        begin_step(u, SYSTEMD_STOP);
}

static void finish_by_rule(SystemdUnit *u) {
        const Rule *rule = rule_find(u->systemd, u->name, u->step);

        systemd_finish(u, rule ? rule->outcome : (SystemdOutcome){ NULL, 0, 0, false });
}

static gboolean run_next(gpointer data) {
        SystemdUnit *u = data;

        u->idle = 0;
        switch (u->next) {
        case NEXT_BEGIN_START:
                if (u->job || u->waits_for_mount)
                        begin_start(u);
                break;

        case NEXT_BEGIN_STOP:
                begin_stop(u);
                break;

        case NEXT_FINISH:
                finish_by_rule(u);
                break;

        case NEXT_STOP_UNNEEDED:
                if (u->job || is_needed(u) || !g_str_equal(u->active_state, "active"))
                        break;
                unit_job_add(u, "stop");
                begin_stop(u);
                break;
        }

        return G_SOURCE_REMOVE;
}

void unit_start(SystemdUnit *u) {
        /* A job of the same kind is merged with the one that is there; a stop gives way. */
        if (u->job && !g_str_equal(u->job->type, "stop"))
                return;

        unit_job_remove(u, "canceled");
        unit_job_add(u, "start");
        if (!g_str_equal(u->active_state, "active"))
                u->n_restarts = 0;
        if (!g_str_equal(u->active_state, "deactivating"))
                schedule(u, NEXT_BEGIN_START);
        else
                u->waits_for_mount = false;
}

void unit_stop(SystemdUnit *u) {
        if (u->job && g_str_equal(u->job->type, "stop"))
                return;

        u->waits_for_mount = false;
        unit_job_remove(u, "canceled");
        unit_job_add(u, "stop");
        if (!g_str_equal(u->active_state, "deactivating"))
                schedule(u, NEXT_BEGIN_STOP);
}

bool unit_kill(SystemdUnit *u, int signal) {
        bool clean = signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGPIPE;
        SystemdOutcome outcome = { clean ? NULL : "signal", CLD_KILLED, signal,
                u->kind == UNIT_SERVER && !clean };

        if (u->main_pid == 0)
                return false;
        if (u->child > 0)
                return kill(-u->child, signal) == 0;

        if (u->in_step) {
                outcome.restart = outcome.restart && u->step == SYSTEMD_START;
                systemd_finish(u, outcome);
        } else {
                set_result(u, outcome);
                fail_or_restart(u, outcome);
        }
        return true;
}

void unit_reset_failed(SystemdUnit *u) {
        g_free(u->result);
        u->result = g_strdup("success");
        u->n_restarts = 0;
        if (g_str_equal(u->active_state, "failed"))
                unit_set_state(u, "inactive", "dead");
        unit_announce(u);
        unit_collect(u);
}

void systemd_release_with(Systemd *s, const char *name, SystemdOutcome outcome) {
        SystemdUnit *u = unit_load(s, name);

        if (!u->held)
                g_error("%s is not held: it is %s (%s)", name, u->active_state, u->sub_state);
        systemd_finish(u, outcome);
}

void systemd_release(Systemd *s, const char *name) {
        SystemdUnit *u = unit_load(s, name);
        bool held = u->held;

        /* The unit may have come to its end, and have gone, when perform() returns. */
        u->held = false;
        if (held && u->child == 0 && perform(u, u->step))
                return;

        u->held = held;
        systemd_release_with(s, name, (SystemdOutcome){ NULL, 0, 0, false });
}

void systemd_die(Systemd *s, const char *name, SystemdOutcome outcome) {
        SystemdUnit *u = unit_load(s, name);

        g_assert_cmpstr(u->active_state, ==, "active");
        set_result(u, outcome);
        fail_or_restart(u, outcome);
}

void systemd_auto_restart(Systemd *s, const char *name, bool start_limit) {
        SystemdUnit *u = unit_load(s, name);

        g_assert_cmpstr(u->sub_state, ==, "auto-restart");
        u->n_restarts++;
        unit_job_add(u, "restart");
        if (!start_limit) {
                schedule(u, NEXT_BEGIN_START);
                return;
        }

        /* What it failed of stays the result. */
        unit_set_state(u, "failed", "failed");
        come_to_rest(u, "failed");
}

typedef struct UnitWait {
        Systemd *systemd;
        const char *name;
        const char *active_state; /* NULL: held in the step */
        SystemdStep step;
} UnitWait;

static bool unit_is_there(void *data) {
        UnitWait *wait = data;
        SystemdUnit *u = g_hash_table_lookup(wait->systemd->units, wait->name);

        if (wait->active_state)
                return g_str_equal(systemd_active_state(wait->systemd, wait->name), wait->active_state);

        return u && u->held && u->step == wait->step;
}

void systemd_wait_held(Systemd *s, const char *name, SystemdStep step) {
        UnitWait wait = { s, name, NULL, step };
        g_autofree char *what = g_strdup_printf(
                "%s held at its %s", name, step == SYSTEMD_START ? "start" : "stop");

        loop_until(unit_is_there, &wait, what);
}

void systemd_wait_state(Systemd *s, const char *name, const char *active_state) {
        UnitWait wait = { s, name, active_state, SYSTEMD_START };
        g_autofree char *what = g_strdup_printf("%s to be %s", name, active_state);

        loop_until(unit_is_there, &wait, what);
}
