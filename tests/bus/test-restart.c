/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* left4med dies at any moment and comes back: the bus tells the truth, what was promised is finished, what was interrupted has
 * failed, nothing that the user made is lost. */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "world.h"

#define MANAGER LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE
#define SERVER "left4me-server@versus-1.service"
#define MOUNT "left4me-overlay@server-versus-1.service"
#define PATH LEFT4ME_INSTANCE_PREFIX "/versus_2d1"
#define MAPS LEFT4ME_OVERLAY_PREFIX "/maps"

static void expect(Fixture *f, const char *property, const char *value) {
        mirror_wait(f->mirror, PATH, LEFT4ME_INSTANCE_INTERFACE, property, value);
}

static void kill_and_start(Fixture *f) {
        fixture_kill(f);
        fixture_start(f);
}

/* What the user decided outlives any end. */
static void test_store(Fixture *f) {
        g_autofree char *before = NULL, *after = NULL;
        g_autoptr(GVariant) settings = NULL, again = NULL;

        g_free(world_overlay(f, "maps"));
        g_free(world_empty_overlay(f, "game"));
        g_free(world_take_path(call(f, MANAGER, "CreateInstance",
                g_variant_new_parsed(
                        "('versus-1', {'Port': <@q 27030>, 'Game': <'game'>, 'Overlays': <['maps']>, "
                        "'Arguments': <['-tickrate', '60']>, 'Cvars': <{'hostname': 'It\\'s #1; drop'}>, "
                        "'Lines': <['a', '', 'b']>})"))));
        settings = call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "GetSettings", NULL);
        before = mirror_print(f->mirror);
        kill_and_start(f);
        after = mirror_print(f->mirror);
        mirror_compare(before, after);
        again = call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "GetSettings", NULL);
        g_assert_true(g_variant_equal(settings, again));

        fixture_stop(f);
        fixture_start(f);
        g_free(after);
        after = mirror_print(f->mirror);
        mirror_compare(before, after);
}

/* Servers run on without the manager, which finds them as they are. */
static void test_running(Fixture *f) {
        g_autofree char *before = NULL, *after = NULL;

        g_free(world_startable(f, "versus-1"));
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        systemd_die(f->systemd, SERVER, (SystemdOutcome){ "signal", CLD_KILLED, SIGSEGV, true });
        systemd_auto_restart(f->systemd, SERVER, false);
        expect(f, "Restarts", "@u 1");
        expect(f, "ActiveState", "'active'");
        before = mirror_print(f->mirror);
        systemd_forget_calls(f->systemd);
        kill_and_start(f);
        after = mirror_print(f->mirror);
        mirror_compare(before, after);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "St??Unit *"), ==, 0);
        fixture_ping(f);
        systemd_die(f->systemd, SERVER, (SystemdOutcome){ "exit-code", CLD_EXITED, 2, false });
        expect(f, "ActiveState", "'failed'");
}

/* What happened while it was away. */
static void test_meanwhile(Fixture *f) {
        g_free(world_startable(f, "versus-1"));
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        fixture_kill(f);
        systemd_die(f->systemd, SERVER, (SystemdOutcome){ "exit-code", CLD_EXITED, 2, false });
        systemd_wait_state(f->systemd, MOUNT, "inactive");
        fixture_start(f);
        expect(f, "ActiveState", "'failed'");
        fixture_kill(f);
        systemd_admin_start(f->systemd, SERVER);
        systemd_wait_state(f->systemd, SERVER, "active");
        fixture_start(f);
        expect(f, "ActiveState", "'active'");
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL));
}

