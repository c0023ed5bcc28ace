/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "service/bus-entry.h"
#include "service/check.h"
#include "service/cpus.h"
#include "service/manager.h"
#include "service/unit-internal.h"
#include "service/util.h"

/* Whether what is meant to keep CPU and disk for the games acts on this host. */

#define SYSFS_SIZE_MAX 65536U

typedef struct CheckCpus {
        Manager *manager;
        GPtrArray *findings;
        void (*done)(void *userdata);
        void *userdata;
} CheckCpus;

static char *read_sysfs(const Manager *m, const char *path) {
        g_autofree char *full = g_strconcat(m->root, path, NULL);
        char *text = NULL;

        return file_read(-1, full, SYSFS_SIZE_MAX, &text) >= 0 ? text : NULL;
}

static void check_cpuset(const Cpus *c, GPtrArray *findings) {
        if (cpus_are_divisible(c))
                findings_add(findings, "cpuset", "ok", g_strdup("the kernel can divide CPUs"), g_strdup(""));
        else if (cpu_set_is_empty(&c->system))
                findings_add(findings, "cpuset", "warning",
                        g_strdup(
                                "the kernel does not divide CPUs among control groups: left4mectl cpu set cannot be used"),
                        g_strdup(
                                "boot with control groups v2 and the cpuset controller (not cgroup_disable=cpuset)"));
        else
                findings_add(findings, "cpuset", "warning",
                        g_strdup(
                                "CPU sets are stored, but the kernel does not divide CPUs: they have no effect"),
                        g_strdup(
                                "boot with control groups v2 and the cpuset controller, or: left4mectl cpu clear"));
}

static void append_core(const CpuSet *core, void *userdata) {
        g_autofree char *text = cpu_set_format(core);

        g_string_append_printf(userdata, "%s%s", ((GString *) userdata)->len > 0 ? " and " : "", text);
}

/* Slices that stand beside ours, such as machine.slice: what runs there shares the games' CPUs. */
static char *find_strangers(const Cpus *c) {
        static const char *const known[] = { "system.slice", "user.slice", "l4d2.slice", NULL };
        g_autofree char *path = g_strconcat(c->manager->root, "/sys/fs/cgroup", NULL);
        g_autoptr(GString) found = g_string_new(NULL);
        GDir *dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *events = NULL, *file = NULL;

                if (!g_str_has_suffix(name, ".slice") || g_strv_contains(known, name))
                        continue;

                file = g_strdup_printf("/sys/fs/cgroup/%s/cgroup.events", name);
                events = read_sysfs(c->manager, file);
                if (events && strstr(events, "populated 1"))
                        g_string_append_printf(found, "%s%s", found->len > 0 ? ", " : "", name);
        }

        if (dir)
                g_dir_close(dir);
        return found->len > 0 ? g_strdup(found->str) : NULL;
}

static void check_division(const Cpus *c, GPtrArray *findings) {
        g_autofree char *system = cpu_set_format(&c->system), *games = cpu_set_format(&c->games),
                        *gap = NULL, *strangers = NULL;
        g_autoptr(GString) split = g_string_new(NULL);
        CpuSet both = c->system;

        if (cpu_set_is_empty(&c->system)) {
                findings_add(findings, "cpus", "ok", g_strdup("not divided: everything runs on all of them"),
                        g_strdup("left4mectl cpu suggest names a set for the system"));
                return;
        }

        cpu_set_keep(&both, &c->games);
        topology_split_cores(c->topology, &c->system, &c->games, append_core, split);
        gap = cpus_are_divisible(c) ? cpus_find_gap(c) : NULL;
        strangers = find_strangers(c);
        if (gap)
                findings_add(findings, "cpus", "failed", g_steal_pointer(&gap),
                        g_strdup_printf("left4mectl cpu set %s, or: left4mectl cpu clear", system));
        else if (!cpu_set_is_empty(&both))
                findings_add(findings, "cpus", "warning",
                        g_strdup_printf(
                                "the system may use %s and the games %s: somebody has set the units apart",
                                system, games),
                        g_strdup("left4mectl cpu set LIST, or: left4mectl cpu clear"));
        else if (split->len > 0)
                findings_add(findings, "cpus", "warning",
                        g_strdup_printf(
                                "CPUs %s are threads of one core, and on both sides: one slows the other",
                                split->str),
                        g_strdup("left4mectl cpu suggest names whole cores"));
        else if (strangers)
                findings_add(findings, "cpus", "warning",
                        g_strdup_printf(
                                "what runs in %s is on neither side and shares the games' CPUs", strangers),
                        g_strdup_printf("systemctl set-property SLICE AllowedCPUs=%s", system));
        else
                findings_add(findings, "cpus", "ok",
                        g_strdup_printf("the system runs on %s, the games on %s", system, games),
                        g_strdup(""));
}

