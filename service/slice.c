/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "dbus/names.h"
#include "service/bus-entry.h"
#include "service/manager.h"
#include "service/slice.h"
#include "service/unit-internal.h"
#include "service/util.h"

#define PRESSURE_SIZE_MAX 4096U

static const struct {
        const char *name;
        const char *unit;
        const char *interface;
} kinds[_SLICE_MAX] = {
        [SLICE_GAME] = { "game", "l4d2-game.slice", "org.freedesktop.systemd1.Slice" },
        [SLICE_BUILD] = { "build", "l4d2-build.slice", "org.freedesktop.systemd1.Slice" },
        [SLICE_SYSTEM] = { "system", "system.slice", "org.freedesktop.systemd1.Slice" },
        [SLICE_USER] = { "user", "user.slice", "org.freedesktop.systemd1.Slice" },
        [SLICE_INIT] = { "init", "init.scope", "org.freedesktop.systemd1.Scope" },
};

static const char *const properties[] = { "AllowedCPUs", NULL };

static const ObjectType slice_type = {
        .interface = LEFT4ME_SLICE_INTERFACE,
        .prefix = LEFT4ME_SLICE_PREFIX,
        .properties = properties,
};

static void figures_clear(SliceFigures *f) {
        g_free(f->cgroup);
        *f = (SliceFigures){ .cpu_usage = UINT64_MAX, .memory = UINT64_MAX, .tasks = UINT64_MAX };
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SliceFigures, figures_clear)

static int read_cpus(sd_bus_message *m, CpuSet *ret) {
        const void *bytes;
        size_t size;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &bytes, &size);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;

        cpu_set_from_bytes(bytes, size, ret);
        return 1;
}

static int read_property(sd_bus_message *m, const char *name, void *userdata) {
        SliceFigures *f = userdata;
        const char *text;
        int r;

        if (g_str_equal(name, "AllowedCPUs"))
                return read_cpus(m, &f->allowed);
        if (g_str_equal(name, "EffectiveCPUs"))
                return read_cpus(m, &f->effective);
        if (g_str_equal(name, "CPUUsageNSec"))
                return sd_bus_message_read(m, "v", "t", &f->cpu_usage);
        if (g_str_equal(name, "MemoryCurrent"))
                return sd_bus_message_read(m, "v", "t", &f->memory);
        if (g_str_equal(name, "TasksCurrent"))
                return sd_bus_message_read(m, "v", "t", &f->tasks);
        if (!g_str_equal(name, "ControlGroup"))
                return 0;

        r = sd_bus_message_read(m, "v", "s", &text);
        if (r >= 0) {
                g_free(f->cgroup);
                f->cgroup = g_strdup(text);
        }

        return r;
}

static int read_figures(sd_bus_message *m, SliceFigures *ret) {
        g_auto(SliceFigures) f = { 0 };
        int r;

        figures_clear(&f);
        r = bus_read_entries(m, read_property, &f);
        if (r < 0)
                return r;

        if (!f.cgroup)
                f.cgroup = g_strdup("");
        figures_clear(ret);
        *ret = f;
        f.cgroup = NULL;
        return 0;
}

static void read_pressure(const Manager *m, SliceFigures *f) {
        static const char *const files[] = { "cpu.pressure", "io.pressure", "memory.pressure" };

        if (*f->cgroup == '\0')
                return;

        for (size_t k = 0; k < G_N_ELEMENTS(files); k++) {
                g_autofree char *path = g_strconcat(
                                        m->root, "/sys/fs/cgroup", f->cgroup, "/", files[k], NULL),
                                *text = NULL;

                f->has_pressure[k] = file_read(-1, path, PRESSURE_SIZE_MAX, &text) >= 0 &&
                                     pressure_parse(text, &f->pressure[k]) >= 0;
        }
}

static QueuedCall *get_all(Slice *s, sd_bus_message_handler_t handler, void *userdata) {
        g_autofree char *path = NULL;

        if (sd_bus_path_encode(SYSTEMD_UNIT_PREFIX, kinds[s->id].unit, &path) < 0)
                return NULL;

        return units_get_all(s->manager->units, path, kinds[s->id].interface, handler, userdata);
}

Slice *slice_new(Manager *m, SliceId id, void (*refreshed)(Slice *s, void *userdata), void *userdata) {
        Slice *s = g_new0(Slice, 1);

        object_init(&s->object, m, &slice_type, kinds[id].name);
        s->object.shown = id != SLICE_INIT;
        s->manager = m;
        s->id = id;
        s->refreshed = refreshed;
        s->userdata = userdata;
        figures_clear(&s->figures);
        s->figures.cgroup = g_strdup("");
        return s;
}

static void drop_refresh(Slice *s) {
        if (!s->refresh)
                return;

        s->refresh = queued_call_free(s->refresh);
        s->manager->units->refreshing--;
}

Slice *slice_free(Slice *s) {
        if (!s)
                return NULL;

        drop_refresh(s);
        object_done(&s->object);
        g_free(s->figures.cgroup);
        g_free(s);
        return NULL;
}

const char *slice_name(const Slice *s) {
        return kinds[s->id].name;
}

const char *slice_unit(const Slice *s) {
        return kinds[s->id].unit;
}

static int on_refreshed(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Slice *s = userdata;
        Units *us = s->manager->units;
        CpuSet before = s->figures.allowed;
        bool lost = sd_bus_error_has_name(sd_bus_message_get_error(reply), SD_BUS_ERROR_NO_REPLY);

        drop_refresh(s);

        /* systemd executes itself anew: the new one is asked. */
        if (lost && slice_refresh(s) >= 0)
                return 1;

        if (read_figures(reply, &s->figures) >= 0 && !cpu_set_equal(&before, &s->figures.allowed))
                object_changed(&s->object, SLICE_CHANGED_ALLOWED);

        s->refreshed(s, s->userdata);
        units_tell_settled(us);
        return 1;
}

int slice_refresh(Slice *s) {
        /* An answer that is under way may be older than what the caller knows. */
        drop_refresh(s);
        s->refresh = get_all(s, on_refreshed, s);
        if (!s->refresh)
                return -ENOTCONN;

        s->manager->units->refreshing++;
        return 0;
}

bool slice_is_refreshing(const Slice *s) {
        return s->refresh;
}

typedef struct FiguresCall {
        Manager *manager;
        SliceDone done;
        void *userdata;
} FiguresCall;

static int on_figures(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const FiguresCall *call = userdata;
        g_auto(SliceFigures) f = { 0 };

        figures_clear(&f);
        if (read_figures(reply, &f) < 0)
                f.cgroup = g_strdup("");
        read_pressure(call->manager, &f);
        call->done(&f, call->userdata);
        return 1;
}

int slice_get_figures(Slice *s, SliceDone done, void *userdata) {
        FiguresCall *call = g_new(FiguresCall, 1);
        QueuedCall *c;

        *call = (FiguresCall){ .manager = s->manager, .done = done, .userdata = userdata };
        c = get_all(s, on_figures, call);
        if (!c) {
                g_free(call);
                return -ENOTCONN;
        }

        queued_call_set_floating(c, g_free);
        return 0;
}
