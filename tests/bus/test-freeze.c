/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a server wrote becomes an overlay. The real left4me-tree does the work. */

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fixture.h"
#include "world.h"

#define SERVER LEFT4ME_INSTANCE_PREFIX "/versus_2d1", LEFT4ME_INSTANCE_INTERFACE
#define SAVED LEFT4ME_OVERLAY_PREFIX "/saved"
#define UPPER "var/lib/left4me/uppers/versus-1/upper/"
#define VERSION "var/lib/left4me/overlays/saved/versions/1/"

static void set_up(Fixture *f) {
        world_perform(f);
        g_free(world_overlay(f, "game"));
        g_free(world_instance(f, "versus-1", "game"));
        fixture_write(f, UPPER "left4dead2/cfg/banned_user.cfg", "banid 0 STEAM_1:0:1\n");
        fixture_write(f, UPPER "left4dead2/cfg/server.cfg", "");
        fixture_write(f, UPPER "left4dead2/cfg/left4me.cfg", "");
        fixture_write(f, UPPER "left4dead2/addons/sourcemod/data/a.txt", "data");
        fixture_write(f, UPPER "left4dead2/addons/sourcemod/logs/errors.txt", "errors");
        fixture_write(f, UPPER "left4dead2/logs/L1.log", "log");
        fixture_write(f, UPPER "left4dead2/console.log", "log");
        fixture_write(f, UPPER "core.4711", "core");
}

static char *begin_freeze(Fixture *f, const char *options) {
        g_autoptr(GVariant) parsed = g_variant_ref_sink(g_variant_new_parsed(options));

        return world_take_path(call(f, SERVER, "Freeze", g_variant_new("(s@a{sv})", "saved", parsed)));
}

static void freeze(Fixture *f, const char *options, const char *state) {
        g_autofree char *job = begin_freeze(f, options);

        g_assert_cmpstr(world_wait_job(f, job), ==, state);
        g_assert_false(fixture_exists(f, "var/lib/left4me/builds/2"));
}

static void expect_overlay(Fixture *f, const char *property, const char *value) {
        mirror_wait(f->mirror, SAVED, LEFT4ME_OVERLAY_INTERFACE, property, value);
}

static void test_freeze(Fixture *f) {
        g_autofree char *text = NULL, *path = NULL;

        set_up(f);
        freeze(f, "@a{sv} {}", "succeeded");
        expect_overlay(f, "Kind", "'files'");
        expect_overlay(f, "State", "'ready'");
        expect_overlay(f, "Current", "@u 1");
        g_assert_true(fixture_exists(f, VERSION "left4dead2/addons/sourcemod/data/a.txt"));
        g_assert_false(fixture_exists(f, VERSION "left4dead2/addons/sourcemod/logs"));
        g_assert_false(fixture_exists(f, VERSION "left4dead2/logs"));
        g_assert_false(fixture_exists(f, VERSION "left4dead2/console.log"));
        g_assert_false(fixture_exists(f, VERSION "left4dead2/cfg/server.cfg"));
        g_assert_false(fixture_exists(f, VERSION "left4dead2/cfg/left4me.cfg"));
        g_assert_false(fixture_exists(f, VERSION "core.4711"));

        /* A copy: what the server writes from now on does not get into the version. */
        fixture_write(f, UPPER "left4dead2/cfg/banned_user.cfg", "changed");
        path = fixture_path(f, VERSION "left4dead2/cfg/banned_user.cfg");
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "banid 0 STEAM_1:0:1\n");
        g_assert_true(fixture_exists(f, UPPER "left4dead2/logs/L1.log"));

        /* An overlay like any other. */
        g_assert_cmpstr(world_put(f, "saved", "a", "b", "@a{sv} {}"), ==, "succeeded");
        expect_overlay(f, "Current", "@u 2");
        fixture_kill(f);
        fixture_start(f);
        expect_overlay(f, "Current", "@u 2");
}

