/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the methods of the stand-in do when the test has nothing else in mind. */

#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "dbus/names.h"
#include "fake-handlers.h"

static gboolean on_start(
        L4Manager1Instance *instance, GDBusMethodInvocation *invocation, gpointer userdata) {
        fake_set_state(instance, "active", "running");
        l4_manager1_instance_complete_start(instance, invocation);
        return TRUE;
}

static gboolean on_stop(L4Manager1Instance *instance, GDBusMethodInvocation *invocation, gpointer userdata) {
        fake_set_state(instance, "inactive", "dead");
        l4_manager1_instance_complete_stop(instance, invocation);
        return TRUE;
}

static gboolean on_restart(
        L4Manager1Instance *instance, GDBusMethodInvocation *invocation, gpointer userdata) {
        fake_set_state(instance, "active", "running");
        l4_manager1_instance_complete_restart(instance, invocation);
        return TRUE;
}

static gboolean on_configure(L4Manager1Instance *instance, GDBusMethodInvocation *invocation,
        GVariant *settings, gpointer userdata) {
        l4_manager1_instance_complete_configure(instance, invocation);
        return TRUE;
}

static gboolean on_get_settings(
        L4Manager1Instance *instance, GDBusMethodInvocation *invocation, gpointer userdata) {
        l4_manager1_instance_complete_get_settings(instance, invocation,
                g_variant_new_parsed(
                        "{'Port': <uint16 27015>, 'Game': <'l4d2'>, 'Overlays': <['maps', 'plugins']>,"
                        " 'Arguments': <['-tickrate', '60']>, 'Cvars': <{'hostname': 'Versus', 'mp_gamemode': 'versus'}>,"
                        " 'Held': <{'maps': @u 3}>, 'Lines': <['exec extra.cfg']>, 'Autostart': <true>,"
                        " 'OpenRcon': <true>}"));
        return TRUE;
}

static gboolean on_rename(L4Manager1Instance *instance, GDBusMethodInvocation *invocation, const char *name,
        gpointer userdata) {
        g_autofree char *path = client_path(LEFT4ME_INSTANCE_PREFIX, name);

        l4_manager1_instance_complete_rename(instance, invocation, path);
        return TRUE;
}

static gboolean on_clone(L4Manager1Instance *instance, GDBusMethodInvocation *invocation, const char *name,
        GVariant *settings, gpointer userdata) {
        g_autofree char *path = client_path(LEFT4ME_INSTANCE_PREFIX, name);

        (void) fake_add_instance(userdata, name, 27016);
        l4_manager1_instance_complete_clone(instance, invocation, path);
        return TRUE;
}

/* A job that has ended when the caller hears of it. */
char *fake_job_done(Fake *f, const char *kind, const char *subject) {
        L4Manager1Job *job = fake_add_job(f, kind, subject, "succeeded");

        return g_strdup(g_dbus_interface_skeleton_get_object_path(G_DBUS_INTERFACE_SKELETON(job)));
}

static gboolean on_reset(
        L4Manager1Instance *instance, GDBusMethodInvocation *invocation, gpointer userdata) {
        g_autofree char *path = fake_job_done(userdata, "reset", l4_manager1_instance_get_name(instance));

        l4_manager1_instance_complete_reset(instance, invocation, path);
        return TRUE;
}

static gboolean on_delete(
        L4Manager1Instance *instance, GDBusMethodInvocation *invocation, gpointer userdata) {
        g_autofree char *path = fake_job_done(
                userdata, "delete-instance", l4_manager1_instance_get_name(instance));

        l4_manager1_instance_complete_delete(instance, invocation, path);
        return TRUE;
}

/* The whole log is in the pipe before the caller has its end: it must be no larger than a pipe. */
void fake_return_log(Fake *f, GDBusMethodInvocation *invocation) {
        g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
        size_t size = strlen(f->log);
        int pipe[2];

        g_assert_true(g_unix_open_pipe(pipe, FD_CLOEXEC, NULL));
        g_assert_cmpint(write(pipe[1], f->log, size), ==, (ssize_t) size);
        (void) close(pipe[1]);
        (void) g_unix_fd_list_append(fds, pipe[0], NULL);
        (void) close(pipe[0]);
        g_dbus_method_invocation_return_value_with_unix_fd_list(invocation, g_variant_new("(h)", 0), fds);
}

static gboolean on_open_log(
        gpointer object, GDBusMethodInvocation *invocation, GVariant *options, gpointer userdata) {
        fake_return_log(userdata, invocation);
        return TRUE;
}

