/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/steamcmd.h"
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/job.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/request.h"
#include "service/steam.h"

/* What the bus shows of overlays that hold an app of Steam's; of the others there is nothing to be shown. */

int bus_overlay_get_app(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Steam *s = ((Overlay *) userdata)->steam;

        return sd_bus_message_append(reply, "u", s ? s->app : 0);
}

int bus_overlay_get_branch(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Steam *s = ((Overlay *) userdata)->steam;

        return sd_bus_message_append(reply, "s", s ? s->branch : "");
}

static int check_app(const Overlay *o, sd_bus_error *error) {
        if (!o->steam)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_WRONG_KIND,
                        "The overlay '%s' is of kind %s. Only one of kind steam holds an app.", o->name,
                        o->kind->name);

        return o->job && job_is(o->job, JOB_DELETE_OVERLAY) ? overlay_check_idle(o, error) : 0;
}

int bus_overlay_set_app(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Overlay *o = userdata;
        const char *branch;
        uint32_t app;
        Request *q;
        int r;

        r = sd_bus_message_read(call, "us", &app, &branch);
        if (r < 0)
                return r;

        if (app == 0)
                return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "The id of an app is a number, 222860 for Left 4 Dead 2's dedicated server.");
        if (!steam_branch_is_valid(branch))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "The name of a branch is 1 to %u letters, digits, _ . and -, such as public.",
                        STEAM_BRANCH_MAX);

        r = bus_begin(
                o->manager, call, LEFT4ME_ACTION_MANAGE_OVERLAYS, "set-app", "overlay", o->name, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = check_app(o, error);
        if (r >= 0)
                r = steam_set_app(o, app, branch, error);
        if (r < 0)
                return request_return(q, r, error);

        request_ok(q);
        return 1;
}
