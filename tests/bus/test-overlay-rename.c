/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An overlay gets another name: stacks follow, versions stay, at whatever moment somebody dies. */

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "fixture.h"
#include "world.h"

#define MANAGER LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE
#define MAPS LEFT4ME_OVERLAY_PREFIX "/maps", LEFT4ME_OVERLAY_INTERFACE
#define ATLAS LEFT4ME_OVERLAY_PREFIX "/atlas", LEFT4ME_OVERLAY_INTERFACE
#define SERVER LEFT4ME_INSTANCE_PREFIX "/versus_2d1", LEFT4ME_INSTANCE_INTERFACE
#define OVERLAYS "var/lib/left4me/overlays/"
#define CFG "/left4dead2/cfg/"

static Call *begin_rename(Fixture *f) {
        return call_begin(f->client, MAPS, "Rename", g_variant_new("(s)", "atlas"));
}

static void refused(Fixture *f, const char *name, const char *error_name) {
        call_refused(f, MAPS, "Rename", g_variant_new("(s)", name), error_name);
}

static void expect_renamed(Fixture *f) {
        g_autofree char *cfg = NULL;

        mirror_wait_object(f->mirror, LEFT4ME_OVERLAY_PREFIX "/atlas", true);
        mirror_wait_object(f->mirror, LEFT4ME_OVERLAY_PREFIX "/maps", false);
        world_wait_idle(f);
        mirror_wait(f->mirror, ATLAS, "Name", "'atlas'");
        mirror_wait(f->mirror, ATLAS, "Current", "@u 2");
        mirror_wait(f->mirror, ATLAS, "KeepVersions", "@u 7");
        mirror_wait(f->mirror, ATLAS, "State", "'ready'");
        mirror_wait(f->mirror, ATLAS, "UsedBy", "['versus-1']");
        mirror_wait(f->mirror, SERVER, "Overlays", "['atlas']");
        mirror_wait(f->mirror, SERVER, "Held", "{'atlas': @u 1}");
        g_assert_cmpuint(g_variant_n_children(mirror_get(f->mirror, ATLAS, "Versions")), ==, 2);
        g_assert_false(fixture_exists(f, OVERLAYS "maps"));
        g_assert_true(fixture_exists(f, OVERLAYS "atlas/versions/1/srcds_run"));

        /* What servers execute by the overlay's name has the new one. */
        cfg = fixture_read(f, OVERLAYS "atlas/versions/2" CFG "server_atlas.cfg");
        g_assert_cmpstr(cfg, ==, "echo maps\n");
        g_assert_true(fixture_exists(f, OVERLAYS "atlas/versions/2" CFG "server.cfg"));
        g_assert_false(fixture_exists(f, OVERLAYS "atlas/versions/2" CFG "server_maps.cfg"));
}

static void put_on_stack(Fixture *f) {
        g_variant_unref(call(f, SERVER, "Configure",
                g_variant_new_parsed("({'Overlays': <['maps']>, 'Held': <{'maps': @u 1}>},)")));
}

static void set_up(Fixture *f) {
        g_free(world_overlay(f, "maps"));
        g_free(world_overlay(f, "game"));
        g_assert_cmpstr(world_put(f, "maps", "left4dead2/cfg/server.cfg", "echo maps\n", "@a{sv} {}"), ==,
                "succeeded");
        g_assert_true(fixture_exists(f, OVERLAYS "maps/versions/2" CFG "server_maps.cfg"));
        g_variant_unref(call(f, MAPS, "SetKeepVersions", g_variant_new("(u)", 7)));
        g_free(world_instance(f, "versus-1", "game"));
        put_on_stack(f);
}

/* One that waits for its step, which is job 4's. */
static Call *hold_rename(Fixture *f) {
        Call *renaming;

        set_up(f);
        systemd_hold(f->systemd, "left4me-tree@*", SYSTEMD_START);
        renaming = begin_rename(f);
        systemd_wait_held(f->systemd, "left4me-tree@4.service", SYSTEMD_START);
        return renaming;
}