static void import_finish(Fake *f, L4Manager1Job *job) {
        L4Manager1Overlay *overlay;
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, l4_manager1_job_get_subject(job));

        overlay = fake_find(f, path, LEFT4ME_OVERLAY_INTERFACE);
        fake_add_version(overlay, f->imported->len, 3, "");
        fake_set_job(job, "succeeded", 1, "version 1 is current");
}

static gboolean on_import_data(int fd, GIOCondition condition, gpointer userdata) {
        L4Manager1Job *job = userdata;
        Fake *f = g_object_get_data(userdata, "fake");
        char buffer[65536];
        ssize_t n;

        n = read(fd, buffer, sizeof(buffer));
        if (n > 0) {
                g_string_append_len(f->imported, buffer, n);
                return G_SOURCE_CONTINUE;
        }

        (void) close(fd);
        f->import_fd = -1;
        if (f->import == FAKE_IMPORT_TAKE)
                import_finish(f, job);

        return G_SOURCE_REMOVE;
}

/* From now on what comes through the pipe of the job is read. */
void fake_read_import(Fake *f, L4Manager1Job *job) {
        g_object_set_data(G_OBJECT(job), "fake", f);
        (void) g_unix_fd_add(f->import_fd, G_IO_IN, on_import_data, job);
}

void fake_return_upload(
        Fake *f, L4Manager1Overlay *overlay, const char *kind, GDBusMethodInvocation *invocation) {
        g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
        L4Manager1Job *job = fake_add_job(f, kind, l4_manager1_overlay_get_name(overlay), "running");
        const char *path = g_dbus_interface_skeleton_get_object_path(G_DBUS_INTERFACE_SKELETON(job));
        int pipe[2];

        g_assert_true(g_unix_open_pipe(pipe, FD_CLOEXEC, NULL));
        (void) g_unix_fd_list_append(fds, pipe[1], NULL);
        (void) close(pipe[1]);
        g_dbus_method_invocation_return_value_with_unix_fd_list(
                invocation, g_variant_new("(oh)", path, 0), fds);

        f->import_fd = pipe[0];
        if (f->import == FAKE_IMPORT_REFUSE) {
                (void) close(pipe[0]);
                fake_set_job(job, "failed", -1, "not an archive left4me knows (tar, zip, 7z)");
        } else if (f->import != FAKE_IMPORT_HOLD)
                fake_read_import(f, job);
}

static gboolean on_import(L4Manager1Overlay *overlay, GDBusMethodInvocation *invocation, GVariant *options,
        gpointer userdata) {
        fake_return_upload(userdata, overlay, "import", invocation);
        return TRUE;
}

static gboolean on_overlay_delete(
        L4Manager1Overlay *overlay, GDBusMethodInvocation *invocation, gpointer userdata) {
        g_autofree char *path = fake_job_done(
                userdata, "delete-overlay", l4_manager1_overlay_get_name(overlay));

        l4_manager1_overlay_complete_delete(overlay, invocation, path);
        return TRUE;
}

static gboolean on_list_files(L4Manager1Overlay *overlay, GDBusMethodInvocation *invocation,
        const char *directory, unsigned version, gpointer userdata) {
        g_autoptr(GVariant) files = NULL;
        const char *text = "[]";

        if (g_str_equal(directory, ""))
                text = "[('left4dead2', 'directory', 0, 1732244000000000), ('srcds_run', 'file', 2048, 1732244000000000)]";
        else if (g_str_equal(directory, "left4dead2"))
                text = "[('cfg', 'symlink', 3, 1732244000000000), ('maps', 'directory', 0, 1732244000000000)]";

        files = g_variant_parse(G_VARIANT_TYPE("a(sstt)"), text, NULL, NULL, NULL);
        l4_manager1_overlay_complete_list_files(overlay, invocation, files);
        return TRUE;
}

static gboolean on_instance_list_files(L4Manager1Instance *instance, GDBusMethodInvocation *invocation,
        const char *directory, gboolean all, gpointer userdata) {
        g_autoptr(GVariant) files = NULL;
        const char *text = "[]";

        if (g_str_equal(directory, "") && all)
                text = "[('gone.cfg', 'whiteout', 0, 1732244000000000, '@upper', @u 0, false),"
                       " ('gone.cfg', 'file', 10, 1732244000000000, 'l4d2', 1, false),"
                       " ('left4dead2', 'directory', 0, 1732244000000000, '@upper', 0, true),"
                       " ('left4dead2', 'directory', 0, 1732244000000000, 'l4d2', 1, true),"
                       " ('pipe', 'special', 0, 0, '@upper', 0, true)]";
        else if (g_str_equal(directory, ""))
                text = "[('left4dead2', 'directory', 0, 1732244000000000, '@upper', @u 0, true),"
                       " ('pipe', 'special', 0, 0, '@upper', 0, true)]";
        else if (g_str_equal(directory, "left4dead2"))
                text = "[('motd.txt', 'file', 2048, 1732244000000000, 'maps', @u 3, true)]";
        else {
                g_dbus_method_invocation_return_dbus_error(
                        invocation, LEFT4ME_ERROR_NO_SUCH_FILE, "There is no such directory.");
                return TRUE;
        }

        files = g_variant_parse(G_VARIANT_TYPE("a(ssttsub)"), text, NULL, NULL, NULL);
        l4_manager1_instance_complete_list_files(instance, invocation, files);
        return TRUE;
}

