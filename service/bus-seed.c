/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
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

/* SeedScriptOverlays(): a folder of scripts becomes overlays, again and again; only what changed is built anew. */

#define SEEDS_MAX 200U

typedef struct SeedOptions {
        bool build;
} SeedOptions;

static const BusOption seed_options[] = {
        { "Build", "b", offsetof(SeedOptions, build), 0 },
};

static int read_seed(sd_bus_message *call, GArray *seeds, sd_bus_error *error) {
        OverlaySeed s = { .outcome = "" };
        int r;

        r = sd_bus_message_read(call, "{ss}", &s.name, &s.source);
        if (r <= 0)
                return r;

        if (!name_is_valid(s.name))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "'%s': the name of an overlay is 1 to 64 of a-z, 0-9, - and _, and begins with a letter or digit.",
                        s.name);
        for (unsigned i = 0; i < seeds->len; i++)
                if (g_str_equal(g_array_index(seeds, OverlaySeed, i).name, s.name))
                        return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                                "There are two scripts with the name '%s'.", s.name);
        if (seeds->len == SEEDS_MAX)
                return sd_bus_error_setf(
                        error, LEFT4ME_ERROR_LIMITS_EXCEEDED, "More than %u scripts at a time.", SEEDS_MAX);

        g_array_append_val(seeds, s);
        return 1;
}

static int read_seeds(sd_bus_message *call, GArray *seeds, sd_bus_error *error) {
        int r;

        r = sd_bus_message_enter_container(call, 'a', "{ss}");
        if (r < 0)
                return r;
        while ((r = read_seed(call, seeds, error)) > 0)
                ;
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(call);
        if (r < 0)
                return r;

        for (unsigned i = 0; i < seeds->len; i++) {
                const OverlaySeed *s = &g_array_index(seeds, OverlaySeed, i);
                sd_bus_error why = SD_BUS_ERROR_NULL;

                r = bus_check_source(s->source, &why);
                if (r < 0) {
                        r = sd_bus_error_setf(error, why.name, "%s: %s", s->name, why.message);
                        sd_bus_error_free(&why);
                        return r;
                }
        }

        return 0;
}

static int append_seeds(sd_bus_message *reply, const GArray *seeds) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(sso)");
        for (unsigned i = 0; i < seeds->len && r >= 0; i++) {
                const OverlaySeed *s = &g_array_index(seeds, OverlaySeed, i);

                r = sd_bus_message_append(
                        reply, "(sso)", s->name, s->outcome, s->job ? s->job->object.path : "/");
        }

        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_seed_scripts(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        g_autoptr(GArray) seeds = g_array_new(FALSE, FALSE, sizeof(OverlaySeed));
        g_autoptr(sd_bus_message) reply = NULL;
        SeedOptions options = { .build = true };
        Manager *m = userdata;
        Request *q;
        int r;

        r = read_seeds(call, seeds, error);
        if (r >= 0)
                r = bus_read_options(call, seed_options, G_N_ELEMENTS(seed_options), &options, error);
        if (r < 0)
                return r;

        r = bus_begin(m, call, LEFT4ME_ACTION_MANAGE_OVERLAYS, "seed", NULL, "script overlays", &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = overlays_seed(m, seeds, options.build, error);
        if (r >= 0)
                r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = append_seeds(reply, seeds);
        if (r < 0)
                return request_return(q, r, error);

        request_ok_message(q, reply);
        return 1;
}
