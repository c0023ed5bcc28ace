/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/manager.h"
#include "service/qos.h"

/* -- GetStatistics --------------------------------------------------------------------------------------------- */

#define QUESTIONS_MAX 64U

/* An answer that is put together. */
typedef struct Statistics {
        Manager *manager;
        sd_bus_message *call;
        sd_bus_message *reply;
        unsigned awaited;
        int r;
} Statistics;

static void statistics_unref(Statistics *s) {
        if (--s->awaited > 0)
                return;

        if (s->r >= 0)
                s->r = sd_bus_message_close_container(s->reply);
        if (s->r >= 0)
                (void) sd_bus_message_send(s->reply);
        else
                (void) sd_bus_reply_method_errnof(s->call, s->r, "Cannot answer the figures");

        s->manager->n_statistics--;
        sd_bus_message_unref(s->reply);
        sd_bus_message_unref(s->call);
        g_free(s);
}

static void on_shaper_figures(GArray *figures, void *userdata) {
        Statistics *s = userdata;

        if (s->r >= 0)
                s->r = bus_append_shaper_figures(s->reply, figures);
        statistics_unref(s);
}

static int method_get_statistics(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Qos *qos = userdata;
        Manager *m = qos->object.manager;
        sd_bus_message *reply;
        Statistics *s;
        int r;

        if (m->n_statistics >= QUESTIONS_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "%u calls ask for figures already. Try again later.", m->n_statistics);

        r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;

        s = g_new(Statistics, 1);
        *s = (Statistics){ .manager = m, .call = sd_bus_message_ref(call), .reply = reply, .awaited = 2 };
        m->n_statistics++;

        s->r = sd_bus_message_open_container(s->reply, 'a', "{sv}");
        if (shapers_get_figures(qos->shapers, on_shaper_figures, s) < 0)
                on_shaper_figures(NULL, s);
        statistics_unref(s);
        return 1;
}

/* -- the object ------------------------------------------------------------------------------------------------ */

static const sd_bus_vtable qos_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("SetShaper", SD_BUS_ARGS("s", interface, "a{sv}", options), SD_BUS_NO_RESULT,
                bus_set_shaper, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ClearShaper", SD_BUS_ARGS("s", interface), SD_BUS_NO_RESULT,
                bus_clear_shaper, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatistics", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", statistics),
                method_get_statistics, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Shapers", "a{sa{sv}}", bus_get_shapers, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

int bus_add_qos(Manager *m) {
        return sd_bus_add_object_vtable(
                m->bus, NULL, m->qos->object.path, LEFT4ME_QOS_INTERFACE, qos_vtable, m->qos);
}
