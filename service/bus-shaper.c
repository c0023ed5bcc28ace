/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stddef.h>

#include "service/bus-entry.h"
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/bus-options.h"
#include "service/manager.h"
#include "service/qos.h"
#include "service/request.h"
#include "service/tc.h"

/* The shaping half of org.left4me.Manager1.QoS. */

/* -- what is asked for ----------------------------------------------------------------------------------------- */

typedef struct ShaperOptions {
        bool has_bandwidth, has_overhead, nat, wash, takeover;
        uint64_t bandwidth, ingress, rtt;
        int32_t overhead;
        uint32_t mpu;
        const char *preset, *isolation, *line, *ack_filter;
} ShaperOptions;

static const BusOption shaper_options[] = {
        { "Bandwidth", "t", offsetof(ShaperOptions, bandwidth) },
        { "Ingress", "t", offsetof(ShaperOptions, ingress) },
        { "Rtt", "t", offsetof(ShaperOptions, rtt) },
        { "Overhead", "i", offsetof(ShaperOptions, overhead), offsetof(ShaperOptions, has_overhead) },
        { "Mpu", "u", offsetof(ShaperOptions, mpu) },
        { "Preset", "s", offsetof(ShaperOptions, preset) },
        { "Isolation", "s", offsetof(ShaperOptions, isolation) },
        { "LinkLayer", "s", offsetof(ShaperOptions, line) },
        { "AckFilter", "s", offsetof(ShaperOptions, ack_filter) },
        { "Nat", "b", offsetof(ShaperOptions, nat) },
        { "Wash", "b", offsetof(ShaperOptions, wash) },
        { "Takeover", "b", offsetof(ShaperOptions, takeover) },
};

static int refuse_word(const char *key, const char *const *names, sd_bus_error *error) {
        g_autofree char *list = g_strjoinv(", ", (char **) (uintptr_t) names);

        return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT, "%s: one of %s", key, list);
}

static int find_word(
        const char *key, const char *const *names, const char *text, uint32_t *ret, sd_bus_error *error) {
        int n = cake_find(names, text);

        if (n < 0)
                return refuse_word(key, names, error);

        *ret = (uint32_t) n;
        return 0;
}

static int take_options(const ShaperOptions *o, ShaperConfig *c, sd_bus_error *error) {
        g_autofree char *why = NULL;
        int r;

        r = find_word("Preset", cake_presets, o->preset, &c->egress.preset, error);
        if (r >= 0)
                r = find_word("Isolation", cake_isolations, o->isolation, &c->egress.isolation, error);
        if (r >= 0)
                r = find_word("LinkLayer", cake_lines, o->line, &c->egress.line, error);
        if (r >= 0)
                r = find_word("AckFilter", cake_ack_filters, o->ack_filter, &c->egress.ack_filter, error);
        if (r < 0)
                return r;

        c->egress.bandwidth = o->bandwidth;
        c->egress.rtt = (uint32_t) MIN(o->rtt, UINT32_MAX);
        c->egress.has_overhead = o->has_overhead;
        c->egress.overhead = o->overhead;
        c->egress.mpu = o->mpu;
        c->egress.nat = o->nat;
        c->egress.wash = o->wash;
        c->ingress = o->ingress;
        c->takeover = o->takeover;

        if (shaper_config_check(c, &why) < 0)
                return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT, why);

        return 0;
}

static int read_options(sd_bus_message *call, ShaperConfig *ret, sd_bus_error *error) {
        ShaperOptions o = { 0 };
        int r;

        shaper_config_init(ret);
        o.bandwidth = UINT64_MAX;
        o.rtt = ret->egress.rtt;
        o.preset = cake_presets[ret->egress.preset];
        o.isolation = cake_isolations[ret->egress.isolation];
        o.line = cake_lines[ret->egress.line];
        o.ack_filter = cake_ack_filters[ret->egress.ack_filter];

        r = bus_read_options(call, shaper_options, G_N_ELEMENTS(shaper_options), &o, error);
        if (r < 0)
                return r;

        if (o.bandwidth == UINT64_MAX)
                return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "Bandwidth must be given: bit/s of the line, a little below what it can do");

        return take_options(&o, ret, error);
}

static int read_interface(sd_bus_message *call, const char **ret, sd_bus_error *error) {
        int r;

        r = sd_bus_message_read(call, "s", ret);
        if (r < 0)
                return r;

        if (!tc_name_is_valid(*ret))
                return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "The name of an interface is 1 to 15 visible ASCII characters without / and :");

        return 0;
}

