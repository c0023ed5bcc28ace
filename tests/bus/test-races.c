/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What changes between a question and its answer: objects go while polkit thinks, callers leave, left4med is told to end in the middle of everything. */

#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "world.h"

#define MANAGER LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE
#define PATH LEFT4ME_INSTANCE_PREFIX "/versus_2d1"
#define GAME LEFT4ME_OVERLAY_PREFIX "/game"
#define SERVER "left4me-server@versus-1.service"
#define MOUNT "left4me-overlay@server-versus-1.service"

static Call *begin(Fixture *f, const char *method, const char *arguments) {
        return call_begin(f->client, PATH, LEFT4ME_INSTANCE_INTERFACE, method,
                arguments ? g_variant_new_parsed(arguments) : NULL);
}

/* The instance goes while polkit thinks about what to do with it. */
static void test_gone_meanwhile(Fixture *f) {
        static const struct {
                const char *method;
                const char *arguments;
        } methods[] = { { "Start", NULL }, { "Stop", NULL }, { "Restart", NULL }, { "Reset", NULL },
                { "Delete", NULL }, { "Configure", "({'Lines': <['x']>},)" }, { "GetSettings", NULL },
                { "SetOverlays", "(@as [],)" }, { "SetAutostart", "(true,)" }, { "Rename", "('other',)" },
                { "Clone", "('copy', @a{sv} {})" }, { "OpenLog", "(@a{sv} {},)" } };
        Call *calls[G_N_ELEMENTS(methods)];
        g_autofree char *job = NULL;

        g_free(world_server(f, "versus-1"));
        world_perform(f);
        polkit_set(f->polkit, NULL, POLKIT_HOLD);
        for (gsize i = 0; i < G_N_ELEMENTS(methods); i++)
                calls[i] = begin(f, methods[i].method, methods[i].arguments);
        polkit_wait_held(f->polkit, G_N_ELEMENTS(methods));
        polkit_set(f->polkit, NULL, POLKIT_ALLOW);
        job = world_take_path(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Delete", NULL));
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        polkit_answer(f->polkit, true);
        for (gsize i = 0; i < G_N_ELEMENTS(methods); i++)
                call_end_refused(calls[i], LEFT4ME_ERROR_NO_SUCH_INSTANCE);
}

static void test_overlay_gone_meanwhile(Fixture *f) {
        g_autofree char *job = NULL;
        Call *calls[4];

        g_free(world_empty_overlay(f, "game"));
        world_perform(f);
        polkit_set(f->polkit, NULL, POLKIT_HOLD);
        calls[0] = call_begin(
                f->client, GAME, LEFT4ME_OVERLAY_INTERFACE, "Import", g_variant_new_parsed("(@a{sv} {},)"));
        calls[1] = call_begin(
                f->client, GAME, LEFT4ME_OVERLAY_INTERFACE, "ListFiles", g_variant_new_parsed("('', @u 0)"));
        calls[2] = call_begin(f->client, GAME, LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL);
        calls[3] = call_begin(
                f->client, MANAGER, "CreateInstance", g_variant_new_parsed("('x', {'Game': <'game'>})"));
        polkit_wait_held(f->polkit, G_N_ELEMENTS(calls));
        polkit_set(f->polkit, NULL, POLKIT_ALLOW);
        job = world_take_path(call(f, GAME, LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL));
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        polkit_answer(f->polkit, true);
        for (gsize i = 0; i < G_N_ELEMENTS(calls); i++)
                call_end_refused(calls[i], LEFT4ME_ERROR_NO_SUCH_OVERLAY);
}

/* One port, one name, two who want it: the second is told. */
static void test_same_port(Fixture *f) {
        Call *calls[3];

        g_free(world_empty_overlay(f, "game"));
        polkit_set(f->polkit, NULL, POLKIT_HOLD);
        calls[0] = call_begin(f->client, MANAGER, "CreateInstance",
                g_variant_new_parsed("('a', {'Game': <'game'>, 'Port': <@q 27020>})"));
        calls[1] = call_begin(f->client, MANAGER, "CreateInstance",
                g_variant_new_parsed("('b', {'Game': <'game'>, 'Port': <@q 27020>})"));
        calls[2] = call_begin(
                f->client, MANAGER, "CreateInstance", g_variant_new_parsed("('a', {'Game': <'game'>})"));
        polkit_wait_held(f->polkit, G_N_ELEMENTS(calls));
        polkit_answer(f->polkit, true);
        g_variant_unref(call_end(calls[0]));
        call_end_refused(calls[1], LEFT4ME_ERROR_PORT_IN_USE);
        call_end_refused(calls[2], LEFT4ME_ERROR_NAME_TAKEN);
}

/* Who asked for a start is gone when it has worked; the server runs all the same. */
static void test_caller_leaves(Fixture *f) {
        GDBusConnection *other = client_connect(f->address);

        g_free(world_startable(f, "versus-1"));
        systemd_hold(f->systemd, SERVER, SYSTEMD_START);
        call_free(call_begin(other, PATH, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        systemd_wait_held(f->systemd, SERVER, SYSTEMD_START);
        (void) g_dbus_connection_close_sync(other, NULL, NULL);
        g_object_unref(other);
        systemd_release(f->systemd, SERVER);
        mirror_wait(f->mirror, PATH, LEFT4ME_INSTANCE_INTERFACE, "ActiveState", "'active'");
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL));
}

/* SIGTERM in the middle of a start, a stop, a question to polkit, an upload and a removal: it exits with 0, and all of it is
 * found by the next one. */
static void test_terminated(Fixture *f) {
        Call *calls[3];
        int pipe;

        g_free(world_startable(f, "versus-1"));
        g_free(world_instance(f, "b", "game"));
        g_free(world_empty_overlay(f, "gone"));
        g_free(world_empty_overlay(f, "maps"));
        systemd_hold(f->systemd, "*", SYSTEMD_START);
        calls[0] = begin(f, "Start", NULL);
        systemd_wait_held(f->systemd, MOUNT, SYSTEMD_START);
        g_free(world_take_path(
                call(f, LEFT4ME_OVERLAY_PREFIX "/gone", LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL)));
        g_free(world_begin_import(f, "maps", "@a{sv} {}", &pipe));
        calls[1] = begin(f, "Stop", NULL);
        polkit_set(f->polkit, NULL, POLKIT_HOLD);
        calls[2] = call_begin(f->client, MANAGER, "Reload", NULL);
        polkit_wait_held(f->polkit, 1);
        fixture_stop(f);
        for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
                g_assert_cmpstr(call_error_name(calls[i]), !=, "");
                call_free(calls[i]);
        }
        (void) close(pipe);
        polkit_set(f->polkit, NULL, POLKIT_ALLOW);
        systemd_forget_rules(f->systemd);
        fixture_start(f);
        mirror_wait_object(f->mirror, LEFT4ME_OVERLAY_PREFIX "/maps", true);
        systemd_release(f->systemd, MOUNT);
        mirror_wait(f->mirror, PATH, LEFT4ME_INSTANCE_INTERFACE, "ActiveState", "'active'");
}

