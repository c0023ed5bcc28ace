/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "service/auth.h"
#include "service/bus-entry.h"
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/cpus.h"
#include "service/manager.h"
#include "service/request.h"
#include "service/util.h"

#define STAT_SIZE_MAX (4U * 1024 * 1024)

int bus_append_cpu_set(sd_bus_message *m, const CpuSet *s) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "u");
        for (uint32_t cpu = cpu_set_next(s, 0); cpu < CPUS_MAX && r >= 0; cpu = cpu_set_next(s, cpu + 1))
                r = sd_bus_message_append(m, "u", cpu);

        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* -- properties ------------------------------------------------------------------------------------------------ */

static int property_get_set(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Cpus *c = userdata;

        return bus_append_cpu_set(reply, g_str_equal(property, "System") ? &c->system : &c->games);
}

static int property_get_topology(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Cpus *c = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(uuub)");
        for (unsigned k = 0; k < c->topology->cpus->len && r >= 0; k++) {
                const TopologyCpu *cpu = &g_array_index(c->topology->cpus, TopologyCpu, k);

                r = sd_bus_message_append(
                        reply, "(uuub)", cpu->cpu, cpu->package, cpu->core, (int) cpu->online);
        }

        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void append_core(const CpuSet *core, void *userdata) {
        (void) bus_append_cpu_set(userdata, core);
}

static int property_get_split_cores(sd_bus *bus, const char *path, const char *interface,
        const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Cpus *c = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "au");
        if (r < 0)
                return r;

        topology_split_cores(c->topology, &c->system, &c->games, append_core, reply);
        return sd_bus_message_close_container(reply);
}

/* -- methods --------------------------------------------------------------------------------------------------- */

/* What the list is for this machine is looked at later. */
static int read_system(sd_bus_message *call, CpuSet *ret, sd_bus_error *error) {
        CpuSet system = { 0 };
        const void *raw;
        size_t size;
        int r;

        r = sd_bus_message_read_array(call, 'u', &raw, &size);
        if (r < 0)
                return r;

        for (size_t k = 0; k < size / sizeof(uint32_t); k++) {
                uint32_t cpu;

                memcpy(&cpu, (const uint8_t *) raw + k * sizeof(cpu), sizeof(cpu));
                if (cpu >= CPUS_MAX)
                        return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                                "There is no CPU %u: no machine has that many.", cpu);
                if (cpu_set_has(&system, cpu))
                        return sd_bus_error_setf(
                                error, LEFT4ME_ERROR_INVALID_ARGUMENT, "CPU %u is named twice.", cpu);
                cpu_set_add(&system, cpu);
        }

        *ret = system;
        return 0;
}

static int method_set(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        g_autofree char *list = NULL;
        Cpus *c = userdata;
        CpuSet system;
        Request *q;
        int r;

        r = read_system(call, &system, error);
        if (r < 0)
                return r;

        list = cpu_set_format(&system);
        r = bus_begin(
                c->manager, call, LEFT4ME_ACTION_MANAGE_HOST, "set-system-cpus", NULL, list, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        return request_return(q, cpus_set(c, &system, q, error), error);
}

static int method_clear(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Cpus *c = userdata;
        Request *q;
        int r;

        r = bus_begin(
                c->manager, call, LEFT4ME_ACTION_MANAGE_HOST, "clear-system-cpus", NULL, "all", &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        return request_return(q, cpus_set(c, NULL, q, error), error);
}

static int method_suggest(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        g_autoptr(sd_bus_message) reply = NULL;
        const Cpus *c = userdata;
        CpuSet system;
        int r;

        topology_suggest(c->topology, &system);
        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = bus_append_cpu_set(reply, &system);

        return r < 0 ? r : sd_bus_message_send(reply);
}

static int append_times(uint32_t cpu, uint64_t busy, uint64_t total, void *userdata) {
        return sd_bus_message_append(userdata, "(utt)", cpu, busy, total);
}

static int method_get_statistics(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        const Cpus *c = userdata;
        g_autofree char *path = g_strconcat(c->manager->root, "/proc/stat", NULL), *text = NULL;
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        r = file_read(-1, path, STAT_SIZE_MAX, &text);
        if (r < 0)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_FAILED,
                        "The kernel does not tell how long each CPU has worked: %s: %s", path, strerror(-r));

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = bus_open_array_entry(reply, "CPUs", "a(utt)");
        if (r >= 0)
                r = cpu_times_parse(text, sysconf(_SC_CLK_TCK), append_times, reply);
        if (r >= 0)
                r = bus_close_array_entry(reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);

        return r < 0 ? r : sd_bus_message_send(reply);
}

static const sd_bus_vtable cpus_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS(
                "Set", SD_BUS_ARGS("au", system), SD_BUS_NO_RESULT, method_set, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Clear", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_clear, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Suggest", SD_BUS_NO_ARGS, SD_BUS_RESULT("au", system), method_suggest,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatistics", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", statistics),
                method_get_statistics, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY(
                "Topology", "a(uuub)", property_get_topology, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("System", "au", property_get_set, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Games", "au", property_get_set, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(
                "SplitCores", "aau", property_get_split_cores, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

int bus_add_cpus(Manager *m) {
        return sd_bus_add_object_vtable(
                m->bus, NULL, LEFT4ME_CPUS_PATH, LEFT4ME_CPUS_INTERFACE, cpus_vtable, m->cpus);
}
