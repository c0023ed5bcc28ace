/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * The systemd client: units by name, their state from signals, and starts and stops that end when their job does. One match for
 * jobs and one for changes serves all units, because dbus-daemon allows 512 matches a connection. Knows nothing of instances.
 */

/* How a job on a unit ended. */
typedef enum UnitResult {
        UNIT_DONE,
        UNIT_CANCELED, /* another job took its place */
        UNIT_TIMEOUT,
        UNIT_FAILED,
        UNIT_DEPENDENCY, /* a unit that it needs failed */
        UNIT_SKIPPED,
        UNIT_REFUSED, /* systemd did not take the job: no such unit, denied, not there */
        _UNIT_RESULT_MAX,
        _UNIT_RESULT_INVALID = -22,
} UnitResult;

typedef struct UnitState {
        char active[16]; /* "inactive", "activating", "active", "deactivating", "failed", ... */
        char sub[40];
        char result[24];     /* of the service: "success", "exit-code", "signal", ... */
        char invocation[33]; /* of the latest run, as the journal says it; "" for none */
        uint32_t main_pid;
        uint32_t restarts;
        uint64_t entered;      /* usec, when it last became active */
        uint64_t active_since; /* the same, 0 while it is not active */
        int exit_code;         /* CLD_EXITED, CLD_KILLED, ... of the main process, 0 for none yet */
        int exit_status;       /* exit code or signal */
        uint64_t exited;       /* usec */
        uint64_t down;         /* usec, when it last became inactive or failed */
} UnitState;

/* detail: systemd's error text for UNIT_REFUSED, else NULL. */
typedef void (*UnitDone)(Unit *u, UnitResult result, const char *detail, void *userdata);
typedef void (*UnitChanged)(Unit *u, void *userdata);
typedef void (*UnitFigures)(GHashTable *figures, void *userdata);

const char *unit_result_to_string(UnitResult r);
UnitResult unit_result_from_string(const char *s);

/* Connects to systemd over bus. resync is called when systemd is there, has reloaded or come back: states may have changed unseen. */
int units_new(sd_bus *bus, void (*resync)(void *userdata), void *userdata, Units **ret);
Units *units_free(Units *us);

/* Asks which left4me units systemd has loaded; each(NULL) comes last, with r < 0 when systemd did not answer. */
int units_list(Units *us, void (*each)(const char *name, const char *active, int r, void *userdata),
        void *userdata);

/* A unit to watch. changed is called after each change of its state. The unit belongs to the caller, and its owner ends first. */
Unit *unit_new(Units *us, const char *name, UnitChanged changed, void *userdata);
Unit *unit_free(Unit *u);

const char *unit_name(const Unit *u);
const UnitState *unit_state(const Unit *u);

/* Nothing runs or is about to: "inactive" or "failed" for good. */
bool unit_is_down(const Unit *u);

/* It ended by itself, and systemd is about to start it again. */
bool unit_waits_to_restart(const Unit *u);

/*
 * Jobs; done is called exactly once, unless the unit is freed before. systemd may execute itself anew meanwhile, and lose the call, its
 * answer or the news of its end: then the unit's own state tells whether it has been started or stopped since the call.
 */
int unit_start(Unit *u, UnitDone done, void *userdata);
int unit_stop(Unit *u, UnitDone done, void *userdata);
int unit_reset_failed(Unit *u, UnitDone done, void *userdata);

/* Reads the unit's state; done is called with UNIT_DONE when that is there. */
int unit_look(Unit *u, UnitDone done, void *userdata);

/* Nothing is left of the unit: for one whose failure was reset, before systemd's signals say it. */
void unit_is_gone(Unit *u);

/* Sends a signal to the unit's main process; done is called when that has happened, or cannot. */
int unit_kill(Unit *u, int signal, UnitDone done, void *userdata);

/* Reads the state anew; changed is called when it is there. */
int unit_refresh(Unit *u);

/* The same for each unit that systemd has (loaded: its name is in the set), or that is not down to our knowledge. */
void units_refresh_loaded(Units *us, GHashTable *loaded);

/* Calls done once all states that were asked for are there; at once if none is awaited. */
void units_when_settled(Units *us, void (*done)(void *userdata), void *userdata);

/* Holds the unit in systemd's memory after it has ended, so that its results can be read later, until it is freed. For few units only: it
 * costs systemd a match on the bus, and how a unit ended systemd tells by a signal before it forgets the unit. */
int unit_hold(Unit *u);

/* Figures of the unit's cgroup: name -> uint64_t*, as Instance.GetStatistics tells them; empty when systemd knows none. done is called
 * whatever becomes of the unit meanwhile. */
int unit_get_figures(Unit *u, UnitFigures done, void *userdata);
