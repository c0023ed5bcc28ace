/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>

#include "service/auth.h"
#include "service/bus-objects.h"
#include "service/bus-options.h"
#include "service/instance.h"
#include "service/job.h"
#include "service/request.h"

/* Instance.Freeze(). */

typedef struct FreezeOptions {
        bool everything;
} FreezeOptions;

static const BusOption freeze_options[] = {
        { "Everything", "b", offsetof(FreezeOptions, everything), 0 },
};

int bus_freeze(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        FreezeOptions options = { .everything = false };
        Instance *i = userdata;
        const char *overlay;
        Request *q;
        Job *j;
        int r;

        r = bus_read_name(call, "an overlay", &overlay, error);
        if (r >= 0)
                r = bus_read_options(call, freeze_options, G_N_ELEMENTS(freeze_options), &options, error);
        if (r < 0)
                return r;

        r = bus_begin(
                i->manager, call, LEFT4ME_ACTION_MANAGE_INSTANCES, "freeze", "instance", i->name, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = instance_freeze(i, overlay, options.everything, &j, error);
        if (r >= 0)
                request_ok_path(q, j->object.path);

        return r < 0 ? request_return(q, r, error) : 1;
}
