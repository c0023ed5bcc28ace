/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Overlays and the jobs that fill and remove them. The real left4me-build and left4me-tree do the work. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "world.h"

#define MANAGER LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE
#define MAPS LEFT4ME_OVERLAY_PREFIX "/maps"

static void expect(Fixture *f, const char *property, const char *value) {
        mirror_wait(f->mirror, MAPS, LEFT4ME_OVERLAY_INTERFACE, property, value);
}

static void expect_job(Fixture *f, const char *job, const char *property, const char *value) {
        mirror_wait(f->mirror, job, LEFT4ME_JOB_INTERFACE, property, value);
}

static GVariant *job_property(Fixture *f, const char *job, const char *property) {
        return mirror_get(f->mirror, job, LEFT4ME_JOB_INTERFACE, property);
}

static guint64 job_time(Fixture *f, const char *job, const char *property) {
        return g_variant_get_uint64(job_property(f, job, property));
}

static void test_create(Fixture *f) {
        g_autofree char *path = world_empty_overlay(f, "maps");
        g_autoptr(GVariant) reply = NULL;
        g_autofree char *text = NULL;

        expect(f, "Name", "'maps'");
        expect(f, "Kind", "'files'");
        expect(f, "State", "'empty'");
        expect(f, "Current", "@u 0");
        expect(f, "Versions", "@a(uttts) []");
        expect(f, "UsedBy", "@as []");
        expect(f, "LastJob", "@o '/'");
        call_refused(f, MANAGER, "CreateOverlay", g_variant_new_parsed("('maps', 'files', @a{sv} {})"),
                LEFT4ME_ERROR_NAME_TAKEN);
        call_refused(f, MANAGER, "CreateOverlay", g_variant_new_parsed("('other', 'magic', @a{sv} {})"),
                LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, MANAGER, "CreateOverlay",
                g_variant_new_parsed("('other', 'files', {'Colour': <'red'>})"),
                LEFT4ME_ERROR_INVALID_ARGUMENT);
        reply = call(f, MANAGER, "ListOverlays", NULL);
        text = g_variant_print(reply, FALSE);
        g_assert_cmpstr(text, ==, "([('maps', 'files', 'empty', 0, 0, 0, '" MAPS "')],)");
        g_assert_cmpstr(path, ==, MAPS);
}

