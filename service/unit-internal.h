/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/call-queue.h"
#include "service/unit.h"

/* What unit.c (jobs) and unit-state.c (signals, properties) share. */

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_UNIT_PREFIX "/org/freedesktop/systemd1/unit"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"
#define SYSTEMD_UNIT "org.freedesktop.systemd1.Unit"
#define SYSTEMD_SERVICE "org.freedesktop.systemd1.Service"

struct Units {
        sd_bus *bus;
        GPtrArray *slots;    /* sd_bus_slot: the matches */
        char *owner;         /* systemd's unique name on the bus, NULL while it is away */
        bool reloading;      /* it loads its units anew, and tells of each that it is removed */
        GHashTable *by_path; /* object path -> Unit, both the unit's */
        GHashTable *jobs;    /* object path of a job -> UnitJob, both the job's */
        GPtrArray *lost;     /* UnitJob: to be looked into when systemd is there again */
        GPtrArray *reviewed; /* UnitJob: their units' states have been read */
        GQueue waiting;      /* UnitJob: starts and stops that are not sent yet */
        unsigned n_jobs;     /* those that are */
        CallQueue *calls;
        unsigned refreshing; /* answers to GetAll that are awaited */
        GPtrArray *settled;  /* Settled: who wants to know when there are none */
        void (*resync)(void *userdata);
        void *userdata;
};

struct Unit {
        Units *units;
        char *name;
        char *path;
        UnitState state;
        UnitChanged changed;
        void *userdata;
        GPtrArray *jobs;        /* UnitJob: calls and jobs under way, owned */
        QueuedCall *refresh[2]; /* GetAll of Unit and of Service */
        bool held;
};

typedef enum UnitJobKind {
        UNIT_JOB_CALL, /* ends with its answer */
        UNIT_JOB_START,
        UNIT_JOB_STOP,
        UNIT_JOB_LOOK, /* ends when the unit's state was read */
} UnitJobKind;

typedef struct UnitJob {
        Units *units;
        Unit *unit;
        UnitJobKind kind;
        QueuedCall *call; /* until it is answered */
        char *path;       /* then the job, until it is removed */
        bool counted;     /* among those that systemd works on */
        bool in_review;   /* the unit's state is awaited, which tells what has become of the job */
        bool gone;        /* systemd has no such job any more */
        UnitDone done;    /* NULL: nobody asks */
        void *userdata;
        uint64_t entered, exited; /* of the unit's state before */
} UnitJob;

void units_on_job_removed(Units *us, const char *path, const char *result);

/* systemd is there (again): what has become of the jobs that were under way? */
void units_review_jobs(Units *us);

/* The unit's state was read: its jobs that wait for that go on. */
void unit_on_refreshed(Unit *u);

/* Takes over what an a{sv} says of a unit. */
int unit_read_properties(sd_bus_message *m, UnitState *state);
void unit_take_state(Unit *u, const UnitState *state);

/* Gives up a GetAll that is under way, if there is one. */
void unit_drop_refresh(Unit *u, unsigned index);

/* Asks for all properties of an interface; NULL when there is no connection. The call is the caller's. */
QueuedCall *unit_get_all(Unit *u, const char *interface, sd_bus_message_handler_t handler, void *userdata);

/* The same of any unit, by its object path. */
QueuedCall *units_get_all(Units *us, const char *path, const char *interface,
        sd_bus_message_handler_t handler, void *userdata);

/* Calls those who wait for units_when_settled(), if nothing is awaited any more (`refreshing`). */
void units_tell_settled(Units *us);
