/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/bus-error.h"
#include "service/cpus.h"
#include "service/journal-tail.h"
#include "service/manager.h"
#include "service/request.h"
#include "service/unit.h"

/* A change of the sets: the unit that makes it, then a look whether systemd and the kernel have it. */

/* systemd's longest name of a unit. */
#define UNIT_NAME_MAX 255U

struct CpusChange {
        Cpus *cpus;
        Request *request;
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

static void change_free(CpusChange *change) {
        change->cpus->change = NULL;
        request_drop(change->request);
        unit_free(change->unit);
        g_free(change->failure);
        g_free(change);
}

G_GNUC_PRINTF(2, 3)
static void change_failed(CpusChange *change, const char *format, ...) {
        g_autofree char *message = NULL;
        va_list args;

        va_start(args, format);
        message = g_strdup_vprintf(format, args);
        va_end(args);

        request_failf(g_steal_pointer(&change->request), LEFT4ME_ERROR_FAILED, "%s", message);
        change_free(change);
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

        request_ok(g_steal_pointer(&change->request));
        change_free(change);
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
        g_autofree char *list = system ? cpu_set_format(system) : g_strdup("clear"),
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
                change_free(change);
                return r;
        }

        change->request = q;
        c->change = change;
        return 0;
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
