/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the methods of the stand-in's overlays do with versions and single files. */

#include <string.h>

#include "client.h"
#include "dbus/names.h"
#include "fake-handlers.h"

static gboolean on_rollback(
        L4Manager1Overlay *overlay, GDBusMethodInvocation *invocation, guint version, gpointer userdata) {
        l4_manager1_overlay_set_current(overlay, version);
        l4_manager1_overlay_complete_rollback(overlay, invocation);
        return TRUE;
}

static gboolean on_set_keep(
        L4Manager1Overlay *overlay, GDBusMethodInvocation *invocation, guint keep, gpointer userdata) {
        l4_manager1_overlay_complete_set_keep_versions(overlay, invocation);
        return TRUE;
}

static gboolean on_rename(
        L4Manager1Overlay *overlay, GDBusMethodInvocation *invocation, const char *name, gpointer userdata) {
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, name);

        l4_manager1_overlay_complete_rename(overlay, invocation, path);
        return TRUE;
}

static gboolean on_diff(
        L4Manager1Overlay *overlay, GDBusMethodInvocation *invocation, guint a, guint b, gpointer userdata) {
        const char *text = a == b ? "[]"
                                  : "[('cfg/', 'added', 0, 0), ('cfg/a.cfg', 'added', 0, 2048),"
                                    " ('b.cfg', 'changed', 10, 20), ('c.cfg', 'removed', 5, 0)]";
        g_autoptr(GVariant) changes = g_variant_parse(G_VARIANT_TYPE("a(sstt)"), text, NULL, NULL, NULL);

        l4_manager1_overlay_complete_diff(overlay, invocation, changes);
        return TRUE;
}

static gboolean on_put_file(L4Manager1Overlay *overlay, GDBusMethodInvocation *invocation, const char *path,
        GVariant *options, gpointer userdata) {
        fake_return_upload(userdata, overlay, "put-file", invocation);
        return TRUE;
}

static gboolean on_remove_files(L4Manager1Overlay *overlay, GDBusMethodInvocation *invocation,
        const char *const *paths, gpointer userdata) {
        g_autofree char *job = fake_job_done(userdata, "remove-file", l4_manager1_overlay_get_name(overlay));

        l4_manager1_overlay_complete_remove_files(overlay, invocation, job);
        return TRUE;
}

static gboolean on_open_file(L4Manager1Overlay *overlay, GDBusMethodInvocation *invocation, const char *path,
        guint version, gpointer userdata) {
        if (!g_str_has_suffix(path, "none"))
                fake_return_log(userdata, invocation);
        else
                g_dbus_method_invocation_return_dbus_error(
                        invocation, LEFT4ME_ERROR_NO_SUCH_FILE, "There is no such file.");
        return TRUE;
}

void fake_handle_overlay_files(Fake *f, L4Manager1Overlay *overlay) {
        g_signal_connect(overlay, "handle-rollback", G_CALLBACK(on_rollback), f);
        g_signal_connect(overlay, "handle-set-keep-versions", G_CALLBACK(on_set_keep), f);
        g_signal_connect(overlay, "handle-rename", G_CALLBACK(on_rename), f);
        g_signal_connect(overlay, "handle-diff", G_CALLBACK(on_diff), f);
        g_signal_connect(overlay, "handle-put-file", G_CALLBACK(on_put_file), f);
        g_signal_connect(overlay, "handle-remove-files", G_CALLBACK(on_remove_files), f);
        g_signal_connect(overlay, "handle-open-file", G_CALLBACK(on_open_file), f);
}
