/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus-entry.h"
#include "service/bus-error.h"
#include "service/bus-figures.h"
#include "service/bus-objects.h"
#include "service/firewall.h"
#include "service/manager.h"
#include "service/qos.h"

/* -- properties ------------------------------------------------------------------------------------------------ */

static int property_get_marking(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Qos *q = userdata;

        return sd_bus_message_append(reply, "b", (int) q->marking);
}

/* What firewall-rules.c puts. */
static int property_get_mark(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", g_str_equal(property, "DSCP") ? "ef" : "interactive");
}

static int property_get_firewall(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Qos *q = userdata;

        return sd_bus_message_append(reply, "s", firewall_state(q->object.manager->firewall));
}

typedef struct Append {
        sd_bus_message *reply;
        const Firewall *firewall;
        int r;
} Append;

static gboolean append_port(gpointer key, gpointer value, gpointer userdata) {
        const OpenPort *o = value;
        Append *a = userdata;

        a->r = sd_bus_message_append(a->reply, "(sqb)", o->name, o->port, (int) o->rcon);
        return a->r < 0;
}

static int property_get_open_ports(sd_bus *bus, const char *path, const char *interface,
        const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Qos *q = userdata;
        Append a = { .reply = reply };

        a.r = sd_bus_message_open_container(reply, 'a', "(sqb)");
        if (a.r >= 0)
                g_tree_foreach(firewall_open_ports(q->object.manager->firewall), append_port, &a);

        return a.r < 0 ? a.r : sd_bus_message_close_container(reply);
}

/* -- methods --------------------------------------------------------------------------------------------------- */

static int method_set_marking(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Qos *q = userdata;
        Request *request;
        int on, r;

        r = sd_bus_message_read(call, "b", &on);
        if (r < 0)
                return r;

        r = bus_begin(q->object.manager, call, LEFT4ME_ACTION_MANAGE_HOST, on ? "marking-on" : "marking-off",
                NULL, "qos", &request, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        return request_return(request, qos_set_marking(q, on, request, error), error);
}

/* -- GetStatistics --------------------------------------------------------------------------------------------- */

static void on_shaper_figures(GArray *figures, void *userdata) {
        FiguresCall *c = userdata;

        if (c->r >= 0)
                c->r = bus_append_shaper_figures(c->reply, figures);
        figures_call_unref(c);
}

static gboolean append_server(gpointer key, gpointer value, gpointer userdata) {
        const OpenPort *o = value;
        Append *a = userdata;
        g_autofree char *name = firewall_counter_name(o->name);
        FirewallCounter counter = firewall_counter(a->firewall, name);

        a->r = sd_bus_message_append(a->reply, "(stt)", o->name, counter.packets, counter.bytes);
        return a->r < 0;
}

static int append_servers(sd_bus_message *reply, Firewall *f) {
        Append a = { .reply = reply, .firewall = f };

        a.r = bus_open_array_entry(reply, "Servers", "a(stt)");
        if (a.r >= 0)
                g_tree_foreach(firewall_open_ports(f), append_server, &a);

        return a.r < 0 ? a.r : bus_close_array_entry(reply);
}

static void on_counters(int r, const char *why, void *userdata) {
        FiguresCall *c = userdata;
        Firewall *f = c->manager->firewall;

        /* Without nftables nothing is marked, and nothing dropped. */
        if (r >= 0 && c->r >= 0)
                c->r = append_servers(c->reply, f);
        if (r >= 0 && c->r >= 0)
                c->r = sd_bus_message_append(
                        c->reply, "{sv}", "RconDropped", "t", firewall_counter(f, "rcon-dropped").packets);
        figures_call_unref(c);
}

static int method_get_statistics(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Qos *qos = userdata;
        Manager *m = qos->object.manager;
        FiguresCall *c;
        int r;

        r = figures_call_new(m, call, "{sv}", &c, error);
        if (r < 0)
                return r;

        firewall_read_counters(m->firewall, on_counters, figures_call_ref(c));
        if (shapers_get_figures(qos->shapers, on_shaper_figures, figures_call_ref(c)) < 0)
                on_shaper_figures(NULL, c);
        figures_call_unref(c);
        return 1;
}

/* -- the object ------------------------------------------------------------------------------------------------ */

static const sd_bus_vtable qos_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("SetMarking", SD_BUS_ARGS("b", on), SD_BUS_NO_RESULT, method_set_marking,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetShaper", SD_BUS_ARGS("s", interface, "a{sv}", options), SD_BUS_NO_RESULT,
                bus_set_shaper, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ClearShaper", SD_BUS_ARGS("s", interface), SD_BUS_NO_RESULT,
                bus_clear_shaper, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatistics", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", statistics),
                method_get_statistics, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Marking", "b", property_get_marking, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("DSCP", "s", property_get_mark, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Priority", "s", property_get_mark, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY(
                "OpenPorts", "a(sqb)", property_get_open_ports, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Firewall", "s", property_get_firewall, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Shapers", "a{sa{sv}}", bus_get_shapers, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

int bus_add_qos(Manager *m) {
        return sd_bus_add_object_vtable(
                m->bus, NULL, m->qos->object.path, LEFT4ME_QOS_INTERFACE, qos_vtable, m->qos);
}