static void test_rename(Fixture *f) {
        g_autofree char *path = NULL, *last = NULL, *before = NULL, *after = NULL;
        g_autoptr(GVariant) reply = NULL;

        set_up(f);
        refused(f, "game", LEFT4ME_ERROR_NAME_TAKEN);
        refused(f, "maps", LEFT4ME_ERROR_NAME_TAKEN);
        refused(f, "Atlas", LEFT4ME_ERROR_INVALID_ARGUMENT);
        refused(f, "", LEFT4ME_ERROR_INVALID_ARGUMENT);
        path = world_take_path(call_end(begin_rename(f)));
        g_assert_cmpstr(path, ==, LEFT4ME_OVERLAY_PREFIX "/atlas");
        expect_renamed(f);

        /* It lives on under this name; the old one is free. */
        before = mirror_print(f->mirror);
        fixture_kill(f);
        fixture_start(f);
        after = mirror_print(f->mirror);
        mirror_compare(before, after);
        g_assert_cmpstr(world_put(f, "atlas", "a", "a", "@a{sv} {}"), ==, "succeeded");
        mirror_wait(f->mirror, ATLAS, "Current", "@u 3");
        g_free(world_empty_overlay(f, "maps"));
}

/* Nothing else happens to it meanwhile, and nobody gets its name. */
static void test_meanwhile(Fixture *f) {
        Call *renaming = hold_rename(f);

        refused(f, "other", LEFT4ME_ERROR_BUSY);
        call_refused(f, MAPS, "Delete", NULL, LEFT4ME_ERROR_BUSY);
        call_refused(f, MAPS, "Rollback", g_variant_new("(u)", 1), LEFT4ME_ERROR_BUSY);
        call_refused(f, SERVER, "Start", NULL, LEFT4ME_ERROR_BUSY);
        call_refused(f, MANAGER, "CreateOverlay", g_variant_new_parsed("('atlas', 'files', @a{sv} {})"),
                LEFT4ME_ERROR_NAME_TAKEN);
        systemd_forget_rules(f->systemd);
        systemd_release(f->systemd, "left4me-tree@4.service");
        g_free(world_take_path(call_end(renaming)));
        expect_renamed(f);
}

static void test_in_use(Fixture *f) {
        Call *start;

        if (!world_mount(f))
                return;

        set_up(f);
        g_variant_unref(call(f, SERVER, "Start", NULL));
        refused(f, "atlas", LEFT4ME_ERROR_IN_USE);
        /* In no stack any more, but mounted. */
        g_variant_unref(call(f, SERVER, "SetOverlays", g_variant_new_parsed("(@as [],)")));
        refused(f, "atlas", LEFT4ME_ERROR_IN_USE);
        /* What has left the stack is held no longer. */
        mirror_wait(f->mirror, SERVER, "Held", "@a{su} {}");
        put_on_stack(f);
        g_variant_unref(call(f, SERVER, "Stop", NULL));

        /* Chosen, and about to be mounted. */
        systemd_hold(f->systemd, "left4me-overlay@server-versus-1.service", SYSTEMD_START);
        start = call_begin(f->client, SERVER, "Start", NULL);
        systemd_wait_held(f->systemd, "left4me-overlay@server-versus-1.service", SYSTEMD_START);
        refused(f, "atlas", LEFT4ME_ERROR_IN_USE);
        systemd_forget_rules(f->systemd);
        systemd_release(f->systemd, "left4me-overlay@server-versus-1.service");
        g_variant_unref(call_end(start));
        g_variant_unref(call(f, SERVER, "Stop", NULL));
        g_free(world_take_path(call_end(begin_rename(f))));
        expect_renamed(f);
        g_variant_unref(call(f, SERVER, "Start", NULL));
        mirror_wait(f->mirror, SERVER, "LayersInUse", "[('atlas', @u 1), ('game', 1)]");
        g_variant_unref(call(f, SERVER, "Stop", NULL));
}