/* Killed with a start under way, at each of its stages: the start goes on in systemd, and is seen. */
static void test_during_start(Fixture *f) {
        static const char *const stages[] = { MOUNT, SERVER };

        g_free(world_startable(f, "versus-1"));
        for (gsize i = 0; i < G_N_ELEMENTS(stages); i++) {
                Call *start;

                systemd_hold(f->systemd, stages[i], SYSTEMD_START);
                start = call_begin(f->client, PATH, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL);
                systemd_wait_held(f->systemd, stages[i], SYSTEMD_START);
                fixture_kill(f);
                g_assert_cmpstr(call_error_name(start), ==, "org.freedesktop.DBus.Error.NoReply");
                call_free(start);
                fixture_start(f);
                systemd_forget_rules(f->systemd);
                systemd_release(f->systemd, stages[i]);
                expect(f, "ActiveState", "'active'");
                g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL));
                g_assert_cmpstr(systemd_active_state(f->systemd, MOUNT), ==, "inactive");
        }
}

static void test_during_stop(Fixture *f) {
        static const char *const stages[] = { SERVER, MOUNT };

        g_free(world_startable(f, "versus-1"));
        for (gsize i = 0; i < G_N_ELEMENTS(stages); i++) {
                Call *stop;

                g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
                systemd_hold(f->systemd, stages[i], SYSTEMD_STOP);
                stop = call_begin(f->client, PATH, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL);
                systemd_wait_held(f->systemd, stages[i], SYSTEMD_STOP);
                fixture_kill(f);
                call_free(stop);
                fixture_start(f);
                /* Whoever asks again is answered when it has ended. */
                stop = call_begin(f->client, PATH, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL);
                fixture_ping(f);
                g_assert_false(stop->done);
                systemd_forget_rules(f->systemd);
                systemd_release(f->systemd, stages[i]);
                g_variant_unref(call_end(stop));
                expect(f, "ActiveState", "'inactive'");
                g_assert_cmpstr(systemd_active_state(f->systemd, MOUNT), ==, "inactive");
        }
}

