/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "service/bus-entry.h"
#include "service/unit-internal.h"

/* Our names for systemd's accounting properties. */
static const struct {
        const char *property;
        const char *figure;
} figures[] = {
        { "MemoryCurrent", "MemoryCurrent" },
        { "MemoryPeak", "MemoryPeak" },
        { "CPUUsageNSec", "CPUUsage" },
        { "TasksCurrent", "Tasks" },
        { "IPIngressBytes", "IPIngressBytes" },
        { "IPEgressBytes", "IPEgressBytes" },
};

static const char *figure_of(const char *property) {
        for (size_t i = 0; i < G_N_ELEMENTS(figures); i++)
                if (g_str_equal(figures[i].property, property))
                        return figures[i].figure;

        return NULL;
}

static int read_figure(sd_bus_message *m, const char *property, void *userdata) {
        const char *figure = figure_of(property);
        GHashTable *to = userdata;
        uint64_t value;
        int r;

        if (!figure)
                return 0;

        r = sd_bus_message_read(m, "v", "t", &value);
        /* All bits set is systemd's word for: not counted. */
        if (r >= 0 && value != UINT64_MAX)
                g_hash_table_insert(to, g_strdup(figure), g_memdup2(&value, sizeof(value)));

        return r;
}

typedef struct FiguresCall {
        UnitFigures done;
        void *userdata;
} FiguresCall;

static int on_figures(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        g_autoptr(GHashTable) table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        const FiguresCall *call = userdata;

        (void) bus_read_entries(reply, read_figure, table);

        call->done(table, call->userdata);
        return 1;
}

int unit_get_figures(Unit *u, UnitFigures done, void *userdata) {
        FiguresCall *figures_call = g_new(FiguresCall, 1);
        QueuedCall *c;

        *figures_call = (FiguresCall){ .done = done, .userdata = userdata };

        c = unit_get_all(u, SYSTEMD_SERVICE, on_figures, figures_call);
        if (!c) {
                g_free(figures_call);
                return -ENOTCONN;
        }

        queued_call_set_floating(c, g_free);
        return 0;
}
