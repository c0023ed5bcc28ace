/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Versions come, are rolled back to, and go. */

#include <string.h>
#include <sys/wait.h>

#include "fixture.h"
#include "world.h"

#define MAPS LEFT4ME_OVERLAY_PREFIX "/maps", LEFT4ME_OVERLAY_INTERFACE
#define SERVER LEFT4ME_INSTANCE_PREFIX "/versus_2d1", LEFT4ME_INSTANCE_INTERFACE
#define MOUNT_UNIT "left4me-overlay@server-versus-1.service"
#define SERVER_UNIT "left4me-server@versus-1.service"
#define VERSIONS "var/lib/left4me/overlays/maps/versions/"

static void rollback(Fixture *f, guint32 version) {
        g_variant_unref(call(f, MAPS, "Rollback", g_variant_new("(u)", version)));
}

static void keep(Fixture *f, guint32 number) {
        g_variant_unref(call(f, MAPS, "SetKeepVersions", g_variant_new("(u)", number)));
}

/* The overlay "maps" with versions 1 to n. */
static void make_versions(Fixture *f, guint n) {
        g_free(world_overlay(f, "maps"));
        for (guint i = 1; i < n; i++)
                world_import(f, "maps");
}

static char *list_versions(Fixture *f) {
        GVariant *versions = mirror_get(f->mirror, MAPS, "Versions");
        GString *text = g_string_new(NULL);
        GVariantIter iter;
        guint32 number;

        g_variant_iter_init(&iter, versions);
        while (g_variant_iter_next(&iter, "(uttts)", &number, NULL, NULL, NULL, NULL))
                g_string_append_printf(text, "%s%u", text->len > 0 ? " " : "", number);

        return g_string_free(text, FALSE);
}

typedef struct VersionsWait {
        Fixture *fixture;
        const char *want;
} VersionsWait;

static bool are_there(void *data) {
        VersionsWait *wait = data;
        g_autofree char *now = list_versions(wait->fixture);
        g_auto(GStrv) numbers = g_strsplit(wait->want, " ", -1);

        for (guint i = 1; i < 12; i++) {
                g_autofree char *number = g_strdup_printf("%u", i),
                                *path = g_strdup_printf(VERSIONS "%u/srcds_run", i),
                                *info = g_strdup_printf(VERSIONS "%u.info", i);
                bool wanted = g_strv_contains((const char *const *) numbers, number);

                if (fixture_exists(wait->fixture, path) != wanted ||
                        fixture_exists(wait->fixture, info) != wanted)
                        return false;
        }

        return g_str_equal(now, wait->want);
}

/* Waits until there are these versions, on the bus and on the disk, and no others; and for whatever is under way. */
static void expect_versions(Fixture *f, const char *want) {
        g_autofree char *what = g_strdup_printf("the versions %s", want);
        VersionsWait wait = { f, want };

        loop_until(are_there, &wait, what);
        world_wait_idle(f);
        fixture_ping(f);
        g_assert_true(are_there(&wait));
}

static void test_rollback(Fixture *f) {
        g_autoptr(GBytes) archive = world_archive_of("late", "late");
        g_autofree char *job = NULL;
        int pipe;

        make_versions(f, 3);
        mirror_wait(f->mirror, MAPS, "Current", "@u 3");
        rollback(f, 1);
        mirror_wait(f->mirror, MAPS, "Current", "@u 1");
        rollback(f, 1);
        call_refused(f, MAPS, "Rollback", g_variant_new("(u)", 4), LEFT4ME_ERROR_NO_SUCH_VERSION);
        call_refused(f, MAPS, "Rollback", g_variant_new("(u)", 0), LEFT4ME_ERROR_NO_SUCH_VERSION);
        call_refused(f, MAPS, "Rollback", g_variant_new("(u)", G_MAXUINT32), LEFT4ME_ERROR_NO_SUCH_VERSION);
        expect_versions(f, "1 2 3");

        /* It is stored. */
        fixture_kill(f);
        fixture_start(f);
        mirror_wait(f->mirror, MAPS, "Current", "@u 1");

        /* A build begins with what is current, and gets a number of its own. Until it has ended nothing else may become current. */
        job = world_begin_import(f, "maps", "@a{sv} {}", &pipe);
        call_refused(f, MAPS, "Rollback", g_variant_new("(u)", 2), LEFT4ME_ERROR_BUSY);
        g_assert_cmpint(world_write(pipe, archive), ==, 0);
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        mirror_wait(f->mirror, MAPS, "Current", "@u 4");
        expect_versions(f, "2 3 4");
        g_assert_true(fixture_exists(f, VERSIONS "4/late"));
        g_assert_true(fixture_exists(f, VERSIONS "2/news-2"));
        g_assert_false(fixture_exists(f, VERSIONS "4/news-2"));
}

