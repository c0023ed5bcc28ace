/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "service/autostart.h"
#include "service/bus-error.h"
#include "service/firewall.h"
#include "service/instance-internal.h"
#include "service/intent.h"
#include "service/journal-tail.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/prune.h"
#include "service/request.h"

/*
 * Start, stop and restart. Two rules come from trials, or else the old stack stays mounted in about half the cases: a stop has ended
 * only when the overlay unit is inactive too, and a restart is a stop and a start, never systemd's own.
 */

/* A PID 1 of a namespace loses signals that come before it has handlers: a stop right after an exec is said once more. */
#define STOP_AGAIN (1 * G_TIME_SPAN_SECOND)

static void begin_stop(Instance *i);

/* -- the end of an operation --------------------------------------------------------------------------------- */

static void end_operation(Instance *i, const sd_bus_error *error) {
        g_autoptr(GPtrArray) requests = g_steal_pointer(&i->requests);
        InstanceOperation operation = i->operation;

        i->requests = g_ptr_array_new();
        i->operation = OPERATION_NONE;
        i->stop_phase = STOP_NONE;
        i->stop_again = sd_event_source_disable_unref(i->stop_again);
        g_clear_pointer(&i->written, g_array_unref);
        instance_take_state(i);
        instance_read_layers(i);
        firewall_look(i->manager->firewall, i);

        if (error)
                log_instance(LOG_ERR, LEFT4ME_MESSAGE_OPERATION_FAILED, i->name, "%s", error->message);
        else if (operation == OPERATION_STOP)
                log_instance(LOG_INFO, LEFT4ME_MESSAGE_INSTANCE_STOPPED, i->name, "stopped");
        else
                log_instance(LOG_INFO, LEFT4ME_MESSAGE_INSTANCE_STARTED, i->name, "started on port %u",
                        i->config->port);

        if (!error)
                intent_fulfilled(i);
        else
                intent_refresh(i);

        for (unsigned k = 0; k < requests->len; k++) {
                if (error)
                        request_fail(requests->pdata[k], error);
                else
                        request_ok(requests->pdata[k]);
        }

        if (i->stop_requests->len > 0) {
                g_ptr_array_unref(i->requests);
                i->requests = g_steal_pointer(&i->stop_requests);
                i->stop_requests = g_ptr_array_new();
                i->operation = OPERATION_STOP;
                begin_stop(i);
        }

        autostart_ended(i);
        prune_later(i->manager);
}

static void end_failed(Instance *i, const char *name, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void end_failed(Instance *i, const char *name, const char *format, ...) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        va_list args;

        va_start(args, format);
        (void) sd_bus_error_setfv(&error, name, format, args);
        va_end(args);

        end_operation(i, &error);
        sd_bus_error_free(&error);
}

/* -- start --------------------------------------------------------------------------------------------------- */

static void on_start_log(const char *why, void *userdata) {
        Instance *i = userdata;

        /* What it said is passed on; nothing is mounted, so nothing needs to be remembered. */
        if (g_str_equal(unit_state(i->mount)->active, "failed"))
                (void) unit_reset_failed(i->mount, NULL, NULL);

        end_failed(i, LEFT4ME_ERROR_START_FAILED, "The server '%s' did not start: %s", i->name, why);
}

static void start_failed(Instance *i, UnitResult result) {
        bool mount_failed = g_str_equal(unit_state(i->mount)->active, "failed");

        if (journal_tail_unit(i->manager, mount_failed ? i->mount : i->server, on_start_log, i) < 0)
                on_start_log(result == UNIT_DONE ? "it ended at once" : unit_result_to_string(result), i);
}

/* The server runs on what was written for it; or it did, and systemd is about to start it again on the same mount. */
static bool is_started(Instance *i) {
        bool runs = g_str_equal(unit_state(i->server)->active, "active") || unit_waits_to_restart(i->server);

        instance_read_layers(i);
        return runs && i->layers->len > 0 && (!i->written || stack_equal(i->layers, i->written));
}

static void on_looked(Unit *u, UnitResult result, const char *detail, void *userdata) {
        Instance *i = userdata;

        if (is_started(i))
                end_operation(i, NULL);
        else if (unit_is_down(i->server))
                start_failed(i, UNIT_DONE);
        else
                end_failed(i, LEFT4ME_ERROR_START_FAILED,
                        "The server '%s' runs, but not on the stack that was made for it. Restart it (left4mectl restart %s).",
                        i->name, i->name);
}

