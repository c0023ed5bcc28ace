/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/bus-entry.h"
#include "service/bus-error.h"
#include "service/bus-figures.h"
#include "service/bus-objects.h"
#include "service/cpus.h"
#include "service/manager.h"
#include "service/slice.h"

static int property_get_word(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Slice *s = userdata;

        return sd_bus_message_append(
                reply, "s", g_str_equal(property, "Name") ? slice_name(s) : slice_unit(s));
}

static int property_get_allowed(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Slice *s = userdata;

        return bus_append_cpu_set(reply, &s->figures.allowed);
}

/* -- GetStatistics --------------------------------------------------------------------------------------------- */

static int append_effective(sd_bus_message *m, const CpuSet *effective) {
        int r;

        if (cpu_set_is_empty(effective))
                return 0;

        r = bus_open_entry(m, "EffectiveCPUs", "au");
        if (r >= 0)
                r = bus_append_cpu_set(m, effective);

        return r < 0 ? r : bus_close_entry(m);
}

/* All bits set is systemd's word for: not counted. */
static int append_number(sd_bus_message *m, const char *name, uint64_t value) {
        return value == UINT64_MAX ? 0 : sd_bus_message_append(m, "{sv}", name, "t", value);
}

static int append_pressure(sd_bus_message *m, const char *name, const Pressure *p) {
        return sd_bus_message_append(m, "{sv}", name, "(dddtdddt)", p->some.avg10, p->some.avg60,
                p->some.avg300, p->some.total, p->full.avg10, p->full.avg60, p->full.avg300, p->full.total);
}

static int append_figures(sd_bus_message *m, const SliceFigures *f) {
        static const char *const pressures[] = { "CPUPressure", "IOPressure", "MemoryPressure" };
        int r;

        r = append_effective(m, &f->effective);
        if (r >= 0)
                r = append_number(m, "CPUUsageNSec", f->cpu_usage);
        if (r >= 0)
                r = append_number(m, "MemoryCurrent", f->memory);
        if (r >= 0)
                r = append_number(m, "Tasks", f->tasks);
        for (size_t k = 0; k < G_N_ELEMENTS(pressures) && r >= 0; k++)
                if (f->has_pressure[k])
                        r = append_pressure(m, pressures[k], &f->pressure[k]);

        return r;
}

static void on_figures(const SliceFigures *f, void *userdata) {
        FiguresCall *c = userdata;

        c->r = append_figures(c->reply, f);
        figures_call_unref(c);
}

static int method_get_statistics(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Slice *s = userdata;
        FiguresCall *c;
        int r;

        r = figures_call_new(s->manager, m, "{sv}", &c, error);
        if (r < 0)
                return r;

        r = slice_get_figures(s, on_figures, c);
        if (r < 0) {
                c->r = r;
                figures_call_unref(c);
        }

        return 1;
}

static const sd_bus_vtable slice_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("GetStatistics", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", statistics),
                method_get_statistics, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Name", "s", property_get_word, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Unit", "s", property_get_word, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("AllowedCPUs", "au", property_get_allowed, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

int bus_add_slices(Manager *m) {
        int r = 0;

        for (SliceId id = 0; id < _SLICE_MAX && r >= 0; id++) {
                Slice *s = m->cpus->slices[id];

                if (s->object.shown)
                        r = sd_bus_add_object_vtable(
                                m->bus, NULL, s->object.path, LEFT4ME_SLICE_INTERFACE, slice_vtable, s);
        }

        return r;
}
