/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "dbus/names.h"
#include "fake-handlers.h"

static const char *const daemon_config =
        "<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN'"
        " 'http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd'>"
        "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth><policy context='default'>"
        "<allow user='*'/><allow own='*'/><allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/>"
        "</policy></busconfig>";

static void die_with_parent(gpointer userdata) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Any user may come in: the session bus of GTestDBus would admit its own only. */
static void start_daemon(Fake *f) {
        g_autofree char *file = g_strdup_printf("%s/left4me-bus-%d.conf", g_get_tmp_dir(), (int) getpid());
        g_autofree char *option = g_strdup_printf("--config-file=%s", file);
        const char *arguments[] = { "dbus-daemon", option, "--nofork", "--print-address=1", NULL };
        g_autoptr(GError) error = NULL;
        char line[512];
        ssize_t n;
        int out;

        g_assert_true(g_file_set_contents(file, daemon_config, -1, NULL));
        (void) g_spawn_async_with_pipes(NULL, (char **) (gpointer) arguments, NULL,
                G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL,
                die_with_parent, NULL, &f->daemon, NULL, &out, NULL, &error);
        g_assert_no_error(error);

        n = read(out, line, sizeof(line) - 1);
        g_assert_cmpint(n, >, 0);
        line[n] = 0;
        f->address = g_strdup(g_strstrip(line));
        (void) close(out);
        (void) unlink(file);
}

static const char *invocation_name(GDBusMethodInvocation *invocation) {
        return strrchr(g_dbus_method_invocation_get_object_path(invocation), '/') + 1;
}

typedef struct {
        Fake *fake;
        GDBusMethodInvocation *invocation;
        GMutex mutex;
        GCond cond;
        gboolean done, go_on;
} Question;

/* Notes the call and shows it to the hook of the test. */
static gboolean look_at_call(Fake *f, GDBusMethodInvocation *invocation) {
        const char *prefixes[] = { LEFT4ME_INSTANCE_PREFIX, LEFT4ME_OVERLAY_PREFIX, LEFT4ME_JOB_PREFIX };
        GDBusMessage *message = g_dbus_method_invocation_get_message(invocation);
        const char *method = g_dbus_method_invocation_get_method_name(invocation);
        g_autofree char *arguments = NULL, *name = NULL;
        unsigned i;

        for (i = 0; i < G_N_ELEMENTS(prefixes) && !name; i++)
                name = client_path_name(prefixes[i], g_dbus_method_invocation_get_object_path(invocation));
        if (!name)
                name = g_strdup(invocation_name(invocation));

        arguments = g_variant_print(g_dbus_method_invocation_get_parameters(invocation), FALSE);
        g_ptr_array_add(
                f->calls, g_strdup_printf("%s%s %s %s",
                                  g_dbus_message_get_flags(message) &
                                                  G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION
                                          ? "!"
                                          : "",
                                  method, name, arguments));

        return !f->hook || !f->hook(f, method, name, invocation);
}

static gboolean on_question(gpointer userdata) {
        Question *q = userdata;
        gboolean go_on = look_at_call(q->fake, q->invocation);

        g_mutex_lock(&q->mutex);
        q->go_on = go_on;
        q->done = TRUE;
        g_cond_signal(&q->cond);
        g_mutex_unlock(&q->mutex);
        return G_SOURCE_REMOVE;
}

/*
 * Runs ahead of every handler, in a thread of GDBus's and in several at a time. The test itself has one thread, which
 * looks at one call after the other. (g_main_context_invoke() would run it here whenever that thread does not poll.)
 */
static gboolean on_authorize(
        GDBusInterfaceSkeleton *skeleton, GDBusMethodInvocation *invocation, gpointer userdata) {
        g_autoptr(GSource) source = g_idle_source_new();
        Question q = { .fake = userdata, .invocation = invocation };

        g_mutex_init(&q.mutex);
        g_cond_init(&q.cond);
        g_source_set_priority(source, G_PRIORITY_DEFAULT);
        g_source_set_callback(source, on_question, &q, NULL);
        (void) g_source_attach(source, NULL);

        g_mutex_lock(&q.mutex);
        while (!q.done)
                g_cond_wait(&q.cond, &q.mutex);
        g_mutex_unlock(&q.mutex);
        g_mutex_clear(&q.mutex);
        g_cond_clear(&q.cond);
        return q.go_on;
}

