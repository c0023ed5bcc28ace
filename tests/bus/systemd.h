/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A stand-in for systemd: the part of org.freedesktop.systemd1 that left4me's units need, with systemd's order of signals, its
 * jobs, its dependencies between our templates and its habit of forgetting an ended unit that nobody holds. No process runs;
 * what a unit's process would do is the test's to say, with rules that name units and a step of their life. */

#include <gio/gio.h>
#include <stdbool.h>

typedef struct Systemd Systemd;
typedef struct SystemdUnit SystemdUnit;

typedef enum SystemdStep {
        SYSTEMD_START, /* from "the process is forked" to "the unit is started" (for a oneshot: the whole run) */
        SYSTEMD_STOP, /* from the stop signal (for an overlay: ExecStop=) to the end */
} SystemdStep;

/* How a step ends. result is systemd's word, NULL or "success" for success; code and status are waitid's si_code and si_status;
 * SYSTEMD_MISSED: systemd learns only that the control group is empty. */
#define SYSTEMD_MISSED (-1)
typedef struct SystemdOutcome {
        const char *result;
        int code;
        int status;
        bool restart; /* the failed server is to be restarted: it goes to auto-restart and waits for systemd_auto_restart() */
} SystemdOutcome;

/* Does what a unit's process would do in this step; systemd_finish() tells, then or later, how it went. False: nothing is to be done. */
typedef bool (*SystemdPerformer)(SystemdUnit *u, SystemdStep step, const char *id, void *data);

Systemd *systemd_new(const char *bus_address);
void systemd_free(Systemd *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Systemd, systemd_free)

/* The bus name goes (calls then fail with ServiceUnknown) and comes back: as after a re-execution, subscriptions are gone. */
void systemd_vanish(Systemd *s);
void systemd_return(Systemd *s);

/* From now on proc/self/mountinfo below root tells what the units that stand for mounts have mounted; NULL: no more. */
void systemd_show_mounts(Systemd *s, const char *root);

/* `systemctl daemon-reload`: Reloading(true), every unit is told to be removed, Reloading(false). */
void systemd_reload(Systemd *s);
void systemd_begin_reload(Systemd *s);
void systemd_end_reload(Systemd *s);

/* Rules: pattern is a glob over unit names; the newest that fits holds. A held step waits for systemd_finish(). */
void systemd_hold(Systemd *s, const char *pattern, SystemdStep step);
void systemd_fail(Systemd *s, const char *pattern, SystemdStep step, SystemdOutcome outcome);
/* What a client is told when it asks for a job: StartUnit and StopUnit answer this error (NULL: no more). */
void systemd_refuse(Systemd *s, const char *pattern, const char *error_name);
void systemd_forget_rules(Systemd *s);

/* What runs for the units of one template, say "left4me-tree@"; id is what stands behind the @. */
void systemd_set_performer(Systemd *s, const char *template, SystemdPerformer performer, void *data);

/* For a performer: a child of this process does the work, the leader of a process group that stands for the unit's control group. The
 * step ends when it does; a stop of the unit sends the group SIGTERM, and what is left of it then is killed. */
void systemd_watch_child(SystemdUnit *u, GPid pid);

/* Runs the main loop until the unit is in a held step. */
void systemd_wait_held(Systemd *s, const char *name, SystemdStep step);

/* Ends the step that the unit is in. */
void systemd_finish(SystemdUnit *u, SystemdOutcome outcome);
void systemd_release(Systemd *s, const char *name);
void systemd_release_with(Systemd *s, const char *name, SystemdOutcome outcome);

/* The main process of a running unit ends by itself. */
void systemd_die(Systemd *s, const char *name, SystemdOutcome outcome);
/* What RestartSec= after systemd_die() does; with start_limit, it is tried no more: the unit stays failed as it was (257). */
void systemd_auto_restart(Systemd *s, const char *name, bool start_limit);

/* Somebody else, an administrator with systemctl, does it. */
void systemd_admin_start(Systemd *s, const char *name);
void systemd_admin_stop(Systemd *s, const char *name);

/* Asks the peer for a sign of life, behind all signals that it was sent. */
void systemd_ping(Systemd *s, const char *peer);

/* "inactive" when the unit is not loaded. */
const char *systemd_active_state(Systemd *s, const char *name);
const char *systemd_sub_state(Systemd *s, const char *name);
guint systemd_main_pid(Systemd *s, const char *name);
/* Waits until the unit has this ActiveState. */
void systemd_wait_state(Systemd *s, const char *name, const char *active_state);
/* How many clients hold it by RefUnit. */
guint systemd_refs(Systemd *s, const char *name);
guint systemd_subscribers(Systemd *s);

/* What was asked, one "Method argument" each, in order; and how many of them fit the glob. */
GPtrArray *systemd_calls(Systemd *s);
guint systemd_count_calls(Systemd *s, const char *pattern);
/* Runs the main loop until that many of them came. */
void systemd_wait_calls(Systemd *s, const char *pattern, guint count);
void systemd_forget_calls(Systemd *s);

/* AllowedCPUs= of slices and init.scope. Somebody, an administrator say, sets it; no signal tells. list: "" for all. */
void systemd_set_cpus(Systemd *s, const char *name, const char *list);
const char *systemd_get_cpus(Systemd *s, const char *name);
/* The kernel does not divide CPUs; it does not follow for this unit (NULL: for all). */
void systemd_without_cpuset(Systemd *s, bool without);
void systemd_be_stubborn(Systemd *s, const char *name);
/* SetUnitProperties of this unit are not answered (NULL: no more). */
void systemd_stall_properties(Systemd *s, const char *name);

char *systemd_unit_path(const char *name);
