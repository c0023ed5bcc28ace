/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/build-needs.h"
#include "service/bus-error.h"
#include "service/job-kinds.h"
#include "service/manager.h"
#include "service/overlay.h"

/* Scripts that come in bulk: overlays are made for them, or get them as their new source, all or none. */

/* What becomes of one, as it goes into the store. */
typedef struct Sowing {
        Overlay *overlay; /* NULL: it is made */
        char *wanted;
        bool builds;
        StoredJob job;
} Sowing;

static void sowing_clear(gpointer data) {
        Sowing *w = data;

        g_free(w->wanted);
}

static int check_seed(Manager *m, const char *name, const Overlay *o, sd_bus_error *error) {
        if (!o)
                return overlay_check_name_free(m, name, error);
        if (!g_str_equal(o->kind->name, "script"))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NAME_TAKEN,
                        "There is an overlay '%s' already, of kind %s. Give the script another name.", name,
                        o->kind->name);

        return o->job && job_is(o->job, JOB_DELETE_OVERLAY) ? overlay_check_idle(o, error) : 0;
}

/* What happens to each, and before any of it happens: what would keep one of them from being taken. */
static int plan_seeds(Manager *m, const GArray *seeds, bool build, GArray *plan, sd_bus_error *error) {
        unsigned made = 0, built = 0;
        int r;

        for (unsigned i = 0; i < seeds->len; i++) {
                const OverlaySeed *s = &g_array_index(seeds, OverlaySeed, i);
                Sowing *w = &g_array_index(plan, Sowing, i);

                w->overlay = overlay_find(m, s->name);
                r = check_seed(m, s->name, w->overlay, error);
                if (r < 0)
                        return r;

                /* One that is being built or renamed right now is left to whoever does that. */
                w->wanted = overlay_digest(s->source);
                w->builds = build && (!w->overlay || (!w->overlay->job &&
                                                             !g_str_equal(w->wanted, w->overlay->built)));
                w->job = job_plan(JOB_BUILD, s->name, "");
                made += !w->overlay;
                built += w->builds;
        }

        r = overlay_check_room(m, made, error);
        if (r >= 0)
                r = jobs_check_room(m, built, error);
        return r >= 0 && build ? build_needs_check(m, JOB_BUILD, error) : r;
}

static int store_seeds(Manager *m, const GArray *seeds, GArray *plan) {
        g_autofree StoredSeed *stored = g_new(StoredSeed, seeds->len);

        for (unsigned i = 0; i < seeds->len; i++) {
                const OverlaySeed *s = &g_array_index(seeds, OverlaySeed, i);
                Sowing *w = &g_array_index(plan, Sowing, i);
                bool same = w->overlay && g_str_equal(w->wanted, w->overlay->wanted);

                stored[i] = (StoredSeed){ w->overlay ? NULL : "script", s->name, same ? NULL : s->source,
                        w->wanted, w->builds ? &w->job : NULL };
        }

        return store_seed(m->store, stored, seeds->len);
}

/* It is in the store now. */
static void grow(Manager *m, OverlaySeed *s, Sowing *w) {
        Overlay *o = w->overlay ?: overlay_new(m, s->name, "script");

        s->outcome = !w->overlay ? "created" : g_str_equal(o->wanted, w->wanted) ? "unchanged" : "changed";
        overlay_take_wanted(o, g_steal_pointer(&w->wanted));
        if (!w->overlay)
                object_show(&o->object);
        if (w->builds)
                s->job = job_take_build(o, &w->job);
}

int overlays_seed(Manager *m, GArray *seeds, bool build, sd_bus_error *error) {
        g_autoptr(GArray) plan = g_array_new(FALSE, TRUE, sizeof(Sowing));
        int r;

        g_array_set_clear_func(plan, sowing_clear);
        g_array_set_size(plan, seeds->len);
        r = plan_seeds(m, seeds, build, plan, error);
        if (r < 0)
                return r;

        r = store_seeds(m, seeds, plan);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot store the scripts");

        for (unsigned i = 0; i < seeds->len; i++)
                grow(m, &g_array_index(seeds, OverlaySeed, i), &g_array_index(plan, Sowing, i));
        return 0;
}