static gboolean on_open_file(L4Manager1Instance *instance, GDBusMethodInvocation *invocation,
        const char *path, const char *layer, gpointer userdata) {
        if (g_str_has_suffix(path, "motd.txt"))
                fake_return_log(userdata, invocation);
        else
                g_dbus_method_invocation_return_dbus_error(
                        invocation, LEFT4ME_ERROR_NO_SUCH_FILE, "There is no such file.");
        return TRUE;
}

static gboolean on_find_conflicts(
        L4Manager1Instance *instance, GDBusMethodInvocation *invocation, gpointer userdata) {
        const Fake *f = userdata;
        g_autoptr(GVariant)
                conflicts = g_variant_parse(G_VARIANT_TYPE("a(ssas)"), f->conflicts, NULL, NULL, NULL);

        l4_manager1_instance_complete_find_conflicts(instance, invocation, conflicts);
        return TRUE;
}

static gboolean on_cancel(L4Manager1Job *job, GDBusMethodInvocation *invocation, gpointer userdata) {
        if (!g_str_equal(l4_manager1_job_get_state(job), "succeeded"))
                fake_set_job(job, "cancelled", -1, "");
        l4_manager1_job_complete_cancel(job, invocation);
        return TRUE;
}

static gboolean on_create_instance(L4Manager1 *manager, GDBusMethodInvocation *invocation, const char *name,
        GVariant *settings, gpointer userdata) {
        g_autofree char *path = client_path(LEFT4ME_INSTANCE_PREFIX, name);
        guint16 port = 27042;

        (void) g_variant_lookup(settings, "Port", "q", &port);
        (void) fake_add_instance(userdata, name, port);
        l4_manager1_complete_create_instance(manager, invocation, path);
        return TRUE;
}

static gboolean on_create_overlay(L4Manager1 *manager, GDBusMethodInvocation *invocation, const char *name,
        const char *kind, GVariant *settings, gpointer userdata) {
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, name);

        (void) fake_add_overlay(userdata, name);
        l4_manager1_complete_create_overlay(manager, invocation, path);
        return TRUE;
}

/* The flat lists are made from the objects, as the service does it. */
static gboolean on_list_instances(
        L4Manager1 *manager, GDBusMethodInvocation *invocation, gpointer userdata) {
        Fake *f = userdata;
        GList *objects = g_dbus_object_manager_get_objects(G_DBUS_OBJECT_MANAGER(f->objects)), *o;
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a(sqssuutbbo)"));
        for (o = objects; o; o = o->next) {
                const char *path = g_dbus_object_get_object_path(o->data);
                L4Manager1Instance *i = fake_find(f, path, LEFT4ME_INSTANCE_INTERFACE);

                if (i)
                        g_variant_builder_add(&builder, "(sqssuutbbo)", l4_manager1_instance_get_name(i),
                                l4_manager1_instance_get_port(i), l4_manager1_instance_get_active_state(i),
                                l4_manager1_instance_get_sub_state(i), 0, 0, G_GUINT64_CONSTANT(0), FALSE,
                                FALSE, path);
        }

        g_list_free_full(objects, g_object_unref);
        l4_manager1_complete_list_instances(manager, invocation, g_variant_builder_end(&builder));
        return TRUE;
}

static gboolean on_list_overlays(L4Manager1 *manager, GDBusMethodInvocation *invocation, gpointer userdata) {
        Fake *f = userdata;
        GList *objects = g_dbus_object_manager_get_objects(G_DBUS_OBJECT_MANAGER(f->objects)), *o;
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a(sssutuo)"));
        for (o = objects; o; o = o->next) {
                const char *path = g_dbus_object_get_object_path(o->data);
                L4Manager1Overlay *i = fake_find(f, path, LEFT4ME_OVERLAY_INTERFACE);

                if (i)
                        g_variant_builder_add(&builder, "(sssutuo)", l4_manager1_overlay_get_name(i),
                                "files", "ready", 0, G_GUINT64_CONSTANT(0), 0, path);
        }

        g_list_free_full(objects, g_object_unref);
        l4_manager1_complete_list_overlays(manager, invocation, g_variant_builder_end(&builder));
        return TRUE;
}

