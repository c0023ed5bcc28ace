/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cpus.h"
#include "dbus/names.h"
#include "inventory.h"
#include "props.h"

static gboolean read_number(const char **p, uint32_t *ret) {
        char *end;
        guint64 number;

        if (!g_ascii_isdigit(**p))
                return FALSE;

        number = g_ascii_strtoull(*p, &end, 10);
        if (number > CPU_NUMBER_MAX)
                return FALSE;

        *p = end;
        *ret = (uint32_t) number;
        return TRUE;
}

gboolean cpus_parse(const char *text, GArray **ret) {
        g_autoptr(GArray) set = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        const char *p = text;
        uint32_t first, last;

        for (;;) {
                if (!read_number(&p, &first))
                        return FALSE;
                last = first;
                if (*p == '-' && (p++, !read_number(&p, &last)))
                        return FALSE;
                if (last < first)
                        return FALSE;

                for (; first <= last; first++)
                        g_array_append_val(set, first);

                if (*p == 0)
                        break;
                if (*p++ != ',')
                        return FALSE;
        }

        *ret = g_steal_pointer(&set);
        return TRUE;
}

char *cpus_format(GVariant *set) {
        GString *text = g_string_new(NULL);
        const uint32_t *cpus;
        gsize n, i, last;

        cpus = g_variant_get_fixed_array(set, &n, sizeof(uint32_t));
        for (i = 0; i < n; i = last + 1) {
                last = i;
                while (last + 1 < n && cpus[last + 1] == cpus[last] + 1)
                        last++;

                g_string_append_printf(text, "%s%u", text->len > 0 ? "," : "", cpus[i]);
                if (last > i)
                        g_string_append_printf(text, "%c%u", last > i + 1 ? '-' : ',', cpus[last]);
        }

        if (n == 0)
                g_string_append(text, "none");
        return g_string_free(text, FALSE);
}

gboolean cpus_has(GVariant *set, uint32_t cpu) {
        const uint32_t *cpus;
        gsize n, i;

        cpus = g_variant_get_fixed_array(set, &n, sizeof(uint32_t));
        for (i = 0; i < n; i++)
                if (cpus[i] == cpu)
                        return TRUE;

        return FALSE;
}

/* -- load ------------------------------------------------------------------------------------------------------ */

typedef struct {
        uint64_t busy, total;
} Times;

/* CPU -> Times. */
static GHashTable *get_times(Cli *cli, GError **error) {
        const ClientCall call = {
                .path = LEFT4ME_CPUS_PATH,
                .interface = LEFT4ME_CPUS_INTERFACE,
                .method = "GetStatistics",
                .reply = "(a{sv})",
        };
        g_autoptr(GVariant) reply = cli_call(cli, &call, error), dictionary = NULL, list = NULL;
        GHashTable *table;
        GVariantIter iter;
        uint32_t cpu;
        Times times;

        if (!reply)
                return NULL;

        table = g_hash_table_new_full(NULL, NULL, NULL, g_free);
        dictionary = g_variant_get_child_value(reply, 0);
        list = props_value(dictionary, "CPUs", "a(utt)");
        g_variant_iter_init(&iter, list);
        while (g_variant_iter_next(&iter, "(utt)", &cpu, &times.busy, &times.total))
                g_hash_table_insert(table, GUINT_TO_POINTER(cpu), g_memdup2(&times, sizeof(times)));

        return table;
}

static double load_of(GHashTable *before, GHashTable *after, uint32_t cpu) {
        const Times *a = g_hash_table_lookup(before, GUINT_TO_POINTER(cpu)),
                    *b = g_hash_table_lookup(after, GUINT_TO_POINTER(cpu));

        if (!a || !b || b->total <= a->total || b->busy < a->busy)
                return -1;

        return 100.0 * (double) (b->busy - a->busy) / (double) (b->total - a->total);
}

static gboolean measure(Cli *cli, CpuView *v, double seconds, GError **error) {
        g_autoptr(GHashTable) before = get_times(cli, error), after = NULL;
        guint i;

        if (!before)
                return FALSE;

        fflush(cli->out.file);
        g_usleep((gulong) (seconds * G_USEC_PER_SEC));
        after = get_times(cli, error);
        if (!after)
                return FALSE;

        for (i = 0; i < v->cpus->len; i++) {
                CpuInfo *c = &g_array_index(v->cpus, CpuInfo, i);

                c->load = load_of(before, after, c->cpu);
        }

        return TRUE;
}

/* -- the view -------------------------------------------------------------------------------------------------- */

static const char *owner_of(const CpuView *v, uint32_t cpu, gboolean online) {
        gboolean system = cpus_has(v->system, cpu), games = cpus_has(v->games, cpu);

        if (!online)
                return "offline";
        if (g_variant_n_children(v->system) == 0)
                return "all";
        if (system && games)
                return "both";

        return system ? "system" : games ? "games" : "nobody";
}

static void read_cpus(CpuView *v) {
        g_autoptr(GVariant) topology = props_value(v->properties, "Topology", "a(uuub)");
        GVariantIter iter;
        CpuInfo c = { .load = -1 };

        v->cpus = g_array_new(FALSE, FALSE, sizeof(CpuInfo));
        g_variant_iter_init(&iter, topology);
        while (g_variant_iter_next(&iter, "(uuub)", &c.cpu, &c.package, &c.core, &c.online)) {
                c.owner = owner_of(v, c.cpu, c.online);
                g_array_append_val(v->cpus, c);
        }
}

CpuView *cpu_view_load(Cli *cli, double seconds, GError **error) {
        g_autoptr(CpuView) v = g_new0(CpuView, 1);

        v->properties = inventory_get_all(cli, LEFT4ME_CPUS_PATH, LEFT4ME_CPUS_INTERFACE, error);
        if (!v->properties)
                return NULL;

        v->system = props_value(v->properties, "System", "au");
        v->games = props_value(v->properties, "Games", "au");
        v->split = props_value(v->properties, "SplitCores", "aau");
        read_cpus(v);
        if (seconds > 0 && !measure(cli, v, seconds, error))
                return NULL;

        return g_steal_pointer(&v);
}

CpuView *cpu_view_free(CpuView *v) {
        if (!v)
                return NULL;

        g_clear_pointer(&v->properties, g_variant_unref);
        g_clear_pointer(&v->system, g_variant_unref);
        g_clear_pointer(&v->games, g_variant_unref);
        g_clear_pointer(&v->split, g_variant_unref);
        g_clear_pointer(&v->cpus, g_array_unref);
        g_free(v);
        return NULL;
}