/* Signals that claim to be systemd's and are not. */
static void test_forged(Fixture *f) {
        g_autoptr(GDBusConnection) liar = client_connect(f->address);
        g_autofree char *unit = systemd_unit_path(SERVER);
        g_autoptr(GError) error = NULL;

        g_free(world_startable(f, "versus-1"));
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        fixture_ping(f);
        mirror_forget_signals(f->mirror);
        (void) g_dbus_connection_emit_signal(liar, mirror_owner(f->mirror), unit,
                "org.freedesktop.DBus.Properties", "PropertiesChanged",
                g_variant_new_parsed(
                        "('org.freedesktop.systemd1.Unit', {'ActiveState': <'failed'>}, @as [])"),
                &error);
        g_assert_no_error(error);
        (void) g_dbus_connection_emit_signal(liar, mirror_owner(f->mirror), "/org/freedesktop/systemd1",
                "org.freedesktop.systemd1.Manager", "UnitRemoved", g_variant_new("(so)", SERVER, unit),
                &error);
        g_assert_no_error(error);
        g_variant_unref(call_end(call_begin_to(liar, LEFT4ME_BUS_NAME, "/", "org.freedesktop.DBus.Peer",
                "Ping", NULL, G_DBUS_CALL_FLAGS_NONE)));
        fixture_ping(f);
        mirror_expect_silence(f->mirror);
}

static void add_tests(void) {
        fixture_add("/races/gone-meanwhile", test_gone_meanwhile);
        fixture_add("/races/overlay-gone-meanwhile", test_overlay_gone_meanwhile);
        fixture_add("/races/same-port", test_same_port);
        fixture_add("/races/caller-leaves", test_caller_leaves);
        fixture_add("/races/terminated", test_terminated);
        fixture_add("/races/forged", test_forged);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
