/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/manager.h"
#include "service/overlay.h"

/* What an overlay is built from. The text stays in the store; here is a digest of it, by which news of it is known. */

bool overlay_build_pending(const Overlay *o) {
        return !g_str_equal(o->wanted, o->built);
}

int overlay_set_source(Overlay *o, const char *source) {
        g_autofree char *wanted = *source != '\0'
                                          ? g_compute_checksum_for_string(G_CHECKSUM_SHA256, source, -1)
                                          : g_strdup("");
        bool pending = overlay_build_pending(o);
        int r;

        if (g_str_equal(wanted, o->wanted))
                return 0;

        r = store_set_source(o->manager->store, o->name, source, wanted);
        if (r < 0)
                return r;

        g_free(o->wanted);
        o->wanted = g_steal_pointer(&wanted);
        if (overlay_build_pending(o) != pending)
                object_changed(&o->object, OVERLAY_BUILD_PENDING);
        return 0;
}
