/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/bus-error.h"
#include "service/cpus.h"
#include "service/journal-tail.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/request.h"
#include "service/store.h"
#include "service/unit.h"

/* A change of the sets: the unit that makes it, then a look whether systemd and the kernel have it. */

/* systemd's longest name of a unit. */
#define UNIT_NAME_MAX 255U

/* What is being changed to, "" between changes. left4me-cpus undoes what it is killed in by what it wrote to /run; after a power cut only
 * this tells that sets which do not fit each other are half of a change, and of which. */
#define SETTING "cpus-change"
#define CLEAR "clear"

struct CpusChange {
        Cpus *cpus;
        Request *request; /* NULL: left4med itself makes whole what a power cut left */
        Unit *unit;
        CpuSet system, games; /* wanted; empty for all */
        char *failure;        /* of the unit, in its own words */
};

/* As systemd escapes it; nothing else in a list needs that. */
static char *unit_name_of(const char *list) {
        GString *name = g_string_new("left4me-cpus@");

        for (const char *p = list; *p != '\0'; p++)
                if (*p == '-' || *p == ',')
                        g_string_append_printf(name, "\\x%02x", (unsigned) *p);
                else
                        g_string_append_c(name, *p);

        g_string_append(name, ".service");
        return g_string_free(name, FALSE);
}

static int remember(Cpus *c, const char *list) {
        return store_set_setting(c->manager->store, SETTING, list);
}

static void forget(Cpus *c) {
        int r = remember(c, "");

        if (r < 0)
                log_plain(LOG_WARNING, "Cannot store that the CPU sets are changed, ignoring: %s",
                        strerror(-r));
}

static void change_free(CpusChange *change) {
        change->cpus->change = NULL;
        request_drop(change->request);
        unit_free(change->unit);
        g_free(change->failure);
        g_free(change);
}

static void change_end(CpusChange *change) {
        forget(change->cpus);
        change_free(change);
}

G_GNUC_PRINTF(2, 3)
static void change_failed(CpusChange *change, const char *format, ...) {
        g_autofree char *message = NULL;
        va_list args;

        va_start(args, format);
        message = g_strdup_vprintf(format, args);
        va_end(args);

        if (change->request)
                request_failf(g_steal_pointer(&change->request), LEFT4ME_ERROR_FAILED, "%s", message);
        else
                log_plain(LOG_WARNING, "%s", message);
        change_end(change);
}

/* What a unit is to have. */
static const CpuSet *wanted_by(const CpusChange *change, SliceId id) {
        return id == SLICE_GAME ? &change->games : &change->system;
}

/* The unit that systemd has not told otherwise of, NULL when it has told all. */
static const Slice *find_untold(const CpusChange *change) {
        const Cpus *c = change->cpus;

        for (SliceId id = 0; id < _SLICE_MAX; id++)
                if (!cpu_set_equal(&c->slices[id]->figures.allowed, wanted_by(change, id)))
                        return c->slices[id];

        return NULL;
}

static void on_refreshed(Cpus *c, void *userdata) {
        CpusChange *change = userdata;
        const Slice *untold = find_untold(change);
        g_autofree char *gap = NULL;

        if (change->failure) {
                change_failed(change, "The CPU sets stay as they were: %s", change->failure);
                return;
        }

        if (untold) {
                change_failed(change,
                        "systemd does not say that %s has its new set; somebody else may have changed it. See: left4mectl cpu show; "
                        "systemctl show --property=AllowedCPUs %s",
                        slice_unit(untold), slice_unit(untold));
                return;
        }

        gap = cpus_find_gap(c);
        if (gap) {
                change_failed(change,
                        "The CPU sets are stored, but not in effect: %s. See: left4mectl check; left4mectl cpu clear undoes it.",
                        gap);
                return;
        }

        if (change->request)
                request_ok(g_steal_pointer(&change->request));
        change_end(change);
}

static void on_failure_log(const char *why, void *userdata) {
        CpusChange *change = userdata;

        change->failure = g_strdup(why);
        (void) unit_reset_failed(change->unit, NULL, NULL);
        cpus_refresh(change->cpus, on_refreshed, change);
}

