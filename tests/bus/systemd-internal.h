/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The stand-in's own files: systemd-unit.c (a unit on the bus) <- systemd-steps.c (its life) <- systemd.c (the Manager). */

#include "systemd.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER SYSTEMD_NAME ".Manager"
#define SYSTEMD_UNIT SYSTEMD_NAME ".Unit"
#define SYSTEMD_SERVICE SYSTEMD_NAME ".Service"
#define SYSTEMD_SLICE SYSTEMD_NAME ".Slice"
#define SYSTEMD_SCOPE SYSTEMD_NAME ".Scope"
#define SYSTEMD_UNIT_PREFIX SYSTEMD_PATH "/unit"

typedef enum UnitKind {
        UNIT_OVERLAY, /* oneshot, RemainAfterExit, StopWhenUnneeded */
        UNIT_SERVER,  /* exec, bound to its overlay */
        UNIT_BUILD,   /* oneshot, bound to its overlay */
        UNIT_TREE,    /* oneshot */
        UNIT_CPUS,    /* oneshot */
        UNIT_OTHER,   /* exec: whatever else is loaded */
        UNIT_MISSING, /* no fragment: LoadState=not-found */
} UnitKind;

typedef struct UnitJob {
        guint32 id;
        char *path;
        const char *type; /* "start", "stop" or "restart" */
} UnitJob;

/* What the main loop does next with a unit. */
typedef enum UnitNext {
        NEXT_BEGIN_START,
        NEXT_BEGIN_STOP,
        NEXT_FINISH,        /* the process of the step in hand ends as the rules say */
        NEXT_STOP_UNNEEDED, /* an overlay that nothing is bound to any more */
} UnitNext;

struct SystemdUnit {
        Systemd *systemd;
        char *name;
        char *path;
        UnitKind kind;

        const char *active_state;
        const char *sub_state;
        char *result;
        guint32 main_pid;
        gint32 exec_code, exec_status;
        guint64 exec_start, exec_exit;
        guint64 state_change, inactive_exit, active_enter, active_exit, inactive_enter;
        guint32 n_restarts;
        guint8 invocation[16];
        bool invoked;

        UnitJob *job;
        GHashTable *refs; /* unique name -> how often, as GUINT_TO_POINTER */
        char *needs;      /* the overlay unit that it is bound to, or NULL */
        bool announced;   /* UnitNew was sent */
        bool in_step;     /* a process works: systemd_finish() is due */
        bool held;        /* and only the test ends it */
        bool waits_for_mount;
        SystemdStep step;
        UnitNext next;
        guint idle; /* the source that runs next */
        GPid child; /* 0: nothing really runs */
        guint child_watch;
        char *mounted; /* of an overlay: the line that mountinfo has */
};

typedef struct Performer {
        SystemdPerformer perform;
        void *data;
} Performer;

struct Systemd {
        GDBusConnection *bus;
        GDBusNodeInfo *node;
        guint manager_object, unit_subtree, watch;
        GHashTable *units;       /* name -> SystemdUnit */
        GHashTable *subscribers; /* unique names */
        GHashTable *performers;  /* template -> Performer */
        GPtrArray *rules;
        GPtrArray *calls;
        guint32 last_job, last_pid;
        char *root;       /* below which mountinfo is shown, or NULL */
        char *manager;    /* unique name of left4med, NULL while it is away */
        GHashTable *cpus; /* name -> list, of units that have one */
        char *stubborn, *stalled;
        bool without_cpuset;
};

/* systemd-unit.c */
SystemdUnit *unit_load(Systemd *s, const char *name);
SystemdUnit *unit_by_path(Systemd *s, const char *path);
void unit_free(SystemdUnit *u);
void unit_set_state(SystemdUnit *u, const char *active, const char *sub);
GVariant *unit_get_property(SystemdUnit *u, const char *interface, const char *property);
/* Sends what systemd sends after a change, to whom it sends it: UnitNew the first time, PropertiesChanged of both interfaces. */
void unit_announce(SystemdUnit *u);
void unit_job_add(SystemdUnit *u, const char *type);
void unit_job_remove(SystemdUnit *u, const char *result);
/* Forgets the unit when it has ended and nobody holds it. u may be gone then. */
void unit_collect(SystemdUnit *u);
void unit_ref_by(SystemdUnit *u, const char *sender);
bool unit_unref_by(SystemdUnit *u, const char *sender);
bool unit_is_running(const SystemdUnit *u);
void systemd_emit(Systemd *s, const char *path, const char *interface, const char *signal, GVariant *body);

/* systemd-slices.c */
GVariant *slice_get_property(SystemdUnit *u, const char *property);
/* False: such properties nobody sets. */
bool slice_set_properties(Systemd *s, const char *name, GVariant *arguments);

/* systemd-mounts.c */
void unit_mount(SystemdUnit *u);

/* systemd-rules.c */
typedef struct Rule {
        GPatternSpec *pattern;
        SystemdStep step;
        bool hold;
        SystemdOutcome outcome;
        char *result;
        char *error_name; /* this rule refuses jobs */
} Rule;
void rule_free(Rule *rule);
const Rule *rule_find(Systemd *s, const char *name, SystemdStep step);
const char *rule_refusal(Systemd *s, const char *name);
Performer *performer_find(Systemd *s, const char *name);

/* systemd-steps.c */
void unit_start(SystemdUnit *u);
void unit_stop(SystemdUnit *u);
bool unit_kill(SystemdUnit *u, int signal);
void unit_reset_failed(SystemdUnit *u);
