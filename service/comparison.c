/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>

#include "service/bus-error.h"
#include "service/comparison.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/prune.h"

#define COMPARISONS_MAX 4U
#define CHANGES_MAX 20000U
#define SLICE (5 * G_TIME_SPAN_MILLISECOND)

typedef struct Comparison {
        Manager *manager;
        TreeDiff *diff;
        sd_event_source *source;
        char *overlay;
        uint32_t versions[2];
        ComparisonDone done;
        void *userdata;
} Comparison;

static void comparison_end(Comparison *c, int r) {
        Manager *m = c->manager;

        (void) g_ptr_array_remove_fast(m->comparisons, c);
        c->done(m, r < 0 ? NULL : tree_diff_changes(c->diff), r, c->userdata);
        sd_event_source_disable_unref(c->source);
        tree_diff_free(c->diff);
        g_free(c->overlay);
        g_free(c);
        prune_later(m);
}

static int on_slice(sd_event_source *source, void *userdata) {
        Comparison *c = userdata;
        int r;

        r = tree_diff_step(c->diff, SLICE);
        if (r <= 0)
                comparison_end(c, r);
        return 0;
}

static int open_both(const Overlay *o, const uint32_t versions[2], int fds[2]) {
        fds[0] = overlay_open_directory(o, versions[0], ".");
        if (fds[0] < 0)
                return fds[0];

        fds[1] = overlay_open_directory(o, versions[1], ".");
        if (fds[1] < 0)
                (void) close(fds[0]);
        return fds[1] < 0 ? fds[1] : 0;
}

int comparison_new(
        const Overlay *o, uint32_t a, uint32_t b, ComparisonDone done, void *userdata, sd_bus_error *error) {
        sd_event_source *source = NULL;
        uint32_t versions[] = { a, b };
        Manager *m = o->manager;
        Comparison *c;
        int fds[2], r;

        for (unsigned i = 0; i < 2; i++) {
                r = overlay_check_version(o, &versions[i], error);
                if (r < 0)
                        return r;
        }

        if (m->comparisons->len >= COMPARISONS_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "%u comparisons are under way already. Wait for one to end.", m->comparisons->len);

        r = open_both(o, versions, fds);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot open the versions");

        /* Everything else that is to be done comes first, after each slice. */
        c = g_new0(Comparison, 1);
        r = sd_event_add_defer(m->event, &source, on_slice, c);
        if (r >= 0)
                r = sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_event_source_set_enabled(source, SD_EVENT_ON);
        if (r < 0) {
                sd_event_source_disable_unref(source);
                (void) close(fds[0]);
                (void) close(fds[1]);
                g_free(c);
                return r;
        }

        *c = (Comparison){ .manager = m,
                .diff = tree_diff_new(fds[0], fds[1], CHANGES_MAX),
                .source = source,
                .overlay = g_strdup(o->name),
                .versions = { versions[0], versions[1] },
                .done = done,
                .userdata = userdata };
        g_ptr_array_add(m->comparisons, c);
        return 0;
}

void comparisons_foreach(
        Manager *m, void (*each)(const char *overlay, uint32_t version, void *userdata), void *userdata) {
        for (unsigned i = 0; i < m->comparisons->len; i++) {
                const Comparison *c = m->comparisons->pdata[i];

                each(c->overlay, c->versions[0], userdata);
                each(c->overlay, c->versions[1], userdata);
        }
}

void comparisons_cancel(Manager *m) {
        while (m->comparisons->len > 0)
                comparison_end(m->comparisons->pdata[0], -ECANCELED);
}