int bus_set_shaper(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Qos *qos = userdata;
        const char *interface;
        ShaperConfig config;
        Request *q;
        int r;

        r = read_interface(call, &interface, error);
        if (r >= 0)
                r = read_options(call, &config, error);
        if (r < 0)
                return r;

        r = bus_begin(
                qos->object.manager, call, LEFT4ME_ACTION_MANAGE_HOST, "shape", NULL, interface, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        shapers_set(qos->shapers, q, interface, &config);
        return 1;
}

int bus_clear_shaper(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Qos *qos = userdata;
        const char *interface;
        Request *q;
        int r;

        r = read_interface(call, &interface, error);
        if (r < 0)
                return r;

        r = bus_begin(qos->object.manager, call, LEFT4ME_ACTION_MANAGE_HOST, "unshape", NULL, interface, &q,
                error);
        if (r <= 0)
                return r < 0 ? r : 1;

        shapers_clear(qos->shapers, q, interface);
        return 1;
}

/* -- Shapers --------------------------------------------------------------------------------------------------- */

typedef struct Reply {
        sd_bus_message *message;
        int r;
} Reply;

static int append_shaper(sd_bus_message *m, const ShaperInfo *i) {
        const CakeOptions *o = &i->config->egress;
        int r;

        r = sd_bus_message_open_container(m, 'e', "sa{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", i->interface);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}{sv}", "State", "s", i->state, "Bandwidth",
                        "t", o->bandwidth, "Ingress", "t", i->config->ingress, "Rtt", "t", (uint64_t) o->rtt,
                        "Mpu", "u", o->mpu);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}", "Preset", "s", cake_presets[o->preset],
                        "Isolation", "s", cake_isolations[o->isolation], "LinkLayer", "s",
                        cake_lines[o->line], "AckFilter", "s", cake_ack_filters[o->ack_filter]);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}", "Nat", "b", (int) o->nat, "Wash", "b",
                        (int) o->wash, "Takeover", "b", (int) i->config->takeover);
        if (r >= 0 && o->has_overhead)
                r = sd_bus_message_append(m, "{sv}", "Overhead", "i", o->overhead);
        if (r >= 0 && i->warning)
                r = sd_bus_message_append(m, "{sv}", "Warning", "s", i->warning);
        if (r >= 0)
                r = sd_bus_message_close_container(m);

        return r < 0 ? r : sd_bus_message_close_container(m);
}

static void tell(const ShaperInfo *i, void *userdata) {
        Reply *reply = userdata;

        if (reply->r >= 0)
                reply->r = append_shaper(reply->message, i);
}

int bus_get_shapers(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Qos *qos = userdata;
        Reply reply = { .message = message };

        reply.r = sd_bus_message_open_container(message, 'a', "{sa{sv}}");
        shapers_each(qos->shapers, tell, &reply);
        return reply.r < 0 ? reply.r : sd_bus_message_close_container(message);
}

/* -- figures --------------------------------------------------------------------------------------------------- */

static int append_tin(sd_bus_message *m, const char *name, const CakeTin *t) {
        const struct {
                const char *key;
                uint64_t value;
        } figures[] = {
                { "Threshold", t->threshold * 8 },
                { "Packets", t->packets },
                { "Bytes", t->bytes },
                { "Drops", t->drops },
                { "AckDrops", t->ack_drops },
                { "Marks", t->marks },
                { "Backlog", t->backlog },
                { "Target", t->target },
                { "Interval", t->interval },
                { "PeakDelay", t->peak_delay },
                { "AverageDelay", t->average_delay },
                { "BaseDelay", t->base_delay },
                { "SparseFlows", t->sparse_flows },
                { "BulkFlows", t->bulk_flows },
                { "UnresponsiveFlows", t->unresponsive_flows },
        };
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "Name", "s", name);
        for (size_t k = 0; k < G_N_ELEMENTS(figures) && r >= 0; k++)
                r = sd_bus_message_append(m, "{sv}", figures[k].key, "t", figures[k].value);

        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_tins(sd_bus_message *m, const ShaperFigures *f) {
        int r;

        r = bus_open_array_entry(m, "Tins", "aa{sv}");
        for (unsigned k = 0; k < f->statistics.n_tins && r >= 0; k++) {
                const char *name = cake_tin_name(f->options.preset, k);

                r = append_tin(m, name ? name : "?", &f->statistics.tins[k]);
        }

        return r < 0 ? r : bus_close_array_entry(m);
}

static int append_figures(sd_bus_message *m, const ShaperFigures *f) {
        const CakeStatistics *s = &f->statistics;
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}", "Interface", "s", f->interface, "Ingress",
                        "b", (int) f->ingress, "Preset", "s", cake_presets[f->options.preset], "Bandwidth",
                        "t", f->options.bandwidth);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}{sv}{sv}", "Packets", "t", s->packets, "Bytes",
                        "t", s->bytes, "Drops", "t", (uint64_t) s->drops, "Backlog", "t",
                        (uint64_t) s->backlog, "MemoryUsed", "t", (uint64_t) s->memory_used, "MemoryLimit",
                        "t", (uint64_t) s->memory_limit);
        if (r >= 0)
                r = append_tins(m, f);

        return r < 0 ? r : sd_bus_message_close_container(m);
}

int bus_append_shaper_figures(sd_bus_message *m, GArray *figures) {
        int r;

        r = bus_open_array_entry(m, "Shapers", "aa{sv}");
        for (guint k = 0; figures && k < figures->len && r >= 0; k++)
                r = append_figures(m, &g_array_index(figures, ShaperFigures, k));

        return r < 0 ? r : bus_close_array_entry(m);
}
