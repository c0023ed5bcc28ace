/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "service/bus-error.h"
#include "service/bus-figures.h"
#include "service/manager.h"

#define CALLS_MAX 64U

int figures_call_new(
        Manager *m, sd_bus_message *call, const char *contents, FiguresCall **ret, sd_bus_error *error) {
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        if (m->n_statistics >= CALLS_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "%u calls ask for figures already. Try again later.", m->n_statistics);

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0 && contents)
                r = sd_bus_message_open_container(reply, 'a', contents);
        if (r < 0)
                return r;

        *ret = g_new(FiguresCall, 1);
        **ret = (FiguresCall){
                .manager = m,
                .call = sd_bus_message_ref(call),
                .reply = g_steal_pointer(&reply),
                .awaited = 1,
                .open = contents != NULL,
        };
        m->n_statistics++;
        return 0;
}

FiguresCall *figures_call_ref(FiguresCall *c) {
        c->awaited++;
        return c;
}

static void answer(FiguresCall *c) {
        if (c->r >= 0 && c->open)
                c->r = sd_bus_message_close_container(c->reply);

        if (c->r >= 0)
                (void) sd_bus_message_send(c->reply);
        else if (c->r != -ECANCELED && c->why)
                (void) sd_bus_reply_method_errorf(c->call, LEFT4ME_ERROR_FAILED, "%s", c->why);
        else if (c->r != -ECANCELED)
                (void) sd_bus_reply_method_errnof(c->call, c->r, "Cannot answer the figures");
}

void figures_call_unref(FiguresCall *c) {
        if (--c->awaited > 0)
                return;

        answer(c);
        c->manager->n_statistics--;
        sd_bus_message_unref(c->reply);
        sd_bus_message_unref(c->call);
        g_free(c->why);
        g_free(c);
}
