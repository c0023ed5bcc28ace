/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

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
        GPtrArray *jobs;         /* UnitJob: calls and jobs under way, owned */
        sd_bus_slot *refresh[2]; /* GetAll of Unit and of Service */
        bool held;
};

typedef struct UnitJob {
        Units *units;
        Unit *unit;
        sd_bus_slot *slot; /* the call, until it is answered */
        char *path;        /* then the job, until it is removed */
        UnitDone done;     /* NULL: nobody asks */
        void *userdata;
        bool awaits_job;
        bool brings_up; /* a start */
} UnitJob;

void units_on_job_removed(Units *us, const char *path, const char *result);

/* Asks after each job that is under way whether it still is. */
void units_check_jobs(Units *us);