/* The disk below /var/lib/left4me, as "8:0", and its directory in sysfs; of a partition that of the whole disk. */
static char *find_disk(const Manager *m, char **ret_number) {
        g_autofree char *path = g_strconcat(m->root, "/var/lib/left4me", NULL), *dir = NULL,
                        *partition = NULL, *file = NULL;
        char *disk;
        struct stat st;

        if (stat(path, &st) < 0 || major(st.st_dev) == 0)
                return NULL;

        dir = g_strdup_printf("%s/sys/dev/block/%u:%u", m->root, major(st.st_dev), minor(st.st_dev));
        partition = g_strconcat(dir, "/partition", NULL);
        disk = g_strconcat(dir, g_file_test(partition, G_FILE_TEST_EXISTS) ? "/.." : "", NULL);
        file = g_strconcat(disk, "/dev", NULL);
        if (!g_file_get_contents(file, ret_number, NULL, NULL)) {
                g_free(disk);
                return NULL;
        }

        g_strchomp(*ret_number);
        return disk;
}

/* Weights of I/O are kept by io.cost, where it is switched on for the disk, or by BFQ. */
static void check_io_weight(const Manager *m, GPtrArray *findings) {
        g_autofree char *number = NULL, *disk = find_disk(m, &number), *scheduler = NULL, *file = NULL,
                        *cost = NULL, *on = NULL;

        if (!disk) {
                findings_add(findings, "io weight", "unknown",
                        g_strdup("which disk /var/lib/left4me is on is not known"),
                        g_strdup("lsblk; cat /sys/block/DISK/queue/scheduler tells whether BFQ is on"));
                return;
        }

        file = g_strconcat(disk, "/queue/scheduler", NULL);
        (void) g_file_get_contents(file, &scheduler, NULL, NULL);
        cost = read_sysfs(m, "/sys/fs/cgroup/io.cost.qos");
        on = g_strdup_printf("%s enable=1", number);
        if ((scheduler && strstr(scheduler, "[bfq]")) || (cost && strstr(cost, on)))
                findings_add(findings, "io weight", "ok",
                        g_strdup_printf("IOWeight= acts on the disk %s", number), g_strdup(""));
        else
                findings_add(findings, "io weight", "warning",
                        g_strdup_printf(
                                "IOWeight= does not act on the disk %s: neither io.cost nor BFQ is on, so builds may "
                                "hold up what servers read",
                                number),
                        g_strdup_printf(
                                "echo bfq > /sys/dev/block/%s/queue/scheduler (a udev rule keeps it), or enable "
                                "io.cost.qos",
                                number));
}

typedef struct Weights {
        uint64_t cpu, io;
} Weights;

static int read_weight(sd_bus_message *m, const char *name, void *userdata) {
        Weights *w = userdata;

        if (g_str_equal(name, "CPUWeight"))
                return sd_bus_message_read(m, "v", "t", &w->cpu);

        return g_str_equal(name, "IOWeight") ? sd_bus_message_read(m, "v", "t", &w->io) : 0;
}

/* The weights of l4d2.slice, which competes with system.slice and user.slice. */
static int on_weights(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        CheckCpus *check = userdata;
        Weights w = { 0 };

        (void) bus_read_entries(reply, read_weight, &w);

        /* All bits set: nobody has said one. */
        if (w.cpu > 100 && w.cpu <= 10000 && w.io > 100 && w.io <= 10000)
                findings_add(check->findings, "l4d2.slice", "ok",
                        g_strdup_printf(
                                "servers weigh %u times what the rest does", (unsigned) (w.cpu / 100)),
                        g_strdup(""));
        else
                findings_add(check->findings, "l4d2.slice", "failed",
                        g_strdup(
                                "it has not the weights that it was shipped with: servers compete with all else as equals"),
                        g_strdup("systemctl cat l4d2.slice; reinstall the package"));

        check->done(check->userdata);
        return 1;
}

static void on_refreshed(Cpus *c, void *userdata) {
        CheckCpus *check = userdata;
        g_autofree char *path = NULL;
        QueuedCall *call = NULL;

        check_cpuset(c, check->findings);
        check_division(c, check->findings);
        check_io_weight(check->manager, check->findings);
        if (sd_bus_path_encode(SYSTEMD_UNIT_PREFIX, "l4d2.slice", &path) >= 0)
                call = units_get_all(
                        check->manager->units, path, "org.freedesktop.systemd1.Slice", on_weights, check);
        if (call) {
                queued_call_set_floating(call, g_free);
                return;
        }

        check->done(check->userdata);
        g_free(check);
}

void check_cpus(Manager *m, GPtrArray *findings, void (*done)(void *userdata), void *userdata) {
        CheckCpus *check = g_new(CheckCpus, 1);

        *check = (CheckCpus){ .manager = m, .findings = findings, .done = done, .userdata = userdata };
        cpus_refresh(m->cpus, on_refreshed, check);
}