static void on_unit(Unit *u, UnitResult result, const char *detail, void *userdata) {
        CpusChange *change = userdata;

        if (result == UNIT_DONE)
                cpus_refresh(change->cpus, on_refreshed, change);
        else if (result == UNIT_REFUSED ||
                 journal_tail_unit(change->cpus->manager, u, on_failure_log, change) < 0)
                on_failure_log(detail ?: unit_result_to_string(result), change);
}

static int check_system(const Cpus *c, const CpuSet *system, sd_bus_error *error) {
        g_autofree char *why = topology_refuse(c->topology, system);

        if (why)
                return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT, why);

        /* Stored without effect, it would come into force with the next boot of another kernel. */
        if (!cpus_are_divisible(c))
                return sd_bus_error_set(error, LEFT4ME_ERROR_NOT_SUPPORTED,
                        "The kernel of this host does not divide CPUs: it has no cpuset controller for control groups (v2). Nothing "
                        "was changed. In a container the host's administrator decides that; on a machine see "
                        "/sys/fs/cgroup/cgroup.controllers.");

        return 0;
}

int cpus_set(Cpus *c, const CpuSet *system, Request *q, sd_bus_error *error) {
        g_autofree char *list = system ? cpu_set_format(system) : g_strdup(CLEAR),
                        *name = unit_name_of(list);
        CpusChange *change;
        int r;

        if (c->change)
                return sd_bus_error_set(error, LEFT4ME_ERROR_BUSY,
                        "Another change of the CPU sets is under way. Try again when it has ended.");

        r = system ? check_system(c, system, error) : 0;
        if (r < 0)
                return r;

        if (strlen(name) > UNIT_NAME_MAX)
                return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "The list of CPUs is too long to be passed on. Choose more that are neighbours, such as 0-7.");

        r = remember(c, list);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot write down what is asked for");

        change = g_new0(CpusChange, 1);
        change->cpus = c;
        change->unit = unit_new(c->manager->units, name, NULL, NULL);
        if (system) {
                change->system = *system;
                topology_complement(c->topology, system, &change->games);
        }

        /* Its end must be there to be read if systemd executes itself anew meanwhile. */
        (void) unit_hold(change->unit);
        r = unit_start(change->unit, on_unit, change);
        if (r < 0) {
                change_end(change);
                return r;
        }

        change->request = q;
        c->change = change;
        return 0;
}

/* -- what a power cut left ------------------------------------------------------------------------------------- */

/* Whether the units have the sets of one change, whichever that was. */
static bool are_whole(const Cpus *c) {
        const CpuSet *system = &c->slices[SLICE_SYSTEM]->figures.allowed;
        CpuSet games = { 0 };

        if (!cpu_set_is_empty(system))
                topology_complement(c->topology, system, &games);
        for (SliceId id = 0; id < _SLICE_MAX; id++)
                if (!cpu_set_equal(&c->slices[id]->figures.allowed, id == SLICE_GAME ? &games : system))
                        return false;

        return true;
}

static int make_whole(Cpus *c, const char *list) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        bool clear = g_str_equal(list, CLEAR);
        CpuSet system;
        int r;

        r = clear ? 0 : cpu_set_parse_canonical(list, &system);
        if (r < 0)
                return r;

        log_plain(LOG_NOTICE, "A change of the CPU sets was cut off in its middle, it is made whole: %s",
                list);
        r = cpus_set(c, clear ? NULL : &system, NULL, &error);
        if (r < 0)
                log_plain(LOG_WARNING, "The CPU sets stay as they are: %s", error.message ?: strerror(-r));
        sd_bus_error_free(&error);
        return r;
}

void cpus_resume(Cpus *c, void *userdata) {
        g_autofree char *list = NULL;

        if (c->change || store_get_setting(c->manager->store, SETTING, &list) < 0 || !list || *list == '\0')
                return;

        if (are_whole(c) || make_whole(c, list) < 0)
                forget(c);
}

Cpus *cpus_free(Cpus *c) {
        if (!c)
                return NULL;

        cpus_watch_free(c->watch);
        if (c->change)
                change_free(c->change);
        for (SliceId id = 0; id < _SLICE_MAX; id++)
                slice_free(c->slices[id]);
        g_ptr_array_unref(c->waiting);
        topology_free(c->topology);
        object_done(&c->object);
        g_free(c);
        return NULL;
}