static void expect_version(
        Fixture *f, guint index, guint32 number, guint64 size, guint64 files, const char *label) {
        GVariant *versions = mirror_get(f->mirror, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Versions");
        guint32 is_number;
        guint64 is_size, is_files, made;
        const char *is_label;

        g_assert_cmpuint(g_variant_n_children(versions), >, index);
        g_variant_get_child(versions, index, "(uttt&s)", &is_number, &made, &is_size, &is_files, &is_label);
        g_assert_cmpuint(is_number, ==, number);
        g_assert_cmpuint(is_size, ==, size);
        g_assert_cmpuint(is_files, ==, files);
        g_assert_cmpstr(is_label, ==, label);
        g_assert_cmpuint(made, >, (guint64) g_get_real_time() - 60 * G_USEC_PER_SEC);
}

static void test_import(Fixture *f) {
        g_autoptr(GBytes) archive = world_archive();
        g_autofree char *job = NULL, *last = NULL, *content = NULL;
        int pipe;

        g_free(world_empty_overlay(f, "maps"));
        world_perform(f);
        systemd_hold(f->systemd, "left4me-tree@*", SYSTEMD_START);
        job = world_begin_import(f, "maps", "{'Label': <'first'>, 'Size': <@t 4096>}", &pipe);
        g_assert_cmpuint(g_bytes_get_size(archive), ==, 4096);
        last = g_strdup_printf("@o '%s'", job);
        expect(f, "State", "'building'");
        expect(f, "LastJob", last);
        expect_job(f, job, "State", "'running'");
        expect_job(f, job, "Kind", "'import'");
        expect_job(f, job, "Subject", "'maps'");
        g_assert_cmpuint(job_time(f, job, "Queued"), >, 0);
        g_assert_cmpuint(job_time(f, job, "Started"), >=, job_time(f, job, "Queued"));
        g_assert_cmpuint(job_time(f, job, "Finished"), ==, 0);
        expect_job(f, job, "ExitStatus", "-1");
        call_refused(f, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Import", g_variant_new_parsed("(@a{sv} {},)"),
                LEFT4ME_ERROR_BUSY);
        call_refused(f, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL, LEFT4ME_ERROR_BUSY);

        g_assert_cmpint(world_write(pipe, archive), ==, 0);
        systemd_wait_held(f->systemd, "left4me-tree@1.service", SYSTEMD_START);
        /* Until the commit there is no version; while it goes, there is no way back. */
        expect(f, "Current", "@u 0");
        expect_job(f, job, "ExitStatus", "0");
        call_refused(f, job, LEFT4ME_JOB_INTERFACE, "Cancel", NULL, LEFT4ME_ERROR_BUSY);
        systemd_forget_rules(f->systemd);
        systemd_release(f->systemd, "left4me-tree@1.service");
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        g_assert_cmpuint(job_time(f, job, "Finished"), >=, job_time(f, job, "Started"));
        expect(f, "Current", "@u 1");
        expect(f, "State", "'ready'");
        expect_version(f, 0, 1, strlen("a map") + strlen("#!/bin/sh\n"), 2, "first");
        content = fixture_read(f, "var/lib/left4me/overlays/maps/versions/1/left4dead2/maps/c1m1_hotel.bsp");
        g_assert_cmpstr(content, ==, "a map");
        g_assert_false(fixture_exists(f, "var/lib/left4me/builds/1"));
        g_assert_false(fixture_exists(f, "run/left4me/jobs/1/upload"));
        g_assert_cmpstr(systemd_active_state(f->systemd, "left4me-overlay@build-1.service"), ==, "inactive");
}

static void import_file(
        Fixture *f, const char *options, const char *name, const char *content, const char *state) {
        g_autoptr(GBytes) archive = world_archive_of(name, content);
        g_autofree char *job = NULL;
        int pipe;

        job = world_begin_import(f, "maps", options, &pipe);
        (void) world_write(pipe, archive);
        g_assert_cmpstr(world_wait_job(f, job), ==, state);
}

/* A second import adds to the first; a failed one changes nothing; numbers are not used twice. */
static void test_versions(Fixture *f) {
        g_free(world_overlay(f, "maps"));
        import_file(
                f, "{'Directory': <'left4dead2/addons'>, 'Label': <'two'>}", "a.vpk", "vpk", "succeeded");
        expect(f, "Current", "@u 2");
        g_assert_true(fixture_exists(f, "var/lib/left4me/overlays/maps/versions/2/left4dead2/addons/a.vpk"));
        g_assert_true(fixture_exists(f, "var/lib/left4me/overlays/maps/versions/2/srcds_run"));
        g_assert_false(fixture_exists(f, "var/lib/left4me/overlays/maps/versions/1/left4dead2/addons"));

        import_file(f, "@a{sv} {}", "../../outside", "x", "failed");
        expect(f, "Current", "@u 2");
        expect(f, "State", "'ready'");
        import_file(f, "@a{sv} {}", "b.txt", "b", "succeeded");
        g_assert_cmpuint(
                g_variant_n_children(mirror_get(f->mirror, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Versions")), ==,
                3);
        g_assert_true(fixture_exists(f, "var/lib/left4me/overlays/maps/versions/2/left4dead2/addons/a.vpk"));
}

static void test_bad_options(Fixture *f) {
        static const char *const bad[] = { "{'Colour': <'red'>}", "{'Label': <'a'>, 'Label': <'b'>}",
                "{'Size': <'big'>}", "{'Size': <1>}", "{'Directory': <'/etc'>}", "{'Directory': <'..'>}",
                "{'Directory': <'a/../../b'>}", "{'Directory': <1>}", "{'Directory': <'a\\nb'>}",
                "{'Label': <'\303\244'>}", "{'Label': <'a\\nb'>}", "{'Label': <@q 1>}" };
        g_autofree char *long_label = g_strnfill(101, 'a'), *long_directory = g_strnfill(5000, 'd');

        g_free(world_empty_overlay(f, "maps"));
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GVariant) options = g_variant_ref_sink(g_variant_new_parsed(bad[i]));

                g_test_message("%s", bad[i]);
                call_refused(f, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Import",
                        g_variant_new("(@a{sv})", options), LEFT4ME_ERROR_INVALID_ARGUMENT);
        }
        call_refused(f, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Import",
                g_variant_new_parsed("({'Label': <%s>},)", long_label), LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Import",
                g_variant_new_parsed("({'Directory': <%s>},)", long_directory),
                LEFT4ME_ERROR_INVALID_ARGUMENT);
        expect(f, "State", "'empty'");
        expect(f, "LastJob", "@o '/'");
}

static void test_delete(Fixture *f) {
        g_autofree char *instance = NULL, *job = NULL;

        g_free(world_overlay(f, "maps"));
        instance = world_instance(f, "versus-1", "maps");
        expect(f, "UsedBy", "['versus-1']");
        call_refused(f, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL, LEFT4ME_ERROR_IN_USE);
        job = world_take_path(call(f, instance, LEFT4ME_INSTANCE_INTERFACE, "Delete", NULL));
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        expect(f, "UsedBy", "@as []");

        systemd_hold(f->systemd, "left4me-tree@*", SYSTEMD_START);
        g_free(job);
        job = world_take_path(call(f, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL));
        systemd_wait_held(f->systemd, "left4me-tree@3.service", SYSTEMD_START);
        expect(f, "State", "'deleting'");
        /* What goes can be put into no stack. */
        g_free(world_empty_overlay(f, "game"));
        call_refused(f, MANAGER, "CreateInstance", g_variant_new_parsed("('x', {'Game': <'maps'>})"),
                LEFT4ME_ERROR_NO_SUCH_OVERLAY);
        systemd_release(f->systemd, "left4me-tree@3.service");
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        mirror_wait_object(f->mirror, MAPS, false);
        g_assert_false(fixture_exists(f, "var/lib/left4me/overlays/maps"));
        g_assert_true(mirror_has(f->mirror, job));
        systemd_forget_rules(f->systemd);

        /* Another of that name is another, and stays one. */
        g_free(world_empty_overlay(f, "maps"));
        expect(f, "State", "'empty'");
        expect(f, "LastJob", "@o '/'");
        fixture_kill(f);
        fixture_start(f);
        expect(f, "LastJob", "@o '/'");
}

/* In no stack any more, but mounted until the server ends. */
static void test_delete_mounted(Fixture *f) {
        g_autofree char *instance = NULL, *job = NULL;

        if (!world_mount(f))
                return;

        g_free(world_overlay(f, "game"));
        g_free(world_overlay(f, "maps"));
        instance = world_instance(f, "versus-1", "game");
        g_variant_unref(call(f, instance, LEFT4ME_INSTANCE_INTERFACE, "SetOverlays",
                g_variant_new_parsed("(['maps'],)")));
        g_variant_unref(call(f, instance, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL));
        g_variant_unref(call(
                f, instance, LEFT4ME_INSTANCE_INTERFACE, "SetOverlays", g_variant_new_parsed("(@as [],)")));
        expect(f, "UsedBy", "@as []");
        call_refused(f, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL, LEFT4ME_ERROR_IN_USE);
        g_variant_unref(call(f, instance, LEFT4ME_INSTANCE_INTERFACE, "Stop", NULL));
        job = world_take_path(call(f, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL));
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
}

static void test_delete_fails(Fixture *f) {
        g_autofree char *job = NULL, *from = NULL, *to = NULL;

        g_free(world_overlay(f, "maps"));
        systemd_fail(f->systemd, "left4me-tree@*", SYSTEMD_START,
                (SystemdOutcome){ "exit-code", CLD_EXITED, 1, false });
        job = world_take_path(call(f, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL));
        g_assert_cmpstr(world_wait_job(f, job), ==, "failed");
        expect(f, "State", "'ready'");
        expect(f, "Current", "@u 1");
        world_wait_idle(f);

        /* Half-way: what has no files any more goes. */
        from = fixture_path(f, "var/lib/left4me/overlays/maps");
        to = fixture_path(f, "var/lib/left4me/overlays/.trash");
        g_assert_cmpint(rename(from, to), ==, 0);
        g_free(job);
        job = world_take_path(call(f, MAPS, LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL));
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        mirror_wait_object(f->mirror, MAPS, false);
}

static char *list_files(Fixture *f, const char *directory, guint32 version) {
        g_autoptr(GVariant) reply = call(
                f, MAPS, LEFT4ME_OVERLAY_INTERFACE, "ListFiles", g_variant_new("(su)", directory, version));
        g_autoptr(GVariant) files = g_variant_get_child_value(reply, 0);
        GString *text = g_string_new(NULL);
        const char *name, *type;
        GVariantIter iter;
        guint64 size;

        g_variant_iter_init(&iter, files);
        while (g_variant_iter_next(&iter, "(&s&stt)", &name, &type, &size, NULL))
                g_string_append_printf(text, "%s:%s:%" G_GUINT64_FORMAT " ", name, type,
                        g_str_equal(type, "file") ? size : 0);

        return g_string_free(text, FALSE);
}

static void list_refused(Fixture *f, const char *directory, guint32 version, const char *error_name) {
        call_refused(f, MAPS, LEFT4ME_OVERLAY_INTERFACE, "ListFiles",
                g_variant_new("(su)", directory, version), error_name);
}

static void test_list_files(Fixture *f) {
        g_autofree char *root = NULL, *maps = NULL, *first = NULL, *link = NULL;

        g_free(world_empty_overlay(f, "maps"));
        list_refused(f, "", 0, LEFT4ME_ERROR_NO_SUCH_VERSION);
        world_perform(f);
        world_import(f, "maps");
        root = list_files(f, "", 0);
        g_assert_cmpstr(root, ==, "left4dead2:directory:0 srcds_run:file:10 ");
        maps = list_files(f, "left4dead2/maps", 1);
        g_assert_cmpstr(maps, ==, "c1m1_hotel.bsp:file:5 ");
        list_refused(f, "", 2, LEFT4ME_ERROR_NO_SUCH_VERSION);
        list_refused(f, "nothing", 0, LEFT4ME_ERROR_NO_SUCH_FILE);
        list_refused(f, "srcds_run", 0, LEFT4ME_ERROR_NO_SUCH_FILE);
        list_refused(f, "..", 0, LEFT4ME_ERROR_INVALID_ARGUMENT);
        list_refused(f, "/etc", 0, LEFT4ME_ERROR_INVALID_ARGUMENT);
        list_refused(f, "left4dead2/../../../..", 0, LEFT4ME_ERROR_INVALID_ARGUMENT);

        /* A link is shown, and leads nowhere. */
        link = fixture_path(f, "var/lib/left4me/overlays/maps/versions/1/out");
        g_assert_cmpint(symlink("/etc", link), ==, 0);
        first = list_files(f, "", 1);
        g_assert_cmpstr(first, ==, "left4dead2:directory:0 out:symlink:0 srcds_run:file:10 ");
        list_refused(f, "out", 0, LEFT4ME_ERROR_NO_SUCH_FILE);
        list_refused(f, "out/ssl", 0, LEFT4ME_ERROR_NO_SUCH_FILE);
}

/* What a build may have left: names with a dot, and names that are no text. */
static void test_list_odd_names(Fixture *f) {
        g_autofree char *root = NULL, *odd = NULL;

        g_free(world_overlay(f, "maps"));
        fixture_write(f, "var/lib/left4me/overlays/maps/versions/1/.hidden", "1");
        fixture_write(f, "var/lib/left4me/overlays/maps/versions/1/a\xff\n/x\\y", "12");

        root = list_files(f, "", 0);
        g_assert_cmpstr(root, ==,
                ".hidden:file:1 a\\xff\\x0a:directory:0 left4dead2:directory:0 srcds_run:file:10 ");
        odd = list_files(f, "a\\xff\\x0a", 0);
        g_assert_cmpstr(odd, ==, "x\\x5cy:file:2 ");
        list_refused(f, "a\\xf", 0, LEFT4ME_ERROR_INVALID_ARGUMENT);
        list_refused(f, "a\\x2f", 0, LEFT4ME_ERROR_INVALID_ARGUMENT);
}

static void add_tests(void) {
        fixture_add("/overlays/create", test_create);
        fixture_add("/overlays/import", test_import);
        fixture_add("/overlays/versions", test_versions);
        fixture_add("/overlays/bad-options", test_bad_options);
        fixture_add("/overlays/delete", test_delete);
        fixture_add("/overlays/delete-mounted", test_delete_mounted);
        fixture_add("/overlays/delete-fails", test_delete_fails);
        fixture_add("/overlays/list-files", test_list_files);
        fixture_add("/overlays/list-odd-names", test_list_odd_names);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