/* A removal that was promised is done, before it began in systemd and after. */
static void test_during_delete(Fixture *f) {
        g_autofree char *job = NULL;

        g_free(world_startable(f, "versus-1"));
        fixture_write(f, "var/lib/left4me/uppers/versus-1/upper/x", "");
        systemd_hold(f->systemd, "left4me-tree@*", SYSTEMD_START);
        job = world_take_path(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Delete", NULL));
        systemd_wait_held(f->systemd, "left4me-tree@2.service", SYSTEMD_START);
        fixture_kill(f);
        systemd_forget_rules(f->systemd);
        systemd_release(f->systemd, "left4me-tree@2.service");
        fixture_start(f);
        mirror_wait_object(f->mirror, PATH, false);
        g_assert_false(fixture_exists(f, "var/lib/left4me/uppers/versus-1"));
        mirror_wait(f->mirror, job, LEFT4ME_JOB_INTERFACE, "State", "'succeeded'");

        g_free(world_overlay(f, "maps"));
        systemd_hold(f->systemd, "left4me-tree@*", SYSTEMD_START);
        g_free(world_take_path(call(f, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL)));
        systemd_wait_held(f->systemd, "left4me-tree@4.service", SYSTEMD_START);
        fixture_kill(f);
        /* The machine was switched off: the unit has not run at all. */
        systemd_release_with(f->systemd, "left4me-tree@4.service",
                (SystemdOutcome){ "signal", CLD_KILLED, SIGKILL, false });
        systemd_forget_rules(f->systemd);
        fixture_start(f);
        mirror_wait_object(f->mirror, MAPS, false);
        g_assert_false(fixture_exists(f, "var/lib/left4me/overlays/maps"));
}

static void test_during_rename(Fixture *f) {
        g_autofree char *renamed = instance_path("renamed");
        Call *c;

        g_free(world_startable(f, "versus-1"));
        fixture_write(f, "var/lib/left4me/uppers/versus-1/upper/kept", "");
        systemd_hold(f->systemd, "left4me-tree@*", SYSTEMD_START);
        c = call_begin(
                f->client, PATH, LEFT4ME_INSTANCE_INTERFACE, "Rename", g_variant_new("(s)", "renamed"));
        systemd_wait_held(f->systemd, "left4me-tree@2.service", SYSTEMD_START);
        fixture_kill(f);
        call_free(c);
        systemd_forget_rules(f->systemd);
        systemd_release(f->systemd, "left4me-tree@2.service");
        fixture_start(f);
        mirror_wait_object(f->mirror, renamed, true);
        mirror_wait_object(f->mirror, PATH, false);
        g_assert_true(fixture_exists(f, "var/lib/left4me/uppers/renamed/upper/kept"));
        g_assert_false(fixture_exists(f, "var/lib/left4me/uppers/versus-1"));
}

/* An import that was interrupted has failed, at each of its stages, and leaves nothing. */
static void test_during_import(Fixture *f) {
        static const char *const stages[] = { "left4me-overlay@build-", "left4me-build@", "left4me-tree@" };

        g_free(world_overlay(f, "maps"));
        for (gsize i = 0; i < G_N_ELEMENTS(stages); i++) {
                g_autoptr(GBytes) archive = world_archive_of("new", "new");
                g_autofree char *pattern = NULL, *unit = NULL, *path = NULL, *build = NULL;
                int pipe;

                g_assert_true(fixture_is_running(f));
                pattern = g_strconcat(stages[i], "*", NULL);
                systemd_hold(f->systemd, pattern, SYSTEMD_START);
                path = world_begin_import(f, "maps", "@a{sv} {}", &pipe);
                unit = g_strdup_printf("%s%u.service", stages[i], job_number(path));
                if (i < 2)
                        (void) close(pipe);
                else
                        g_assert_cmpint(world_write(pipe, archive), ==, 0);
                systemd_wait_held(f->systemd, unit, SYSTEMD_START);
                fixture_kill(f);
                systemd_forget_rules(f->systemd);
                systemd_release_with(
                        f->systemd, unit, (SystemdOutcome){ "signal", CLD_KILLED, SIGKILL, false });
                fixture_start(f);
                g_assert_cmpstr(world_wait_job(f, path), ==, "failed");
                mirror_wait(f->mirror, MAPS, LEFT4ME_OVERLAY_INTERFACE, "State", "'ready'");
                mirror_wait(f->mirror, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Current", "@u 1");
                build = g_strdup_printf("var/lib/left4me/builds/%u", job_number(path));
                world_wait_idle(f);
                g_assert_false(fixture_exists(f, build));
                g_assert_false(fixture_exists(f, "var/lib/left4me/overlays/maps/versions/2"));
        }

        /* And the overlay can be imported into as before. */
        world_import(f, "maps");
}

/* Autostart: once per boot, not per start of the manager. */
static void test_autostart(Fixture *f) {
        g_free(world_startable(f, "versus-1"));
        g_variant_unref(
                call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "SetAutostart", g_variant_new("(b)", TRUE)));
        kill_and_start(f);
        fixture_ping(f);
        expect(f, "ActiveState", "'inactive'");
        fixture_stop(f);
        fixture_start(f);
        fixture_ping(f);
        expect(f, "ActiveState", "'inactive'");
}

/* A boot: systemd knows of nothing, and /run is empty. Killed in the middle of it, the next one goes on. */
static void test_boot(Fixture *f) {
        g_autofree char *second = NULL;

        g_free(world_startable(f, "versus-1"));
        second = world_instance(f, "by-hand", "game");
        g_variant_unref(
                call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "SetAutostart", g_variant_new("(b)", TRUE)));
        fixture_kill(f);
        fixture_empty_run(f);
        systemd_hold(f->systemd, SERVER, SYSTEMD_START);
        fixture_start(f);
        systemd_wait_held(f->systemd, SERVER, SYSTEMD_START);
        kill_and_start(f);
        systemd_release(f->systemd, SERVER);
        expect(f, "ActiveState", "'active'");
        mirror_wait(f->mirror, second, LEFT4ME_INSTANCE_INTERFACE, "ActiveState", "'inactive'");

        /* What was stopped then stays so. */
        systemd_forget_rules(f->systemd);
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL));
        kill_and_start(f);
        fixture_ping(f);
        expect(f, "ActiveState", "'inactive'");
}

