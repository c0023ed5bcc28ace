/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The signals: complete, in order, no more of them than changes. Every test of this folder ends with a comparison of what
 * signals told and what GetManagedObjects says; here is what that does not see. */

#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "world.h"

#define MANAGER LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE
#define SERVER "left4me-server@versus-1.service"
#define MOUNT "left4me-overlay@server-versus-1.service"

static guint count(Fixture *f, const char *member, const char *path, const char *property) {
        GPtrArray *signals = mirror_signals(f->mirror);
        guint n = 0;

        for (guint i = 0; i < signals->len; i++) {
                const MirrorSignal *s = g_ptr_array_index(signals, i);
                g_autoptr(GVariant) properties = NULL, value = NULL;

                if (!g_str_equal(s->member, member) || (path && !g_str_equal(s->path, path)))
                        continue;
                if (property) {
                        g_variant_get(s->body, "(s@a{sv}as)", NULL, &properties, NULL);
                        value = g_variant_lookup_value(properties, property, NULL);
                        if (!value)
                                continue;
                }
                n++;
        }

        return n;
}

/* A long day, heard by one who only listens. */
static void test_day(Fixture *f) {
        g_autofree char *a = NULL, *b = NULL, *job = NULL, *renamed = NULL;

        g_free(world_overlay(f, "game"));
        g_free(world_overlay(f, "maps"));
        a = world_instance(f, "versus-1", "game");
        b = world_take_path(
                call(f, a, LEFT4ME_INSTANCE_INTERFACE, "Clone", g_variant_new_parsed("('b', @a{sv} {})")));
        g_variant_unref(
                call(f, a, LEFT4ME_INSTANCE_INTERFACE, "SetOverlays", g_variant_new_parsed("(['maps'],)")));
        g_variant_unref(call(f, a, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        g_variant_unref(call(f, b, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        mirror_check(f->mirror);
        world_import(f, "maps");
        mirror_check(f->mirror);
        systemd_die(f->systemd, SERVER, (SystemdOutcome){ "signal", CLD_KILLED, SIGSEGV, true });
        systemd_auto_restart(f->systemd, SERVER, false);
        mirror_wait(f->mirror, a, LEFT4ME_INSTANCE_INTERFACE, "Restarts", "@u 1");
        mirror_check(f->mirror);
        g_variant_unref(call(f, b, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL));
        renamed = world_take_path(
                call(f, b, LEFT4ME_INSTANCE_INTERFACE, "Rename", g_variant_new("(s)", "c")));
        job = world_take_path(call(f, renamed, LEFT4ME_INSTANCE_INTERFACE, "Delete", NULL));
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        g_variant_unref(call(f, a, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL));
        mirror_check(f->mirror);
}

/* The news is there when the answer is. */
static void test_before_reply(Fixture *f) {
        g_autofree char *overlay = world_empty_overlay(f, "game"), *path = NULL, *job = NULL;

        g_assert_true(mirror_has(f->mirror, overlay));
        path = world_instance(f, "versus-1", "game");
        g_assert_true(mirror_has(f->mirror, path));
        g_variant_unref(
                call(f, path, LEFT4ME_INSTANCE_INTERFACE, "SetAutostart", g_variant_new("(b)", TRUE)));
        g_assert_true(
                g_variant_get_boolean(mirror_get(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "Autostart")));
        systemd_hold(f->systemd, "*", SYSTEMD_START);
        job = world_take_path(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Reset", NULL));
        g_assert_true(mirror_has(f->mirror, job));
        world_perform(f);
        systemd_wait_held(f->systemd, "left4me-tree@1.service", SYSTEMD_START);
        systemd_release(f->systemd, "left4me-tree@1.service");
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
}

/* Nothing is told that has not changed. */
static void test_no_noise(Fixture *f) {
        g_autofree char *path = NULL;

        g_free(world_overlay(f, "game"));
        path = world_instance(f, "versus-1", "game");
        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        fixture_ping(f);
        mirror_forget_signals(f->mirror);
        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        g_variant_unref(
                call(f, path, LEFT4ME_INSTANCE_INTERFACE, "SetAutostart", g_variant_new("(b)", FALSE)));
        g_variant_unref(call(
                f, path, LEFT4ME_INSTANCE_INTERFACE, "Configure", g_variant_new_parsed("(@a{sv} {},)")));
        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "GetStatistics", NULL));
        systemd_reload(f->systemd);
        fixture_ping(f);
        mirror_expect_silence(f->mirror);
}

/* Start and stop are a handful of signals, and each state is told once. */
static void test_start_stop(Fixture *f) {
        g_autofree char *path = NULL;

        g_free(world_overlay(f, "game"));
        path = world_instance(f, "versus-1", "game");
        mirror_forget_signals(f->mirror);
        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        g_assert_cmpuint(count(f, "PropertiesChanged", path, "ActiveState"), ==, 2);
        g_assert_cmpuint(count(f, "PropertiesChanged", path, "ActiveSince"), ==, 1);
        mirror_forget_signals(f->mirror);
        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL));
        g_assert_cmpuint(count(f, "PropertiesChanged", path, "ActiveState"), ==, 2);
        g_assert_cmpuint(mirror_signals(f->mirror)->len, <=, 6);
}

/* The pair of a rename: the old goes, the new comes, complete. */
static void test_rename(Fixture *f) {
        g_autofree char *path = world_server(f, "versus-1"), *renamed = NULL;

        world_perform(f);
        mirror_forget_signals(f->mirror);
        renamed = world_take_path(
                call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Rename", g_variant_new("(s)", "b")));
        g_assert_false(mirror_has(f->mirror, path));
        g_assert_true(mirror_has(f->mirror, renamed));
        g_assert_cmpuint(count(f, "InterfacesAdded", NULL, NULL), ==, 2); /* the job as well */
        g_assert_cmpuint(count(f, "InterfacesRemoved", NULL, NULL), ==, 1);
}

/* Two hundred jobs that ended are remembered; older ones go, with a signal. */
static void test_old_jobs(Fixture *f) {
        g_autofree char *path = world_server(f, "versus-1"), *gone = job_path(3), *kept = job_path(4);

        world_perform(f);
        for (guint i = 0; i < 203; i++) {
                g_autofree char *job = world_take_path(
                        call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Reset", NULL));

                g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        }
        mirror_wait_object(f->mirror, gone, false);
        g_assert_true(mirror_has(f->mirror, kept));
        call_refused(f, MANAGER, "GetJob", g_variant_new("(u)", 2), LEFT4ME_ERROR_NO_SUCH_JOB);
}

static void test_update_pending(Fixture *f) {
        g_autofree char *path = NULL;

        if (!world_mount(f))
                return;

        g_free(world_overlay(f, "game"));
        g_free(world_overlay(f, "maps"));
        path = world_instance(f, "versus-1", "game");
        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        mirror_wait(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "LayersInUse", "[('game', @u 1)]");
        g_assert_false(g_variant_get_boolean(
                mirror_get(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "UpdatePending")));
        world_import(f, "game");
        mirror_wait(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "UpdatePending", "true");
        mirror_wait(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "LayersInUse", "[('game', @u 1)]");
        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Restart", NULL));
        mirror_wait(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "UpdatePending", "false");
        g_variant_unref(call(
                f, path, LEFT4ME_INSTANCE_INTERFACE, "SetOverlays", g_variant_new_parsed("(['maps'],)")));
        mirror_wait(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "UpdatePending", "true");
        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL));
        mirror_wait(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "LayersInUse", "@a(su) []");
        mirror_wait(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "UpdatePending", "false");
}

static void add_tests(void) {
        fixture_add("/signals/day", test_day);
        fixture_add("/signals/before-reply", test_before_reply);
        fixture_add("/signals/no-noise", test_no_noise);
        fixture_add("/signals/start-stop", test_start_stop);
        fixture_add("/signals/rename", test_rename);
        fixture_add("/signals/old-jobs", test_old_jobs);
        fixture_add("/signals/update-pending", test_update_pending);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