/* A running server keeps what it has, and is told that a restart would change it. */
static void test_rollback_running(Fixture *f) {
        g_autofree char *instance = NULL;

        if (!world_mount(f))
                return;

        make_versions(f, 2);
        instance = world_instance(f, "versus-1", "maps");
        g_variant_unref(call(f, SERVER, "Start", NULL));
        mirror_wait(f->mirror, SERVER, "LayersInUse", "[('maps', @u 2)]");
        mirror_wait(f->mirror, SERVER, "UpdatePending", "false");
        rollback(f, 1);
        mirror_wait(f->mirror, SERVER, "UpdatePending", "true");
        mirror_wait(f->mirror, SERVER, "LayersInUse", "[('maps', @u 2)]");
        rollback(f, 2);
        mirror_wait(f->mirror, SERVER, "UpdatePending", "false");
        rollback(f, 1);
        g_variant_unref(call(f, SERVER, "Restart", NULL));
        mirror_wait(f->mirror, SERVER, "LayersInUse", "[('maps', @u 1)]");
        g_variant_unref(call(f, SERVER, "Stop", NULL));
}

static void test_keep(Fixture *f) {
        make_versions(f, 5);
        mirror_wait(f->mirror, MAPS, "KeepVersions", "@u 3");
        expect_versions(f, "3 4 5");
        keep(f, 4);
        mirror_wait(f->mirror, MAPS, "KeepVersions", "@u 4");
        world_import(f, "maps");
        expect_versions(f, "3 4 5 6");
        fixture_stop(f);
        fixture_start(f);
        mirror_wait(f->mirror, MAPS, "KeepVersions", "@u 4");
        keep(f, 2);
        expect_versions(f, "5 6");
        call_refused(f, MAPS, "SetKeepVersions", g_variant_new("(u)", 0), LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, MAPS, "SetKeepVersions", g_variant_new("(u)", 101), LEFT4ME_ERROR_INVALID_ARGUMENT);
        keep(f, 100);
        expect_versions(f, "5 6");

        /* What went never comes back under the same number. */
        keep(f, 1);
        world_import(f, "maps");
        expect_versions(f, "7");
}

/* The current version stays, however old it is, until another one is. */
static void test_keep_current(Fixture *f) {
        make_versions(f, 3);
        rollback(f, 1);
        keep(f, 1);
        expect_versions(f, "1 3");
        call_refused(f, MAPS, "Rollback", g_variant_new("(u)", 2), LEFT4ME_ERROR_NO_SUCH_VERSION);
        rollback(f, 3);
        expect_versions(f, "3");
}

static void test_keep_mounted(Fixture *f) {
        g_autofree char *instance = NULL;

        if (!world_mount(f))
                return;

        make_versions(f, 1);
        instance = world_instance(f, "versus-1", "maps");
        keep(f, 1);
        g_variant_unref(call(f, SERVER, "Start", NULL));
        world_import(f, "maps");
        expect_versions(f, "1 2");
        world_import(f, "maps");
        expect_versions(f, "1 3");

        /* Neither a restart of the manager makes it go, nor a crash of the server. */
        fixture_kill(f);
        fixture_start(f);
        expect_versions(f, "1 3");
        systemd_die(f->systemd, SERVER_UNIT, (SystemdOutcome){ "signal", CLD_KILLED, 11, true });
        systemd_auto_restart(f->systemd, SERVER_UNIT, false);
        mirror_wait(f->mirror, SERVER, "Restarts", "@u 1");
        expect_versions(f, "1 3");
        g_variant_unref(call(f, SERVER, "Stop", NULL));
        expect_versions(f, "3");
}

static void hold(Fixture *f, guint32 version) {
        g_variant_unref(
                call(f, SERVER, "Configure", g_variant_new_parsed("({'Hold': <{'maps': %u}>},)", version)));
}

/* A server stays at a version that is not the current one, and the version stays, too. */
static void test_held(Fixture *f) {
        make_versions(f, 2);
        g_free(world_instance(f, "versus-1", "maps"));
        call_refused(f, SERVER, "Configure", g_variant_new_parsed("({'Hold': <{'maps': @u 9}>},)"),
                LEFT4ME_ERROR_NO_SUCH_VERSION);
        call_refused(f, SERVER, "Configure", g_variant_new_parsed("({'Held': <{'other': @u 1}>},)"),
                LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, SERVER, "Configure", g_variant_new_parsed("({'Held': <{'maps': @u 0}>},)"),
                LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, SERVER, "Configure", g_variant_new_parsed("({'Held': <{'maps': '1'}>},)"),
                LEFT4ME_ERROR_INVALID_ARGUMENT);
        mirror_wait(f->mirror, SERVER, "Held", "@a{su} {}");

        hold(f, 1);
        mirror_wait(f->mirror, SERVER, "Held", "{'maps': @u 1}");
        keep(f, 1);
        expect_versions(f, "1 2");
        world_import(f, "maps");
        expect_versions(f, "1 3");
        fixture_kill(f);
        fixture_start(f);
        mirror_wait(f->mirror, SERVER, "Held", "{'maps': @u 1}");
        world_import(f, "maps");
        expect_versions(f, "1 4");

        hold(f, 0);
        mirror_wait(f->mirror, SERVER, "Held", "@a{su} {}");
        expect_versions(f, "4");
}