void fake_export(Fake *f, const char *path, gpointer interface) {
        g_autoptr(GDBusObjectSkeleton) object = g_dbus_object_skeleton_new(path);

        g_signal_connect(interface, "g-authorize-method", G_CALLBACK(on_authorize), f);
        g_dbus_object_skeleton_add_interface(object, G_DBUS_INTERFACE_SKELETON(interface));
        g_dbus_object_manager_server_export(f->objects, object);
}

/* The interface belongs to its object. */
gpointer fake_find(Fake *f, const char *path, const char *interface) {
        g_autoptr(GDBusInterface) found = NULL;

        found = g_dbus_object_manager_get_interface(G_DBUS_OBJECT_MANAGER(f->objects), path, interface);
        return found;
}

L4Manager1Instance *fake_add_instance(Fake *f, const char *name, unsigned port) {
        g_autofree char *path = client_path(LEFT4ME_INSTANCE_PREFIX, name);
        g_autoptr(L4Manager1Instance) instance = l4_manager1_instance_skeleton_new();
        const char *overlays[] = { "maps", NULL };

        l4_manager1_instance_set_name(instance, name);
        l4_manager1_instance_set_port(instance, (guint16) port);
        l4_manager1_instance_set_game(instance, "l4d2");
        l4_manager1_instance_set_overlays(instance, overlays);
        l4_manager1_instance_set_last_exit(instance, g_variant_new("(sit)", "", 0, G_GUINT64_CONSTANT(0)));
        l4_manager1_instance_set_layers_in_use(instance, g_variant_new("a(su)", NULL));
        fake_set_state(instance, "inactive", "dead");
        fake_handle_instance(f, instance);
        fake_export(f, path, instance);
        return instance;
}

L4Manager1Overlay *fake_add_overlay(Fake *f, const char *name) {
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, name);
        g_autoptr(L4Manager1Overlay) overlay = l4_manager1_overlay_skeleton_new();
        const char *none[] = { NULL };

        l4_manager1_overlay_set_name(overlay, name);
        l4_manager1_overlay_set_kind(overlay, "files");
        l4_manager1_overlay_set_state(overlay, "empty");
        l4_manager1_overlay_set_versions(overlay, g_variant_new("a(uttts)", NULL));
        l4_manager1_overlay_set_used_by(overlay, none);
        l4_manager1_overlay_set_last_job(overlay, "/");
        fake_handle_overlay(f, overlay);
        fake_export(f, path, overlay);
        return overlay;
}

L4Manager1Job *fake_add_job(Fake *f, const char *kind, const char *subject, const char *state) {
        g_autofree char *path = client_job_path(++f->last_job);
        g_autoptr(L4Manager1Job) job = l4_manager1_job_skeleton_new();

        l4_manager1_job_set_kind(job, kind);
        l4_manager1_job_set_subject(job, subject);
        l4_manager1_job_set_progress(job, -1);
        l4_manager1_job_set_message(job, "");
        l4_manager1_job_set_state(job, state);
        l4_manager1_job_set_exit_status(job, -1);
        fake_handle_job(f, job);
        fake_export(f, path, job);
        return job;
}

L4Manager1Job *fake_job(Fake *f, unsigned number) {
        g_autofree char *path = client_job_path(number);

        return fake_find(f, path, LEFT4ME_JOB_INTERFACE);
}

void fake_remove(Fake *f, const char *prefix, const char *name) {
        g_autofree char *path = client_path(prefix, name);

        g_assert_true(g_dbus_object_manager_server_unexport(f->objects, path));
}

void fake_set_state(L4Manager1Instance *instance, const char *active, const char *sub) {
        l4_manager1_instance_set_active_state(instance, active);
        l4_manager1_instance_set_sub_state(instance, sub);
        l4_manager1_instance_set_active_since(instance,
                g_str_equal(active, "active") ? (guint64) g_get_real_time() - G_GUINT64_CONSTANT(7200000000)
                                              : 0);
        g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(instance));
}

