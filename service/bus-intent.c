/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/instance.h"
#include "service/intent.h"
#include "service/request.h"
#include "service/util.h"

static int read_plan(sd_bus_message *call, IntentPlan *plan, sd_bus_error *error) {
        g_autofree char *why = NULL;
        const uint64_t *announcements;
        size_t size;
        int restart, r;

        r = sd_bus_message_read(call, "bt", &restart, &plan->deadline);
        if (r >= 0)
                r = sd_bus_message_read_array(call, 't', (const void **) &announcements, &size);
        if (r < 0)
                return r;

        if (size / sizeof(uint64_t) > INTENT_ANNOUNCEMENTS_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT, "announcements: at most %u",
                        INTENT_ANNOUNCEMENTS_MAX);

        plan->restart = restart;
        plan->asked = now_usec();
        plan->n_announcements = (unsigned) (size / sizeof(uint64_t));
        if (size > 0)
                memcpy(plan->announcements, announcements, size);

        if (intent_plan_check(plan, plan->asked, &why) < 0)
                return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT, why);

        return 0;
}

int bus_stop_when_empty(Instance *i, sd_bus_message *call, sd_bus_error *error) {
        IntentPlan plan = { 0 };
        Request *q;
        int r;

        r = read_plan(call, &plan, error);
        if (r < 0)
                return r;

        r = bus_begin(i->manager, call, LEFT4ME_ACTION_CONTROL_INSTANCE,
                plan.restart ? "restart-when-empty" : "stop-when-empty", "instance", i->name, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = intent_set(i, &plan, error);
        if (r >= 0)
                request_ok(q);

        return r < 0 ? request_return(q, r, error) : 1;
}

int bus_cancel_intent(Instance *i, sd_bus_message *call, sd_bus_error *error) {
        Request *q;
        int r;

        r = bus_begin(i->manager, call, LEFT4ME_ACTION_CONTROL_INSTANCE, "cancel-intent", "instance",
                i->name, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = intent_cancel(i, error);
        if (r >= 0)
                request_ok(q);

        return r < 0 ? request_return(q, r, error) : 1;
}

int bus_append_intents(sd_bus_message *reply, const Instance *i) {
        const char *waits_for;
        const IntentPlan *plan;
        bool by_policy;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(ssttats)");
        if (r < 0)
                return r;

        plan = intent_plan(i, &by_policy, &waits_for);
        if (plan) {
                r = sd_bus_message_open_container(reply, 'r', "ssttats");
                if (r >= 0)
                        r = sd_bus_message_append(reply, "sstt", plan->restart ? "restart" : "stop",
                                by_policy ? "update" : "user", plan->asked, plan->deadline);
                if (r >= 0)
                        r = sd_bus_message_append_array(
                                reply, 't', plan->announcements, plan->n_announcements * sizeof(uint64_t));
                if (r >= 0)
                        r = sd_bus_message_append(reply, "s", waits_for);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }

        return r < 0 ? r : sd_bus_message_close_container(reply);
}
