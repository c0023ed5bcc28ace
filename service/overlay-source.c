/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/manager.h"
#include "service/overlay.h"

/* What an overlay is built from. The text stays in the store; here is a digest of it, by which news of it is known. */

char *overlay_digest(const char *source) {
        return *source != '\0' ? g_compute_checksum_for_string(G_CHECKSUM_SHA256, source, -1) : g_strdup("");
}

bool overlay_build_pending(const Overlay *o) {
        return !g_str_equal(o->wanted, o->built);
}

void overlay_take_wanted(Overlay *o, char *wanted) {
        bool pending = overlay_build_pending(o);

        g_free(o->wanted);
        o->wanted = wanted;
        if (overlay_build_pending(o) != pending)
                object_changed(&o->object, OVERLAY_BUILD_PENDING);
}

int overlay_set_source(Overlay *o, const char *source) {
        g_autofree char *wanted = overlay_digest(source);
        int r;

        if (g_str_equal(wanted, o->wanted))
                return 0;

        r = store_set_source(o->manager->store, o->name, source, wanted);
        if (r < 0)
                return r;

        overlay_take_wanted(o, g_steal_pointer(&wanted));
        return 0;
}
