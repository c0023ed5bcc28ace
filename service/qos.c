/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/qos.h"
#include "dbus/names.h"
#include "service/bus-error.h"
#include "service/firewall.h"
#include "service/manager.h"
#include "service/store.h"

#define SETTING_MARKING "qos.marking"

/* In the order of the bits. */
static const char *const properties[] = { "Shapers", "Marking", "OpenPorts", "Firewall", NULL };

static const ObjectType qos_type = {
        .interface = LEFT4ME_QOS_INTERFACE,
        .prefix = LEFT4ME_ROOT_PATH,
        .properties = properties,
};

static void on_shapers_changed(Manager *m) {
        /* Not while they are being made. */
        if (m->qos)
                object_changed(&m->qos->object, QOS_SHAPERS);
}

Qos *qos_new(Manager *m) {
        Qos *q = g_new0(Qos, 1);

        object_init(&q->object, m, &qos_type, "qos");
        q->object.shown = true;
        q->marking = true;
        q->shapers = shapers_new(m, on_shapers_changed);
        return q;
}

Qos *qos_free(Qos *q) {
        if (!q)
                return NULL;

        shapers_free(q->shapers);
        object_done(&q->object);
        g_free(q);
        return NULL;
}

int qos_load(Qos *q) {
        g_autofree char *marking = NULL;
        int r;

        r = store_get_setting(q->object.manager->store, SETTING_MARKING, &marking);
        if (r < 0)
                return r;

        q->marking = g_strcmp0(marking, "off") != 0;
        return 0;
}

int qos_set_marking(Qos *q, bool on, Request *request, sd_bus_error *error) {
        Manager *m = q->object.manager;
        int r;

        r = store_set_setting(m->store, SETTING_MARKING, on ? "on" : "off");
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot store the setting");

        if (q->marking != on) {
                q->marking = on;
                object_changed(&q->object, QOS_MARKING);
                firewall_remake(m->firewall);
        }
        firewall_settle(m->firewall, request_in_force, request);
        return 0;
}