static void test_held_running(Fixture *f) {
        if (!world_mount(f))
                return;

        make_versions(f, 2);
        g_free(world_instance(f, "versus-1", "maps"));
        hold(f, 1);
        g_variant_unref(call(f, SERVER, "Start", NULL));
        mirror_wait(f->mirror, SERVER, "LayersInUse", "[('maps', @u 1)]");
        mirror_wait(f->mirror, SERVER, "UpdatePending", "false");
        hold(f, 2);
        mirror_wait(f->mirror, SERVER, "UpdatePending", "true");
        rollback(f, 1);
        hold(f, 0);
        mirror_wait(f->mirror, SERVER, "UpdatePending", "false");
        g_variant_unref(call(f, SERVER, "Stop", NULL));
}

/* A start that has chosen version 1 and waits for the mount, while version 2 is made; one is to be kept. */
static Call *start_chosen(Fixture *f) {
        Call *start;

        make_versions(f, 1);
        g_free(world_instance(f, "versus-1", "maps"));
        keep(f, 1);
        systemd_hold(f->systemd, MOUNT_UNIT, SYSTEMD_START);
        start = call_begin(f->client, SERVER, "Start", NULL);
        systemd_wait_held(f->systemd, MOUNT_UNIT, SYSTEMD_START);
        world_import(f, "maps");
        expect_versions(f, "1 2");
        return start;
}

/* From the choice of a stack to its mount nothing of it goes. */
static void test_keep_chosen(Fixture *f) {
        Call *start;

        if (!world_mount(f))
                return;

        start = start_chosen(f);
        fixture_kill(f);
        call_free(start);
        fixture_start(f);
        world_import(f, "maps");
        expect_versions(f, "1 3");
        systemd_forget_rules(f->systemd);
        systemd_release(f->systemd, MOUNT_UNIT);
        mirror_wait(f->mirror, SERVER, "ActiveState", "'active'");
        mirror_wait(f->mirror, SERVER, "LayersInUse", "[('maps', @u 1)]");
        expect_versions(f, "1 3");
        g_variant_unref(call(f, SERVER, "Stop", NULL));
        expect_versions(f, "3");
}

/* A stack that was chosen and never mounted holds nothing. */
static void test_start_fails(Fixture *f) {
        Call *start = start_chosen(f);

        systemd_release_with(f->systemd, MOUNT_UNIT, (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        call_end_refused(start, LEFT4ME_ERROR_START_FAILED);
        expect_versions(f, "2");
}

/* Killed with the removal under way: the versions are gone for good, and so are their files. */
static void test_crash(Fixture *f) {
        make_versions(f, 3);
        systemd_hold(f->systemd, "left4me-tree@*", SYSTEMD_START);
        keep(f, 1);
        systemd_wait_held(f->systemd, "left4me-tree@4.service", SYSTEMD_START);
        g_assert_true(fixture_exists(f, VERSIONS "1/srcds_run"));
        fixture_kill(f);
        systemd_forget_rules(f->systemd);
        systemd_release_with(
                f->systemd, "left4me-tree@4.service", (SystemdOutcome){ "signal", CLD_KILLED, 15, false });
        fixture_start(f);
        expect_versions(f, "3");
}

/* The removal failed: at the next occasion it is tried again. */
static void test_clean_fails(Fixture *f) {
        make_versions(f, 3);
        systemd_fail(f->systemd, "left4me-tree@4.service", SYSTEMD_START,
                (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        keep(f, 1);
        world_wait_idle(f);
        g_assert_true(fixture_exists(f, VERSIONS "1/srcds_run"));
        world_import(f, "maps");
        expect_versions(f, "4");
}

/* An overlay is not deleted while old versions of it are removed, but right after. */
static void test_clean_and_delete(Fixture *f) {
        g_autofree char *job = NULL;

        make_versions(f, 2);
        systemd_hold(f->systemd, "left4me-tree@3.service", SYSTEMD_START);
        keep(f, 1);
        systemd_wait_held(f->systemd, "left4me-tree@3.service", SYSTEMD_START);
        job = world_take_path(call(f, MAPS, "Delete", NULL));
        fixture_ping(f);
        mirror_wait(f->mirror, job, LEFT4ME_JOB_INTERFACE, "State", "'queued'");
        systemd_forget_rules(f->systemd);
        systemd_release(f->systemd, "left4me-tree@3.service");
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        g_assert_false(fixture_exists(f, "var/lib/left4me/overlays/maps"));
}

static void add_tests(void) {
        fixture_add("/versions/rollback", test_rollback);
        fixture_add("/versions/rollback/running", test_rollback_running);
        fixture_add("/versions/keep", test_keep);
        fixture_add("/versions/keep/current", test_keep_current);
        fixture_add("/versions/keep/mounted", test_keep_mounted);
        fixture_add("/versions/keep/chosen", test_keep_chosen);
        fixture_add("/versions/held", test_held);
        fixture_add("/versions/held/running", test_held_running);
        fixture_add("/versions/keep/start-fails", test_start_fails);
        fixture_add("/versions/crash", test_crash);
        fixture_add("/versions/clean-fails", test_clean_fails);
        fixture_add("/versions/clean-and-delete", test_clean_and_delete);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