static gboolean on_reload(L4Manager1 *manager, GDBusMethodInvocation *invocation, gpointer userdata) {
        l4_manager1_complete_reload(manager, invocation);
        return TRUE;
}

static gboolean on_check(L4Manager1 *manager, GDBusMethodInvocation *invocation, gpointer userdata) {
        g_autoptr(GVariant) results = NULL;
        const Fake *f = userdata;

        results = g_variant_parse(G_VARIANT_TYPE("a(ssss)"), f->checks, NULL, NULL, NULL);
        l4_manager1_complete_check(manager, invocation, results);
        return TRUE;
}

static gboolean on_get_statistics(
        L4Manager1 *manager, GDBusMethodInvocation *invocation, gpointer userdata) {
        g_autofree char *path = client_path(LEFT4ME_INSTANCE_PREFIX, "versus-1");
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a{oa{sv}}"));
        g_variant_builder_add(&builder, "{o@a{sv}}", path,
                g_variant_new_parsed(
                        "{'MemoryCurrent': <uint64 536870912>, 'MemoryPeak': <uint64 1073741824>,"
                        " 'CPUUsage': <uint64 63200000000>, 'Tasks': <uint64 12>,"
                        " 'IPIngressBytes': <uint64 1258292>, 'IPEgressBytes': <uint64 3565159>}"));
        l4_manager1_complete_get_statistics(manager, invocation, g_variant_builder_end(&builder));
        return TRUE;
}

void fake_handle_manager(Fake *f, L4Manager1 *manager) {
        g_signal_connect(manager, "handle-create-instance", G_CALLBACK(on_create_instance), f);
        g_signal_connect(manager, "handle-create-overlay", G_CALLBACK(on_create_overlay), f);
        g_signal_connect(manager, "handle-list-instances", G_CALLBACK(on_list_instances), f);
        g_signal_connect(manager, "handle-list-overlays", G_CALLBACK(on_list_overlays), f);
        g_signal_connect(manager, "handle-reload", G_CALLBACK(on_reload), f);
        g_signal_connect(manager, "handle-check", G_CALLBACK(on_check), f);
        g_signal_connect(manager, "handle-get-statistics", G_CALLBACK(on_get_statistics), f);
}

void fake_handle_instance(Fake *f, L4Manager1Instance *instance) {
        g_signal_connect(instance, "handle-start", G_CALLBACK(on_start), f);
        g_signal_connect(instance, "handle-stop", G_CALLBACK(on_stop), f);
        g_signal_connect(instance, "handle-restart", G_CALLBACK(on_restart), f);
        g_signal_connect(instance, "handle-configure", G_CALLBACK(on_configure), f);
        g_signal_connect(instance, "handle-get-settings", G_CALLBACK(on_get_settings), f);
        g_signal_connect(instance, "handle-rename", G_CALLBACK(on_rename), f);
        g_signal_connect(instance, "handle-clone", G_CALLBACK(on_clone), f);
        g_signal_connect(instance, "handle-reset", G_CALLBACK(on_reset), f);
        g_signal_connect(instance, "handle-delete", G_CALLBACK(on_delete), f);
        g_signal_connect(instance, "handle-open-log", G_CALLBACK(on_open_log), f);
        g_signal_connect(instance, "handle-list-files", G_CALLBACK(on_instance_list_files), f);
        g_signal_connect(instance, "handle-open-file", G_CALLBACK(on_open_file), f);
        g_signal_connect(instance, "handle-find-conflicts", G_CALLBACK(on_find_conflicts), f);
}

void fake_handle_overlay(Fake *f, L4Manager1Overlay *overlay) {
        g_signal_connect(overlay, "handle-import", G_CALLBACK(on_import), f);
        g_signal_connect(overlay, "handle-delete", G_CALLBACK(on_overlay_delete), f);
        g_signal_connect(overlay, "handle-list-files", G_CALLBACK(on_list_files), f);
        fake_handle_overlay_files(f, overlay);
}

void fake_handle_job(Fake *f, L4Manager1Job *job) {
        g_signal_connect(job, "handle-cancel", G_CALLBACK(on_cancel), f);
        g_signal_connect(job, "handle-open-log", G_CALLBACK(on_open_log), f);
}
