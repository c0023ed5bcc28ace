/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/instance-config.h"
#include "service/object.h"
#include "service/stack.h"
#include "service/types.h"

/*
 * A game server: what the user decided (config), what systemd says of its two units, and the operation under way. The files that the
 * server reads are written at each start; in between nobody may rely on them.
 */

#define INSTANCES_MAX 2000U

enum {
        INSTANCE_PORT = 1U << 0,
        INSTANCE_GAME = 1U << 1,
        INSTANCE_OVERLAYS = 1U << 2,
        INSTANCE_AUTOSTART = 1U << 3,
        INSTANCE_ACTIVE_STATE = 1U << 4,
        INSTANCE_SUB_STATE = 1U << 5,
        INSTANCE_MAIN_PID = 1U << 6,
        INSTANCE_RESTARTS = 1U << 7,
        INSTANCE_ACTIVE_SINCE = 1U << 8,
        INSTANCE_LAST_EXIT = 1U << 9,
        INSTANCE_LAYERS_IN_USE = 1U << 10,
        INSTANCE_UPDATE_PENDING = 1U << 11,
        INSTANCE_INTENTS = 1U << 12,
        INSTANCE_HELD = 1U << 13,
};

typedef enum InstanceOperation {
        OPERATION_NONE,
        OPERATION_START,
        OPERATION_STOP,
        OPERATION_RESTART,
        OPERATION_JOB, /* its files are worked on */
} InstanceOperation;

/* How far a stop is. */
typedef enum StopPhase {
        STOP_NONE,
        STOP_ENDING,     /* systemd's job is under way */
        STOP_UNMOUNTING, /* the overlay unit is yet to end */
} StopPhase;

struct Instance {
        Object object; /* first */
        Manager *manager;
        char *name;
        uint64_t named; /* since when it has its name, usec; 0 for not known */
        InstanceConfig *config;

        struct Unit *server;      /* left4me-server@NAME.service */
        struct Unit *mount;       /* left4me-overlay@server-NAME.service */
        char active[16], sub[40]; /* as last told */
        uint32_t main_pid, restarts;
        uint64_t active_since;
        LastExit last_exit;
        Stack *layers;  /* mounted */
        Stack *written; /* what the start under way is to mount, NULL when somebody else began it */
        bool update_pending;

        InstanceOperation operation;
        StopPhase stop_phase;
        bool autostarting;
        GPtrArray *requests;      /* Request: answered when the operation ends */
        GPtrArray *stop_requests; /* those that came while it started: a stop follows */
        sd_event_source *stop_again;
        bool killing; /* a signal is on its way */
        Job *job;
        struct Intent *intent; /* what is to happen when it is empty, or NULL */
        char *console_refused; /* the run of the server that did not accept the password, NULL for none */
};

Instance *instance_new(Manager *m, const char *name, uint64_t named, InstanceConfig *config);
Instance *instance_free(Instance *i);
Instance *instance_find(Manager *m, const char *name);

/* Takes config when it succeeds. port 0 in it: the lowest free one. */
int instance_create(
        Manager *m, const char *name, InstanceConfig **config, Instance **ret, sd_bus_error *error);

/* What c took over from old and has no longer in its stack is held no longer. */
void instance_forget_held(InstanceConfig *c, const InstanceConfig *old);

int instance_configure(Instance *i, InstanceConfig **config, sd_bus_error *error);

/* These answer q when the effect is there; on failure here q stays the caller's. */
int instance_start(Instance *i, Request *q, sd_bus_error *error);
int instance_stop(Instance *i, Request *q, sd_bus_error *error);
int instance_restart(Instance *i, Request *q, sd_bus_error *error);
int instance_rename(Instance *i, const char *to, Request *q, sd_bus_error *error);
int instance_open_console(Instance *i, Request *q, sd_bus_error *error);

/* Start a job: reset or delete. */
int instance_reset(Instance *i, Job **ret, sd_bus_error *error);
int instance_delete(Instance *i, Job **ret, sd_bus_error *error);

/* Starts to make an overlay of this name out of what the server wrote; everything: also of what servers make by themselves.
 * Errors: InstanceRunning, Busy, NameTaken, LimitsExceeded. */
int instance_freeze(Instance *i, const char *overlay, bool everything, Job **ret, sd_bus_error *error);

/* Whether anything of it runs, is about to, or is mounted. */
bool instance_is_down(const Instance *i);

/* Whether the overlay is in the stack as it is set, or as it is mounted. */
bool instance_uses(const Instance *i, const char *overlay);
bool instance_has_mounted(const Instance *i, const char *overlay);

/* An overlay has another name now. */
void instance_rename_overlay(Instance *i, const char *from, const char *to);

/* Looks again whether a restart would change the stack. */
void instance_refresh_pending(Instance *i);

void instance_set_job(Instance *i, Job *j);
