/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The units that have CPUs: slices and init.scope. As systemd does it: what SetUnitProperties says goes to a drop-in first, takes effect,
 * and is told by no signal. */

#include <string.h>

#include "service/cpu-set.h"
#include "systemd-internal.h"

#define UNSET G_MAXUINT64

static bool has_cpus(const char *name) {
        return g_str_has_suffix(name, ".slice") || g_str_equal(name, "init.scope");
}

static GVariant *bytes_of(const CpuSet *set) {
        uint8_t bytes[CPUS_MAX / 8];
        size_t size = cpu_set_to_bytes(set, bytes);

        /* Padded, as systemd answers. */
        return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, (size + 7) / 8 * 8, 1);
}

static void get_allowed(Systemd *s, const char *name, CpuSet *ret) {
        const char *list = g_hash_table_lookup(s->cpus, name);

        g_assert_cmpint(cpu_set_parse(list ?: "", ret), ==, 0);
}

static void get_effective(Systemd *s, const char *name, CpuSet *ret) {
        g_autofree char *path = g_strconcat(s->root ?: "", "/sys/devices/system/cpu/online", NULL),
                        *text = NULL;
        CpuSet online = { 0 };

        if (s->without_cpuset) {
                *ret = online;
                return;
        }

        get_allowed(s, name, ret);
        if (g_file_get_contents(path, &text, NULL, NULL))
                g_assert_cmpint(cpu_set_parse(text, &online), ==, 0);
        cpu_set_keep(ret, &online);
        if (cpu_set_is_empty(ret) || g_strcmp0(s->stubborn, name) == 0)
                *ret = online;
}

GVariant *slice_get_property(SystemdUnit *u, const char *property) {
        /* The game's is there while a server runs. */
        bool runs = !g_str_equal(u->name, "l4d2-build.slice");
        g_autofree char *cgroup = g_strconcat("/", u->name, NULL);
        const struct {
                const char *name;
                guint64 value;
        } figures[] = { { "CPUUsageNSec", runs ? 2000000000 : UNSET },
                { "MemoryCurrent", runs ? 52428800 : UNSET }, { "TasksCurrent", runs ? 12 : UNSET } };
        CpuSet set = { 0 };

        for (size_t i = 0; i < G_N_ELEMENTS(figures); i++)
                if (g_str_equal(property, figures[i].name))
                        return g_variant_new_uint64(figures[i].value);
        if (g_str_equal(property, "ControlGroup"))
                return g_variant_new_string(runs ? cgroup : "");
        if (g_str_equal(property, "AllowedCPUs"))
                get_allowed(u->systemd, u->name, &set);
        else if (runs)
                get_effective(u->systemd, u->name, &set);

        return bytes_of(&set);
}

void systemd_set_cpus(Systemd *s, const char *name, const char *list) {
        /* init.scope counts as transient: the next boot knows nothing of it. */
        bool scope = g_str_equal(name, "init.scope");
        g_autofree char *directory = g_strdup_printf("%s/%s/%s.d", s->root,
                                scope ? "run/systemd/transient" : "etc/systemd/system.control", name),
                        *path = g_build_filename(directory, "50-AllowedCPUs.conf", NULL),
                        *text = g_strdup_printf("[Slice]\nAllowedCPUs=%s\n", list);

        g_assert_cmpint(g_mkdir_with_parents(directory, 0755), ==, 0);
        g_hash_table_insert(s->cpus, g_strdup(name), g_strdup(list));
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

const char *systemd_get_cpus(Systemd *s, const char *name) {
        return g_hash_table_lookup(s->cpus, name) ?: "";
}

void systemd_without_cpuset(Systemd *s, bool without) {
        s->without_cpuset = without;
}

void systemd_be_stubborn(Systemd *s, const char *name) {
        g_free(s->stubborn);
        s->stubborn = g_strdup(name);
}

bool slice_set_properties(Systemd *s, const char *name, GVariant *arguments) {
        g_autoptr(GVariant) list = g_variant_get_child_value(arguments, 2), value = NULL, boxed = NULL;
        g_autofree char *cpus = NULL, *property = NULL;
        gboolean runtime;
        const void *bytes;
        CpuSet set;
        gsize size;

        g_variant_get_child(arguments, 1, "b", &runtime);
        if (!has_cpus(name) || runtime || g_variant_n_children(list) != 1)
                return false;

        g_variant_get_child(list, 0, "(sv)", &property, &value);
        if (!g_str_equal(property, "AllowedCPUs") || !g_variant_is_of_type(value, G_VARIANT_TYPE_BYTESTRING))
                return false;

        bytes = g_variant_get_fixed_array(value, &size, 1);
        cpu_set_from_bytes(bytes, size, &set);
        cpus = cpu_set_format(&set);
        systemd_set_cpus(s, name, cpus);
        return true;
}