static void on_started(Unit *u, UnitResult result, const char *detail, void *userdata) {
        Instance *i = userdata;

        if (result == UNIT_DONE) {
                /* That a job is done says little when systemd loads its units anew meanwhile: what counts is what is there. */
                if (is_started(i))
                        end_operation(i, NULL);
                else if (unit_look(i->server, on_looked, i) < 0)
                        on_looked(i->server, UNIT_REFUSED, NULL, i);
                return;
        }

        if (result == UNIT_CANCELED)
                end_failed(
                        i, LEFT4ME_ERROR_CANCELLED, "The start of '%s' was cancelled by a stop.", i->name);
        else if (result == UNIT_REFUSED)
                end_failed(
                        i, LEFT4ME_ERROR_START_FAILED, "The server '%s' did not start: %s", i->name, detail);
        else
                start_failed(i, result);
}

static void start_unit(Instance *i) {
        int r;

        r = unit_start(i->server, on_started, i);
        if (r < 0)
                end_failed(i, LEFT4ME_ERROR_START_FAILED, "Cannot ask systemd to start '%s': %s", i->name,
                        strerror(-r));
}

static void on_open(int r, const char *why, void *userdata) {
        /* A host whose firewall left4med cannot change has servers all the same. */
        if (r != -ECANCELED)
                start_unit(userdata);
}

/* The ports are open before the game can answer. */
static void open_ports(Instance *i) {
        firewall_look(i->manager->firewall, i);
        firewall_settle(i->manager->firewall, on_open, i);
}

static void on_reset(Unit *u, UnitResult result, const char *detail, void *userdata) {
        /* Whatever it said: the start itself tells whether it can be. */
        open_ports(userdata);
}

/* Takes an instance whose operation is OPERATION_START or OPERATION_RESTART through its start. */
static void begin_start(Instance *i) {
        sd_bus_error error = SD_BUS_ERROR_NULL;

        if (instance_write_files(i, &error) < 0)
                end_operation(i, &error);
        /* It may stand at its start limit, and not only when it has failed: systemd counts starts by hand as well, as long as the unit
         * stays loaded (somebody looks at it, or systemd executed itself anew). Whoever asks for a start wants to try again. */
        else if (unit_reset_failed(i->server, on_reset, i) < 0)
                open_ports(i);

        sd_bus_error_free(&error);
}

/* Begins a start of an instance that is idle and not active, from wherever its units are. */
static void start_from_anywhere(Instance *i) {
        const UnitState *s = unit_state(i->server);

        if (instance_is_down(i)) {
                i->operation = OPERATION_START;
                begin_start(i);
        } else if (g_str_equal(s->active, "activating") && !unit_waits_to_restart(i->server)) {
                /* Somebody else starts it: systemd gives us the same job. */
                i->operation = OPERATION_START;
                start_unit(i);
        } else {
                /* After a crash the old stack is still mounted, or on its way out: it must be gone before the new one comes. */
                i->operation = OPERATION_RESTART;
                begin_stop(i);
        }
}

int instance_start(Instance *i, Request *q, sd_bus_error *error) {
        g_autoptr(Stack) stack = NULL;
        int r;

        if (i->operation != OPERATION_START) {
                r = instance_check_idle(i, error);
                if (r < 0)
                        return r;

                if (g_str_equal(unit_state(i->server)->active, "active")) {
                        request_ok(q);
                        return 0;
                }

                /* What is wrong with the settings is said before anything is touched. */
                r = instance_plan_stack(i, &stack, error);
                if (r < 0)
                        return r;
        }

        g_ptr_array_add(i->requests, q);
        if (i->operation == OPERATION_NONE)
                start_from_anywhere(i);

        return 0;
}

void instance_begin_autostart(Instance *i) {
        i->operation = OPERATION_START;
        begin_start(i);
}

/* -- stop ---------------------------------------------------------------------------------------------------- */

static void on_stop_log(const char *why, void *userdata) {
        Instance *i = userdata;

        end_failed(i, LEFT4ME_ERROR_STOP_FAILED,
                "The server '%s' has ended, but its files cannot be unmounted: %s", i->name, why);
}

static void on_seen(Unit *u, UnitResult result, const char *detail, void *userdata) {
        if (result == UNIT_DONE)
                unit_is_gone(u);
        end_operation(userdata, NULL);
}

/* The process has ended; goes on when the overlay unit has ended as well. */
static void stop_advance(Instance *i) {
        /* A signal that is on its way would reach the next start. */
        if (i->stop_phase != STOP_UNMOUNTING || !instance_is_down(i) || i->killing)
                return;

        i->stop_phase = STOP_NONE;
        if (g_str_equal(unit_state(i->mount)->active, "failed")) {
                if (journal_tail_unit(i->manager, i->mount, on_stop_log, i) < 0)
                        on_stop_log("left4me-overlay failed", i);
                (void) unit_reset_failed(i->mount, NULL, NULL);
                return;
        }

        if (i->operation == OPERATION_RESTART)
                begin_start(i);
        /* Who stops a server wants it stopped. That it had to be killed, LastExit tells. */
        else if (!g_str_equal(unit_state(i->server)->active, "failed") ||
                 unit_reset_failed(i->server, on_seen, i) < 0)
                end_operation(i, NULL);
}