static void test_everything(Fixture *f) {
        set_up(f);
        freeze(f, "{'Everything': <true>}", "succeeded");
        g_assert_true(fixture_exists(f, VERSION "left4dead2/logs/L1.log"));
        g_assert_true(fixture_exists(f, VERSION "left4dead2/console.log"));
        g_assert_true(fixture_exists(f, VERSION "core.4711"));
        g_assert_false(fixture_exists(f, VERSION "left4dead2/cfg/server.cfg"));
}

static void test_nothing(Fixture *f) {
        world_perform(f);
        g_free(world_overlay(f, "game"));
        g_free(world_instance(f, "versus-1", "game"));
        freeze(f, "@a{sv} {}", "failed");
        fixture_write(f, UPPER "left4dead2/logs/L1.log", "log");
        freeze(f, "@a{sv} {}", "failed");
        g_assert_false(mirror_has(f->mirror, SAVED));
        g_assert_false(fixture_exists(f, "var/lib/left4me/overlays/saved"));
}

/* What it could not keep is said where the job says what it made. */
static void test_remade(Fixture *f) {
        g_autofree char *path = NULL, *second = NULL, *job = NULL;

        set_up(f);
        path = fixture_path(f, UPPER "left4dead2/addons/sourcemod");
        if (setxattr(path, "user.overlay.opaque", "y", 1, 0) < 0) {
                g_test_skip("no extended attributes here");
                return;
        }

        job = begin_freeze(f, "@a{sv} {}");
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        mirror_wait(f->mirror, job, LEFT4ME_JOB_INTERFACE, "Message",
                "'overlay saved: 2 files; a directory that the server had removed and made again joins with those of other layers'");
        expect_overlay(f, "Current", "@u 1");

        g_free(world_take_path(call(f, SAVED, LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL)));
        world_wait_idle(f);
        second = fixture_path(f, UPPER "left4dead2/addons");
        g_assert_cmpint(setxattr(second, "user.overlay.opaque", "y", 1, 0), ==, 0);
        g_free(job);
        job = begin_freeze(f, "@a{sv} {}");
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        mirror_wait(f->mirror, job, LEFT4ME_JOB_INTERFACE, "Message",
                "'overlay saved: 2 files; 2 directories that the server had removed and made again join with those of other layers'");
}

/* Traps for whoever copies. */
static void test_hostile(Fixture *f) {
        g_autofree char *pipe = NULL, *link = NULL, *removed = NULL;

        set_up(f);
        pipe = fixture_path(f, UPPER "left4dead2/pipe");
        g_assert_cmpint(mkfifo(pipe, 0666), ==, 0);
        removed = fixture_path(f, UPPER "left4dead2/removed");
        if (mknod(removed, S_IFCHR, makedev(0, 0)) < 0)
                g_test_message("no whiteout here");
        freeze(f, "@a{sv} {}", "succeeded");
        g_assert_false(fixture_exists(f, VERSION "left4dead2/pipe"));
        g_assert_false(fixture_exists(f, VERSION "left4dead2/removed"));

        g_free(world_take_path(call(f, SAVED, LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL)));
        world_wait_idle(f);
        link = fixture_path(f, UPPER "left4dead2/passwd");
        g_assert_cmpint(symlink("/etc/passwd", link), ==, 0);
        freeze(f, "@a{sv} {}", "failed");
        g_assert_false(mirror_has(f->mirror, SAVED));
        g_assert_false(fixture_exists(f, "var/lib/left4me/overlays/saved"));
}

static void refuse(Fixture *f, const char *arguments, const char *error_name) {
        call_refused(f, SERVER, "Freeze", g_variant_new_parsed(arguments), error_name);
}