/* Killed before the files have moved, and after: it is finished. */
static void test_crash(Fixture *f) {
        Call *renaming = hold_rename(f);

        fixture_kill(f);
        call_free(renaming);
        systemd_forget_rules(f->systemd);
        systemd_release(f->systemd, "left4me-tree@4.service");
        g_assert_true(fixture_exists(f, OVERLAYS "atlas/versions/1/srcds_run"));
        fixture_start(f);
        expect_renamed(f);
}

static void test_crash_before(Fixture *f) {
        Call *renaming = hold_rename(f);

        fixture_kill(f);
        call_free(renaming);
        systemd_forget_rules(f->systemd);
        systemd_release_with(
                f->systemd, "left4me-tree@4.service", (SystemdOutcome){ "signal", CLD_KILLED, 15, false });
        g_assert_true(fixture_exists(f, OVERLAYS "maps/versions/1/srcds_run"));
        fixture_start(f);
        expect_renamed(f);
}

/* The step failed: when nothing has moved, nothing has changed; when it has, it counts. */
static void test_fails(Fixture *f) {
        g_autofree char *from = NULL, *to = NULL;
        Call *renaming;

        set_up(f);
        systemd_fail(f->systemd, "left4me-tree@*", SYSTEMD_START,
                (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        call_end_refused(begin_rename(f), LEFT4ME_ERROR_JOB_FAILED);
        mirror_wait(f->mirror, MAPS, "State", "'ready'");
        g_assert_true(fixture_exists(f, OVERLAYS "maps/versions/2/srcds_run"));
        systemd_forget_rules(f->systemd);

        systemd_hold(f->systemd, "left4me-tree@*", SYSTEMD_START);
        renaming = begin_rename(f);
        systemd_wait_held(f->systemd, "left4me-tree@5.service", SYSTEMD_START);
        from = fixture_path(f, OVERLAYS "maps");
        to = fixture_path(f, OVERLAYS "atlas");
        g_assert_cmpint(rename(from, to), ==, 0);
        systemd_release_with(
                f->systemd, "left4me-tree@5.service", (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        systemd_forget_rules(f->systemd);
        g_free(world_take_path(call_end(renaming)));
        mirror_wait(f->mirror, ATLAS, "Current", "@u 2");
}

/* What its builds install goes with it. */
static void test_steam(Fixture *f) {
        const char *from = LEFT4ME_OVERLAY_PREFIX "/l4d2", *to = LEFT4ME_OVERLAY_PREFIX "/game";

        g_variant_unref(call(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "CreateOverlay",
                g_variant_new_parsed("('l4d2', 'steam', @a{sv} {})")));
        g_variant_unref(
                call(f, from, LEFT4ME_OVERLAY_INTERFACE, "SetApp", g_variant_new("(us)", 7, "beta")));
        g_variant_unref(call(f, from, LEFT4ME_OVERLAY_INTERFACE, "Rename", g_variant_new("(s)", "game")));
        mirror_wait(f->mirror, to, LEFT4ME_OVERLAY_INTERFACE, "App", "@u 7");
        mirror_wait(f->mirror, to, LEFT4ME_OVERLAY_INTERFACE, "Branch", "'beta'");
}

static void add_tests(void) {
        fixture_add("/overlay-rename/rename", test_rename);
        fixture_add("/overlay-rename/meanwhile", test_meanwhile);
        fixture_add("/overlay-rename/in-use", test_in_use);
        fixture_add("/overlay-rename/crash", test_crash);
        fixture_add("/overlay-rename/crash-before", test_crash_before);
        fixture_add("/overlay-rename/fails", test_fails);
        fixture_add("/overlay-rename/steam", test_steam);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
