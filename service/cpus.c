/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "dbus/names.h"
#include "service/cpus.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/util.h"

#define SYSFS_SIZE_MAX 65536U

static const char *const properties[] = { "Topology", "System", "Games", "SplitCores", NULL };

static const ObjectType cpus_type = {
        .interface = LEFT4ME_CPUS_INTERFACE,
        .prefix = LEFT4ME_ROOT_PATH,
        .properties = properties,
};

typedef struct CpusWaiter {
        void (*done)(Cpus *c, void *userdata);
        void *userdata;
} CpusWaiter;

static Topology *topology_none(void) {
        Topology *t = g_new0(Topology, 1);

        t->cpus = g_array_new(FALSE, TRUE, sizeof(TopologyCpu));
        return t;
}

static void read_topology(Cpus *c) {
        Topology *t;
        int r;

        r = topology_read(c->manager->root, &t);
        if (r < 0) {
                log_plain(LOG_WARNING, "The kernel does not tell which CPUs there are, ignoring: %s",
                        strerror(-r));
                return;
        }

        if (!topology_equal(c->topology, t))
                object_changed(&c->object, CPUS_CHANGED_TOPOLOGY | CPUS_CHANGED_SPLIT);
        topology_free(c->topology);
        c->topology = t;
}

bool cpus_are_divisible(const Cpus *c) {
        g_autofree char *path = g_strconcat(c->manager->root, "/sys/fs/cgroup/cgroup.controllers", NULL),
                        *text = NULL;
        g_auto(GStrv) words = NULL;

        if (file_read(-1, path, SYSFS_SIZE_MAX, &text) < 0)
                return false;

        words = g_strsplit(g_strchomp(text), " ", -1);
        return g_strv_contains((const char *const *) words, "cpuset");
}

/* What a unit may use of the CPUs that there are; where nothing of its set is left the kernel takes it for none. */
static bool get_limit(const Cpus *c, SliceId id, CpuSet *ret) {
        *ret = c->slices[id]->figures.allowed;
        cpu_set_keep(ret, &c->topology->present);
        if (!cpu_set_is_empty(ret))
                return true;

        *ret = c->topology->present;
        return false;
}

static void compute(Cpus *c) {
        CpuSet system = { 0 }, games, set;
        bool limited = false;

        for (SliceId id = 0; id < _SLICE_MAX; id++)
                if (id != SLICE_GAME) {
                        limited = get_limit(c, id, &set) || limited;
                        cpu_set_join(&system, &set);
                }
        if (!limited)
                system = (CpuSet){ 0 };
        (void) get_limit(c, SLICE_GAME, &games);

        if (!cpu_set_equal(&system, &c->system))
                object_changed(&c->object, CPUS_CHANGED_SYSTEM | CPUS_CHANGED_SPLIT);
        if (!cpu_set_equal(&games, &c->games))
                object_changed(&c->object, CPUS_CHANGED_GAMES | CPUS_CHANGED_SPLIT);

        c->system = system;
        c->games = games;
}

static void tell_waiting(Cpus *c) {
        for (SliceId id = 0; id < _SLICE_MAX; id++)
                if (slice_is_refreshing(c->slices[id]))
                        return;

        compute(c);
        while (c->waiting->len > 0) {
                g_autofree CpusWaiter *w = g_ptr_array_steal_index(c->waiting, 0);

                w->done(c, w->userdata);
        }
}

static void on_refreshed(Slice *s, void *userdata) {
        tell_waiting(userdata);
}

void cpus_refresh(Cpus *c, void (*done)(Cpus *c, void *userdata), void *userdata) {
        if (done) {
                CpusWaiter *w = g_new(CpusWaiter, 1);

                *w = (CpusWaiter){ .done = done, .userdata = userdata };
                g_ptr_array_add(c->waiting, w);
        }

        read_topology(c);
        for (SliceId id = 0; id < _SLICE_MAX; id++)
                (void) slice_refresh(c->slices[id]);
        tell_waiting(c);
}

static void on_watch(void *userdata) {
        cpus_refresh(userdata, NULL, NULL);
}

int cpus_new(Manager *m, Cpus **ret) {
        Cpus *c = g_new0(Cpus, 1);

        c->manager = m;
        c->topology = topology_none();
        c->waiting = g_ptr_array_new_with_free_func(g_free);
        object_init(&c->object, m, &cpus_type, "cpus");
        for (SliceId id = 0; id < _SLICE_MAX; id++)
                c->slices[id] = slice_new(m, id, on_refreshed, c);

        read_topology(c);
        compute(c);
        c->object.shown = true;
        c->watch = cpus_watch_new(m, on_watch, c);
        *ret = c;
        return 0;
}

/* What the kernel lets anything run on: what is online, less what it keeps from the whole of this host (in a container, say). */
static void get_usable(const Cpus *c, CpuSet *ret) {
        g_autofree char *path = g_strconcat(c->manager->root, "/sys/fs/cgroup/cpuset.cpus.effective", NULL),
                        *text = NULL;
        CpuSet usable;

        *ret = c->topology->online;
        if (file_read(-1, path, SYSFS_SIZE_MAX, &text) >= 0 && cpu_set_parse(text, &usable) >= 0 &&
                !cpu_set_is_empty(&usable))
                cpu_set_keep(ret, &usable);
}

/* What the kernel grants is told only of what has a control group, and where there is the controller. */
char *cpus_find_gap(const Cpus *c) {
        CpuSet usable;

        get_usable(c, &usable);
        for (SliceId id = 0; id < _SLICE_MAX; id++) {
                const Slice *s = c->slices[id];
                g_autofree char *is = cpu_set_format(&s->figures.effective), *should = NULL;
                CpuSet limit;
                bool limited = get_limit(c, id, &limit);

                /* Of a set that is offline altogether the kernel makes no limit. */
                cpu_set_keep(&limit, &usable);
                if (*s->figures.cgroup == '\0' || (!limited && *is == '\0') || cpu_set_is_empty(&limit))
                        continue;

                should = cpu_set_format(&limit);
                if (*is == '\0')
                        return g_strdup_printf("%s is to run on CPU %s, but the kernel sets it no limit",
                                slice_unit(s), should);
                if (!cpu_set_equal(&limit, &s->figures.effective))
                        return g_strdup_printf("%s is to run on CPU %s, but the kernel lets it run on %s",
                                slice_unit(s), should, is);
        }

        return NULL;
}