static void test_refused(Fixture *f) {
        g_autofree char *job = NULL;

        set_up(f);
        refuse(f, "('game', @a{sv} {})", LEFT4ME_ERROR_NAME_TAKEN);
        refuse(f, "('No', @a{sv} {})", LEFT4ME_ERROR_INVALID_ARGUMENT);
        refuse(f, "('saved', {'Colour': <'red'>})", LEFT4ME_ERROR_INVALID_ARGUMENT);

        systemd_hold(f->systemd, "left4me-tree@*", SYSTEMD_START);
        job = begin_freeze(f, "@a{sv} {}");
        systemd_wait_held(f->systemd, "left4me-tree@2.service", SYSTEMD_START);
        refuse(f, "('other', @a{sv} {})", LEFT4ME_ERROR_BUSY);
        call_refused(f, SERVER, "Start", NULL, LEFT4ME_ERROR_BUSY);
        call_refused(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "CreateOverlay",
                g_variant_new_parsed("('saved', 'files', @a{sv} {})"), LEFT4ME_ERROR_NAME_TAKEN);
        systemd_forget_rules(f->systemd);
        systemd_release(f->systemd, "left4me-tree@2.service");
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
}

/* A restart of left4med in the middle, whatever it has left: it is done anew, and as it was asked for. */
static void restart(Fixture *f, const char *options, bool logs) {
        g_autofree char *job = NULL;

        set_up(f);
        systemd_hold(f->systemd, "left4me-tree@*", SYSTEMD_START);
        job = begin_freeze(f, options);
        systemd_wait_held(f->systemd, "left4me-tree@2.service", SYSTEMD_START);
        call_refused(f, SERVER, "Start", NULL, LEFT4ME_ERROR_BUSY);
        fixture_write(f, "var/lib/left4me/builds/2/upper/half", "");
        fixture_write(f, VERSION "half", "");
        fixture_kill(f);
        systemd_forget_rules(f->systemd);
        fixture_start(f);
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        world_wait_idle(f);
        expect_overlay(f, "Current", "@u 1");
        g_assert_true(fixture_exists(f, VERSION "left4dead2/addons/sourcemod/data/a.txt"));
        g_assert_false(fixture_exists(f, VERSION "half"));
        g_assert_cmpint(fixture_exists(f, VERSION "left4dead2/console.log"), ==, logs);
        g_assert_false(fixture_exists(f, "var/lib/left4me/builds/2"));
        g_free(world_take_path(call(f, SERVER, "Delete", NULL)));
        world_wait_idle(f);
}

static void test_restart(Fixture *f) {
        restart(f, "@a{sv} {}", false);
}

static void test_restart_everything(Fixture *f) {
        restart(f, "{'Everything': <true>}", true);
}

/* The next start of left4med finds it waiting: the name is still promised. */
static void test_restart_queued(Fixture *f) {
        g_autofree char *job = NULL;

        set_up(f);
        systemd_hold(f->systemd, "left4me-tree@*", SYSTEMD_START);
        job = begin_freeze(f, "@a{sv} {}");
        systemd_wait_held(f->systemd, "left4me-tree@2.service", SYSTEMD_START);
        fixture_kill(f);
        fixture_start(f);
        systemd_wait_held(f->systemd, "left4me-tree@2.service", SYSTEMD_START);
        call_refused(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "CreateOverlay",
                g_variant_new_parsed("('saved', 'files', @a{sv} {})"), LEFT4ME_ERROR_NAME_TAKEN);
        call_refused(f, SERVER, "Start", NULL, LEFT4ME_ERROR_BUSY);
        systemd_forget_rules(f->systemd);
        systemd_release(f->systemd, "left4me-tree@2.service");
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
}

/* No copy, no overlay. */
static void test_step_fails(Fixture *f) {
        set_up(f);
        systemd_fail(f->systemd, "left4me-tree@2.service", SYSTEMD_START,
                (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        freeze(f, "@a{sv} {}", "failed");
        g_assert_false(mirror_has(f->mirror, SAVED));
        fixture_ping(f);
}

static void add_tests(void) {
        fixture_add("/freeze/freeze", test_freeze);
        fixture_add("/freeze/everything", test_everything);
        fixture_add("/freeze/nothing", test_nothing);
        fixture_add("/freeze/remade", test_remade);
        fixture_add("/freeze/hostile", test_hostile);
        fixture_add("/freeze/refused", test_refused);
        fixture_add("/freeze/restart", test_restart);
        fixture_add("/freeze/restart-everything", test_restart_everything);
        fixture_add("/freeze/restart-queued", test_restart_queued);
        fixture_add("/freeze/step-fails", test_step_fails);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