static void on_stopped(Unit *u, UnitResult result, const char *detail, void *userdata) {
        Instance *i = userdata;

        if (result != UNIT_DONE) {
                end_failed(i, LEFT4ME_ERROR_STOP_FAILED, "The server '%s' did not stop: %s", i->name,
                        detail ?: unit_result_to_string(result));
                return;
        }

        i->stop_again = sd_event_source_disable_unref(i->stop_again);
        i->stop_phase = STOP_UNMOUNTING;
        stop_advance(i);
}

static void on_killed(Unit *u, UnitResult result, const char *detail, void *userdata) {
        Instance *i = userdata;

        i->killing = false;
        stop_advance(i);
}

static int on_stop_again(sd_event_source *source, uint64_t usec, void *userdata) {
        Instance *i = userdata;

        if (!unit_is_down(i->server) && unit_kill(i->server, SIGINT, on_killed, i) >= 0)
                i->killing = true;

        return 0;
}

/* Takes an instance whose operation is OPERATION_STOP or OPERATION_RESTART through its stop. */
static void begin_stop(Instance *i) {
        /* The server first: its end makes the mount superfluous. A mount alone is what a crash left. */
        Unit *u = unit_is_down(i->server) && !unit_is_down(i->mount) ? i->mount : i->server;
        int r;

        i->stop_phase = STOP_ENDING;
        r = unit_stop(u, on_stopped, i);
        if (r < 0) {
                end_failed(i, LEFT4ME_ERROR_STOP_FAILED, "Cannot ask systemd to stop '%s': %s", i->name,
                        strerror(-r));
                return;
        }

        i->stop_again = sd_event_source_disable_unref(i->stop_again);
        (void) sd_event_add_time_relative(
                i->manager->event, &i->stop_again, CLOCK_MONOTONIC, STOP_AGAIN, 0, on_stop_again, i);
}

int instance_stop(Instance *i, Request *q, sd_bus_error *error) {
        int r;

        if (i->operation == OPERATION_START || i->operation == OPERATION_RESTART) {
                /* A start takes some milliseconds: it ends first, then this is done. */
                g_ptr_array_add(i->stop_requests, q);
                return 0;
        }

        if (i->operation != OPERATION_STOP) {
                r = instance_check_idle(i, error);
                if (r < 0)
                        return r;
        }

        if (i->operation == OPERATION_NONE && instance_is_down(i)) {
                /* To stop what has failed means: it was seen. */
                if (!g_str_equal(unit_state(i->server)->active, "failed") ||
                        unit_reset_failed(i->server, on_seen, i) < 0) {
                        request_ok(q);
                        return 0;
                }
                i->operation = OPERATION_STOP;
        }

        g_ptr_array_add(i->requests, q);
        if (i->operation == OPERATION_NONE) {
                i->operation = OPERATION_STOP;
                begin_stop(i);
        }

        return 0;
}

int instance_restart(Instance *i, Request *q, sd_bus_error *error) {
        g_autoptr(Stack) stack = NULL;
        int r;

        if (i->operation != OPERATION_RESTART) {
                r = instance_check_idle(i, error);
                if (r < 0)
                        return r;

                /* Nobody wants a server stopped that cannot start again. */
                r = instance_plan_stack(i, &stack, error);
                if (r < 0)
                        return r;
        }

        g_ptr_array_add(i->requests, q);
        if (i->operation == OPERATION_NONE) {
                i->operation = OPERATION_RESTART;
                if (instance_is_down(i))
                        begin_start(i);
                else
                        begin_stop(i);
        }

        return 0;
}

int instance_begin(Instance *i, bool restart) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        g_autoptr(Stack) stack = NULL;
        int r = 0;

        if (i->operation != OPERATION_NONE)
                return -EBUSY;

        if (restart)
                r = instance_plan_stack(i, &stack, &error);
        sd_bus_error_free(&error);
        if (r < 0)
                return r;

        i->operation = restart ? OPERATION_RESTART : OPERATION_STOP;
        begin_stop(i);
        return 0;
}

/* -- news of the units --------------------------------------------------------------------------------------- */

void instance_on_server(Unit *u, void *userdata) {
        Instance *i = userdata;

        instance_take_state(i);
        firewall_look(i->manager->firewall, i);
}

void instance_on_mount(Unit *u, void *userdata) {
        Instance *i = userdata;

        instance_read_layers(i);
        if (unit_is_down(u))
                prune_later(i->manager);
        stop_advance(i);
}