void fake_set_job(L4Manager1Job *job, const char *state, double progress, const char *message) {
        l4_manager1_job_set_state(job, state);
        l4_manager1_job_set_progress(job, progress);
        l4_manager1_job_set_message(job, message);
        g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(job));
}

void fake_add_version(L4Manager1Overlay *overlay, guint64 size, guint64 files, const char *label) {
        unsigned number = l4_manager1_overlay_get_current(overlay) + 1, i;
        GVariant *versions = l4_manager1_overlay_get_versions(overlay);
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("a(uttts)"));
        for (i = 0; i < g_variant_n_children(versions); i++) {
                g_autoptr(GVariant) version = g_variant_get_child_value(versions, i);

                g_variant_builder_add_value(&builder, version);
        }
        g_variant_builder_add(
                &builder, "(uttts)", number, G_GUINT64_CONSTANT(1732244000000000), size, files, label);

        l4_manager1_overlay_set_versions(overlay, g_variant_builder_end(&builder));
        l4_manager1_overlay_set_current(overlay, number);
        l4_manager1_overlay_set_state(overlay, "ready");
        g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(overlay));
}

/* A call that was made, by its beginning. */
gboolean fake_called(const Fake *f, const char *call) {
        guint i;

        for (i = 0; i < f->calls->len; i++)
                if (g_str_has_prefix(g_ptr_array_index(f->calls, i), call))
                        return TRUE;

        return FALSE;
}

/* The service comes, or comes back. */
void fake_own_name(Fake *f) {
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        reply = g_dbus_connection_call_sync(f->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                "org.freedesktop.DBus", "RequestName", g_variant_new("(su)", LEFT4ME_BUS_NAME, 4),
                G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, &error);
        g_assert_no_error(error);
}

/* The service leaves the bus, as one does that has crashed. */
void fake_release_name(Fake *f) {
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        reply = g_dbus_connection_call_sync(f->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                "org.freedesktop.DBus", "ReleaseName", g_variant_new("(s)", LEFT4ME_BUS_NAME),
                G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, &error);
        g_assert_no_error(error);
}

Fake *fake_new(void) {
        Fake *f = g_new0(Fake, 1);
        g_autoptr(GError) error = NULL;

        start_daemon(f);
        f->calls = g_ptr_array_new_with_free_func(g_free);
        f->imported = g_string_new(NULL);
        f->import_fd = -1;
        f->log = "";
        f->checks = "[]";
        f->conflicts = "[]";
        f->bus = g_dbus_connection_new_for_address_sync(f->address,
                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                        G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                NULL, NULL, &error);
        g_assert_no_error(error);

        f->manager = l4_manager1_skeleton_new();
        l4_manager1_set_version(f->manager, "0.1.0");
        fake_handle_manager(f, f->manager);
        g_signal_connect(f->manager, "g-authorize-method", G_CALLBACK(on_authorize), f);
        g_assert_true(g_dbus_interface_skeleton_export(
                G_DBUS_INTERFACE_SKELETON(f->manager), f->bus, LEFT4ME_ROOT_PATH, &error));

        f->objects = g_dbus_object_manager_server_new(LEFT4ME_ROOT_PATH);
        g_dbus_object_manager_server_set_connection(f->objects, f->bus);
        fake_own_name(f);
        return f;
}

/* A client that did not wait for its answer leaves a call that is still on its way through GDBus's threads when the test has ended, and
 * comes to its handler in the next one: what that works with is there as long as the program. */
void fake_free(Fake *f) {
        static GPtrArray *past;

        g_dbus_object_manager_server_set_connection(f->objects, NULL);
        g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(f->manager));
        (void) g_dbus_connection_close_sync(f->bus, NULL, NULL);
        (void) kill(f->daemon, SIGTERM);
        (void) waitpid(f->daemon, NULL, 0);

        /* These are the test's own. */
        f->hook = NULL;
        f->data = NULL;
        f->log = "";
        f->checks = f->conflicts = "[]";

        if (!past)
                past = g_ptr_array_new();
        g_ptr_array_add(past, f);
}