/* The database of a newer left4me, and one that is none, are left alone. */
static void test_foreign_database(Fixture *f) {
        g_autofree char *before = NULL, *after = NULL;

        fixture_write(f, "var/lib/left4me/manager/left4me.db",
                "This is no database, but somebody may want it back.");
        before = fixture_read(f, "var/lib/left4me/manager/left4me.db");
        g_assert_cmpint(fixture_start_refused(f), !=, 0);
        after = fixture_read(f, "var/lib/left4me/manager/left4me.db");
        g_assert_cmpstr(before, ==, after);
}

static void test_newer_database(Fixture *f) {
        static const guint8 version[] = { 0, 0, 0x27,
                0x0f }; /* PRAGMA user_version, at byte 60 of an SQLite file */
        g_autofree char *path = fixture_path(f, "var/lib/left4me/manager/left4me.db"), *before = NULL,
                        *after = NULL;
        gsize before_size, after_size;
        int fd;

        g_free(world_empty_overlay(f, "maps"));
        fixture_stop(f);
        fd = open(path, O_RDWR | O_CLOEXEC);
        g_assert_cmpint(pwrite(fd, version, sizeof version, 60), ==, sizeof version);
        (void) close(fd);
        g_assert_true(g_file_get_contents(path, &before, &before_size, NULL));
        g_assert_cmpint(fixture_start_refused(f), !=, 0);
        g_assert_true(g_file_get_contents(path, &after, &after_size, NULL));
        g_assert_cmpmem(before, before_size, after, after_size);
}

static void test_bad_configuration(Fixture *f) {
        g_autofree char *log = NULL;

        fixture_configure(f, "GamePorts=many");
        g_assert_cmpint(fixture_start_refused(f), !=, 0);
        log = fixture_read_log(f);
        g_assert_nonnull(strstr(log, "GamePorts"));
}

/* Without systemd there is no truth to tell: it waits, and takes its name when systemd is there. */
static void test_without_systemd(Fixture *f) {
        systemd_vanish(f->systemd);
        fixture_begin_start(f);
        systemd_return(f->systemd);
        fixture_wait_started(f);
        g_free(world_startable(f, "versus-1"));
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        expect(f, "ActiveState", "'active'");
}

static void test_mounted(Fixture *f) {
        if (!world_mount(f))
                return;

        g_free(world_startable(f, "versus-1"));
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        expect(f, "LayersInUse", "[('game', @u 1)]");
        world_import(f, "game");
        expect(f, "UpdatePending", "true");
        kill_and_start(f);
        expect(f, "LayersInUse", "[('game', @u 1)]");
        expect(f, "UpdatePending", "true");
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Restart", NULL));
        expect(f, "LayersInUse", "[('game', @u 2)]");
        g_variant_unref(call(f, PATH, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL));
}

static void add_tests(void) {
        fixture_add("/restart/store", test_store);
        fixture_add("/restart/running", test_running);
        fixture_add("/restart/meanwhile", test_meanwhile);
        fixture_add("/restart/during-start", test_during_start);
        fixture_add("/restart/during-stop", test_during_stop);
        fixture_add("/restart/during-delete", test_during_delete);
        fixture_add("/restart/during-rename", test_during_rename);
        fixture_add("/restart/during-import", test_during_import);
        fixture_add("/restart/autostart", test_autostart);
        fixture_add("/restart/boot", test_boot);
        fixture_add_stopped("/restart/foreign-database", test_foreign_database);
        fixture_add("/restart/newer-database", test_newer_database);
        fixture_add_stopped("/restart/bad-configuration", test_bad_configuration);
        fixture_add_stopped("/restart/without-systemd", test_without_systemd);
        fixture_add("/restart/mounted", test_mounted);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
