/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>
#include <string.h>

#include "service/auth.h"
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/bus-options.h"
#include "service/job.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/request.h"
#include "service/util.h"

/* What an overlay is built from, and that it be built. */

int bus_overlay_check_label(const char *label, sd_bus_error *error) {
        return text_is_plain(label, BUS_LABEL_MAX)
                       ? 0
                       : sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                                 "Label: up to %u printable ASCII characters", BUS_LABEL_MAX);
}

typedef struct BuildOptions {
        const char *label;
        bool validate;
} BuildOptions;

static const BusOption build_options[] = {
        { "Label", "s", offsetof(BuildOptions, label), 0 },
        { "Validate", "b", offsetof(BuildOptions, validate), 0 },
};

int bus_overlay_build(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        BuildOptions options = { .label = "" };
        Overlay *o = userdata;
        BuildPlan plan;
        Request *q;
        Job *j;
        int r;

        r = bus_read_options(call, build_options, G_N_ELEMENTS(build_options), &options, error);
        if (r >= 0)
                r = bus_overlay_check_label(options.label, error);
        if (r < 0)
                return r;

        r = bus_begin(
                o->manager, call, LEFT4ME_ACTION_MANAGE_OVERLAYS, "build", "overlay", o->name, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        plan = (BuildPlan){ .kind = options.validate ? JOB_VALIDATE : JOB_BUILD, .label = options.label };
        r = options.validate && !o->steam
                    ? sd_bus_error_setf(error, LEFT4ME_ERROR_WRONG_KIND,
                              "Validate: the overlay '%s' is of kind %s. Only what steamcmd installs can be looked at by it.",
                              o->name, o->kind->name)
                    : overlay_build(o, &plan, &j, NULL, error);
        if (r >= 0)
                request_ok_path(q, j->object.path);

        return r < 0 ? request_return(q, r, error) : 1;
}

static int check_has_source(const Overlay *o, sd_bus_error *error) {
        if (g_str_equal(o->kind->name, "script"))
                return 0;

        return sd_bus_error_setf(error, LEFT4ME_ERROR_WRONG_KIND,
                "The overlay '%s' is of kind %s. Only one of kind script has a source.", o->name,
                o->kind->name);
}

/* That it is UTF-8 without a NUL is the bus's own rule for strings. */
int bus_check_source(const char *source, sd_bus_error *error) {
        size_t size = strlen(source);

        if (size == 0 || size > OVERLAY_SOURCE_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "A script has 1 to %u bytes, this one %zu.", OVERLAY_SOURCE_MAX, size);

        return 0;
}

int bus_overlay_set_source(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Overlay *o = userdata;
        const char *source;
        Request *q;
        int r;

        r = sd_bus_message_read(call, "s", &source);
        if (r >= 0)
                r = bus_check_source(source, error);
        if (r < 0)
                return r;

        r = bus_begin(o->manager, call, LEFT4ME_ACTION_MANAGE_OVERLAYS, "set-source", "overlay", o->name, &q,
                error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = check_has_source(o, error);
        if (r >= 0 && o->job && job_is(o->job, JOB_DELETE_OVERLAY))
                r = overlay_check_idle(o, error);
        if (r < 0)
                return request_return(q, r, error);

        r = overlay_set_source(o, source);
        if (r < 0)
                return request_return(q, bus_error_set_io(error, r, "Cannot store the source"), error);

        request_ok(q);
        return 1;
}

int bus_overlay_get_source(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        g_autofree char *source = NULL;
        Overlay *o = userdata;
        uid_t uid;
        int r;

        r = auth_check(o->manager->auth, call, LEFT4ME_ACTION_MANAGE_OVERLAYS, "get-source", "overlay",
                o->name, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = check_has_source(o, error);
        if (r < 0)
                return r;

        r = store_get_source(o->manager->store, o->name, &source);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot read the source");

        return sd_bus_reply_method_return(call, "s", source);
}
