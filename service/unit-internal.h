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
        GHashTable *by_path; /* object path -> Unit, both the unit's */
        GHashTable *jobs;    /* object path of a job -> UnitJob, both the job's */
        GPtrArray *lost;     /* UnitJob: calls that systemd took with it when it left the bus */
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

typedef struct UnitJob {
        Units *units;
        Unit *unit;
        QueuedCall *call; /* until it is answered */
        char *path;       /* then the job, until it is removed */
        UnitDone done;    /* NULL: nobody asks */
        void *userdata;
        bool awaits_job;
        bool brings_up; /* a start */
} UnitJob;

void units_on_job_removed(Units *us, const char *path, const char *result);

/* Asks after each job that is under way whether it still is. */
void units_check_jobs(Units *us);

/* Sends again what was lost. */
void units_send_lost(Units *us);

/* Gives up a GetAll that is under way, if there is one. */
void unit_drop_refresh(Unit *u, unsigned index);

/* Asks for all properties of an interface; NULL when there is no connection. The call is the caller's. */
QueuedCall *unit_get_all(Unit *u, const char *interface, sd_bus_message_handler_t handler, void *userdata);
