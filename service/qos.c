/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/qos.h"
#include "dbus/names.h"
#include "service/manager.h"

/* In the order of the bits. */
static const char *const properties[] = { "Shapers", NULL };

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
