/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cpu-slices.h"
#include "cpus.h"
#include "dbus/names.h"
#include "format.h"
#include "inventory.h"
#include "props.h"
#include "table.h"

static const char *const names[] = { "game", "build", "system", "user" };

struct Slices {
        GVariant *properties[G_N_ELEMENTS(names)];
        GVariant *figures[G_N_ELEMENTS(names)];
};

Slices *slices_load(Cli *cli, GError **error) {
        g_autoptr(Slices) s = g_new0(Slices, 1);

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *path = client_path(LEFT4ME_SLICE_PREFIX, names[i]);
                const ClientCall call = {
                        .path = path,
                        .interface = LEFT4ME_SLICE_INTERFACE,
                        .method = "GetStatistics",
                        .reply = "(a{sv})",
                };
                g_autoptr(GVariant) reply = NULL;

                s->properties[i] = inventory_get_all(cli, path, LEFT4ME_SLICE_INTERFACE, error);
                if (!s->properties[i])
                        return NULL;

                reply = cli_call(cli, &call, error);
                if (!reply)
                        return NULL;
                s->figures[i] = g_variant_get_child_value(reply, 0);
        }

        return g_steal_pointer(&s);
}

Slices *slices_free(Slices *s) {
        if (!s)
                return NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_clear_pointer(&s->properties[i], g_variant_unref);
                g_clear_pointer(&s->figures[i], g_variant_unref);
        }
        g_free(s);
        return NULL;
}

static char *set_text(GVariant *dictionary, const char *name, const char *nothing) {
        g_autoptr(GVariant) set = props_value(dictionary, name, "au");

        return g_variant_n_children(set) > 0 ? cpus_format(set) : g_strdup(nothing);
}

/* Of the last minute, some of the tasks. */
static char *pressure_text(GVariant *figures, const char *name) {
        g_autoptr(GVariant) p = g_variant_lookup_value(figures, name, G_VARIANT_TYPE("(dddtdddt)"));
        double some;

        if (!p)
                return g_strdup("-");

        g_variant_get_child(p, 1, "d", &some);
        return g_strdup_printf("%.1f%%", some);
}

static void add_row(Table *table, const char *name, GVariant *properties, GVariant *figures) {
        g_autofree char *allowed = set_text(properties, "AllowedCPUs", "all"),
                        *effective = set_text(figures, "EffectiveCPUs", "-"), *time = NULL, *memory = NULL,
                        *tasks = NULL, *cpu = pressure_text(figures, "CPUPressure"),
                        *io = pressure_text(figures, "IOPressure"),
                        *mem = pressure_text(figures, "MemoryPressure");

        time = props_has(figures, "CPUUsageNSec")
                       ? format_duration(props_uint(figures, "CPUUsageNSec") / 1000)
                       : g_strdup("-");
        memory = props_has(figures, "MemoryCurrent") ? format_bytes(props_uint(figures, "MemoryCurrent"))
                                                     : g_strdup("-");
        tasks = props_has(figures, "Tasks")
                        ? g_strdup_printf("%" G_GUINT64_FORMAT, props_uint(figures, "Tasks"))
                        : g_strdup("-");
        table_add(table, name, allowed, effective, time, memory, tasks, cpu, io, mem, NULL);
}

void slices_print(Cli *cli, const Slices *s) {
        static const TableColumn columns[] = {
                { "SLICE", TABLE_LEFT },
                { "MAY USE", TABLE_SHRINK },
                { "RUNS ON", TABLE_SHRINK },
                { "CPU TIME", TABLE_RIGHT },
                { "MEMORY", TABLE_RIGHT },
                { "TASKS", TABLE_RIGHT },
                { "WAITS: CPU", TABLE_RIGHT },
                { "I/O", TABLE_RIGHT },
                { "MEM", TABLE_RIGHT },
        };
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                add_row(table, names[i], s->properties[i], s->figures[i]);
        table_print(table, &cli->out, !cli->quiet);
}

JsonArray *slices_json(const Slices *s) {
        JsonArray *array = json_array_new();

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                JsonObject *object = json_from_dictionary(s->properties[i]);

                json_object_set_object_member(object, "statistics", json_from_dictionary(s->figures[i]));
                json_array_add_object_element(array, object);
        }

        return array;
}
