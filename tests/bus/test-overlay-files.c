/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Single files of overlays: put, removed, read. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "world.h"

#define MAPS LEFT4ME_OVERLAY_PREFIX "/maps", LEFT4ME_OVERLAY_INTERFACE
#define VERSIONS "var/lib/left4me/overlays/maps/versions/"
#define CFG "left4dead2/cfg/x.cfg"

static void expect_current(Fixture *f, guint32 version) {
        g_autofree char *text = g_strdup_printf("@u %u", version);

        mirror_wait(f->mirror, MAPS, "Current", text);
}

static void assert_content(Fixture *f, const char *path, const char *want) {
        g_autofree char *is = fixture_read(f, path);

        g_assert_cmpstr(is, ==, want);
}

static mode_t mode_of(Fixture *f, const char *path) {
        g_autofree char *full = fixture_path(f, path);
        struct stat st;

        g_assert_cmpint(lstat(full, &st), ==, 0);
        return st.st_mode & 07777;
}

static char *last_label(Fixture *f) {
        GVariant *versions = mirror_get(f->mirror, MAPS, "Versions");
        char *label;

        g_variant_get_child(
                versions, g_variant_n_children(versions) - 1, "(uttts)", NULL, NULL, NULL, NULL, &label);
        return label;
}

static void test_put(Fixture *f) {
        g_autofree char *label = NULL, *given = NULL;

        g_free(world_overlay(f, "maps"));
        g_assert_cmpstr(world_put(f, "maps", CFG, "echo one\n", "{'Size': <@t 9>}"), ==, "succeeded");
        expect_current(f, 2);
        assert_content(f, VERSIONS "2/" CFG, "echo one\n");
        assert_content(f, VERSIONS "2/srcds_run", "#!/bin/sh\n");
        g_assert_false(fixture_exists(f, VERSIONS "1/" CFG));
        label = last_label(f);
        g_assert_cmpstr(label, ==, "put " CFG);

        g_assert_cmpstr(world_put(f, "maps", CFG, "echo two\n", "{'Label': <'mine'>}"), ==, "succeeded");
        expect_current(f, 3);
        assert_content(f, VERSIONS "2/" CFG, "echo one\n");
        assert_content(f, VERSIONS "3/" CFG, "echo two\n");
        given = last_label(f);
        g_assert_cmpstr(given, ==, "mine");

        /* The same once more is no new version; to be executable is news. */
        g_assert_cmpstr(world_put(f, "maps", CFG, "echo two\n", "@a{sv} {}"), ==, "succeeded");
        expect_current(f, 3);
        g_assert_cmpint(mode_of(f, VERSIONS "3/" CFG), ==, 0644);
        g_assert_cmpstr(world_put(f, "maps", CFG, "echo two\n", "{'Executable': <true>}"), ==, "succeeded");
        expect_current(f, 4);
        g_assert_cmpint(mode_of(f, VERSIONS "4/" CFG), ==, 0755);
}

static void test_put_refused(Fixture *f) {
        static const char *const bad[] = { "('', @a{sv} {})", "('/etc/passwd', @a{sv} {})",
                "('a/../b', @a{sv} {})", "('a//b', @a{sv} {})", "('a/', @a{sv} {})", "('a\\nb', @a{sv} {})",
                "('a', {'Size': <1>})", "('a', {'Colour': <'red'>})", "('a', {'Label': <'a\\nb'>})",
                "('a', {'Executable': <'yes'>})" };
        g_autofree char *job = NULL;
        int pipe;

        g_free(world_overlay(f, "maps"));
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_test_message("%s", bad[i]);
                call_refused(
                        f, MAPS, "PutFile", g_variant_new_parsed(bad[i]), LEFT4ME_ERROR_INVALID_ARGUMENT);
        }

        /* Cut off, or more than announced: nothing changes. */
        g_assert_cmpstr(world_put(f, "maps", CFG, "abc", "{'Size': <@t 4>}"), ==, "failed");
        g_assert_cmpstr(world_put(f, "maps", CFG, "abc", "{'Size': <@t 2>}"), ==, "failed");
        expect_current(f, 1);

        job = world_begin_upload(f, "maps", "PutFile", g_variant_new_parsed("('a', @a{sv} {})"), &pipe);
        call_refused(f, MAPS, "PutFile", g_variant_new_parsed("('b', @a{sv} {})"), LEFT4ME_ERROR_BUSY);
        call_refused(f, MAPS, "RemoveFiles", g_variant_new_parsed("(['srcds_run'],)"), LEFT4ME_ERROR_BUSY);
        g_variant_unref(call(f, job, LEFT4ME_JOB_INTERFACE, "Cancel", NULL));
        (void) close(pipe);
        g_assert_cmpstr(world_wait_job(f, job), ==, "cancelled");
        mirror_wait(f->mirror, MAPS, "State", "'ready'");
        expect_current(f, 1);
}

static const char *take_away(Fixture *f, const char *paths) {
        g_autofree char *job = world_take_path(call(f, MAPS, "RemoveFiles", g_variant_new_parsed(paths)));

        mirror_wait(f->mirror, job, LEFT4ME_JOB_INTERFACE, "Kind", "'remove-file'");
        return world_wait_job(f, job);
}

static GVariant *many_paths(void) {
        const char *paths[1001];

        for (gsize i = 0; i < G_N_ELEMENTS(paths); i++)
                paths[i] = "left4dead2";
        return g_variant_new("(@as)", g_variant_new_strv(paths, G_N_ELEMENTS(paths)));
}

static void test_remove(Fixture *f) {
        g_autofree char *label = NULL, *again = NULL;

        if (!world_mount(f))
                return;

        g_free(world_overlay(f, "maps"));
        g_assert_cmpstr(world_put(f, "maps", CFG, "x", "@a{sv} {}"), ==, "succeeded");
        g_assert_cmpstr(world_put(f, "maps", "hl2;x", "x", "@a{sv} {}"), ==, "succeeded");
        g_assert_cmpstr(take_away(f, "(['srcds_run'],)"), ==, "succeeded");
        expect_current(f, 4);
        label = last_label(f);
        g_assert_cmpstr(label, ==, "rm srcds_run");
        g_assert_false(fixture_exists(f, VERSIONS "4/srcds_run"));
        g_assert_true(fixture_exists(f, VERSIONS "3/srcds_run"));
        g_assert_cmpstr(
                take_away(f, "(['left4dead2/cfg', 'hl2;x', 'left4dead2/cfg/x.cfg'],)"), ==, "succeeded");
        expect_current(f, 5);
        again = last_label(f);
        g_assert_cmpstr(again, ==, "rm of 3 paths");
        g_assert_false(fixture_exists(f, VERSIONS "5/left4dead2/cfg"));
        g_assert_false(fixture_exists(f, VERSIONS "5/hl2;x"));
        g_assert_true(fixture_exists(f, VERSIONS "5/left4dead2/maps/c1m1_hotel.bsp"));

        /* What is not there is refused before there is a job. */
        call_refused(f, MAPS, "RemoveFiles", g_variant_new_parsed("(['srcds_run'],)"),
                LEFT4ME_ERROR_NO_SUCH_FILE);
        call_refused(f, MAPS, "RemoveFiles", g_variant_new_parsed("(['a/b'],)"), LEFT4ME_ERROR_NO_SUCH_FILE);
        call_refused(
                f, MAPS, "RemoveFiles", g_variant_new_parsed("([''],)"), LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, MAPS, "RemoveFiles", g_variant_new_parsed("(['left4dead2', '..'],)"),
                LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, MAPS, "RemoveFiles", g_variant_new_parsed("(['left4dead2', 'none'],)"),
                LEFT4ME_ERROR_NO_SUCH_FILE);
        call_refused(
                f, MAPS, "RemoveFiles", g_variant_new_parsed("(@as [],)"), LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, MAPS, "RemoveFiles", many_paths(), LEFT4ME_ERROR_LIMITS_EXCEEDED);
        mirror_wait(f->mirror, MAPS, "State", "'ready'");
}

/* What waits in the queue and needs nobody's upload is done after a restart; what waits for an upload has lost it, and says so. */
static void test_queued(Fixture *f) {
        g_autofree char *running = NULL, *removal = NULL, *upload = NULL;
        int pipes[2];

        if (!world_mount(f))
                return;

        g_free(world_overlay(f, "maps"));
        g_free(world_empty_overlay(f, "first"));
        g_free(world_empty_overlay(f, "last"));
        fixture_configure(f, "GamePorts=27015-27115\nJobWorkers=1");
        g_variant_unref(call(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "Reload", NULL));
        running = world_begin_import(f, "first", "@a{sv} {}", &pipes[0]);
        mirror_wait(f->mirror, running, LEFT4ME_JOB_INTERFACE, "State", "'running'");
        removal = world_take_path(call(f, MAPS, "RemoveFiles", g_variant_new_parsed("(['srcds_run'],)")));
        upload = world_begin_import(f, "last", "@a{sv} {}", &pipes[1]);
        mirror_wait(f->mirror, upload, LEFT4ME_JOB_INTERFACE, "State", "'queued'");
        fixture_kill(f);
        fixture_start(f);
        g_assert_cmpstr(world_wait_job(f, running), ==, "failed");
        g_assert_cmpstr(world_wait_job(f, upload), ==, "failed");
        mirror_wait(f->mirror, upload, LEFT4ME_JOB_INTERFACE, "Message",
                "'its upload was interrupted by a restart of left4med, before it began; start it again'");
        g_assert_cmpstr(world_wait_job(f, removal), ==, "succeeded");
        expect_current(f, 2);
        g_assert_false(fixture_exists(f, VERSIONS "3/srcds_run"));
        (void) close(pipes[0]);
        (void) close(pipes[1]);
}

/* The manager dies while a file is on its way: nothing has changed, and the job says why. */
static void test_crash(Fixture *f) {
        g_autoptr(GBytes) bytes = g_bytes_new("x", 1);
        g_autofree char *job = NULL;
        int pipe;

        g_free(world_overlay(f, "maps"));
        systemd_hold(f->systemd, "left4me-tree@*", SYSTEMD_START);
        job = world_begin_upload(f, "maps", "PutFile", g_variant_new_parsed("('a', @a{sv} {})"), &pipe);
        g_assert_cmpint(world_write(pipe, bytes), ==, 0);
        systemd_wait_held(f->systemd, "left4me-tree@2.service", SYSTEMD_START);
        fixture_kill(f);
        systemd_forget_rules(f->systemd);
        fixture_start(f);
        g_assert_cmpstr(world_wait_job(f, job), ==, "failed");
        world_wait_idle(f);
        expect_current(f, 1);
        g_assert_false(fixture_exists(f, "var/lib/left4me/builds/2"));
        g_assert_cmpstr(world_put(f, "maps", "a", "x", "@a{sv} {}"), ==, "succeeded");
        expect_current(f, 3);
}

/* What OpenFile answers, read to its end. */
static char *open_file(Fixture *f, const char *path, guint32 version) {
        g_autoptr(Call) c = call_begin(f->client, MAPS, "OpenFile", g_variant_new("(su)", path, version));
        char buffer[100];
        ssize_t n;
        int fd;

        call_wait(c);
        g_assert_cmpstr(call_error_name(c), ==, "");
        fd = g_unix_fd_list_get(c->fds, 0, NULL);
        g_assert_cmpint(fcntl(fd, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
        n = read(fd, buffer, sizeof(buffer));
        g_assert_cmpint(n, >=, 0);
        (void) close(fd);
        return g_strndup(buffer, (gsize) n);
}

static void open_refused(Fixture *f, const char *path, guint32 version, const char *error_name) {
        call_refused(f, MAPS, "OpenFile", g_variant_new("(su)", path, version), error_name);
}

static void make_link(Fixture *f, const char *target, const char *name) {
        g_autofree char *path = fixture_path(f, name);

        g_assert_cmpint(symlink(target, path), ==, 0);
}

static void test_open(Fixture *f) {
        g_autofree char *current = NULL, *first = NULL, *linked = NULL, *pipe = NULL;

        g_free(world_overlay(f, "maps"));
        g_assert_cmpstr(world_put(f, "maps", "srcds_run", "new", "@a{sv} {}"), ==, "succeeded");
        current = open_file(f, "srcds_run", 0);
        g_assert_cmpstr(current, ==, "new");
        first = open_file(f, "srcds_run", 1);
        g_assert_cmpstr(first, ==, "#!/bin/sh\n");

        make_link(f, "../srcds_run", VERSIONS "2/left4dead2/run");
        linked = open_file(f, "left4dead2/run", 2);
        g_assert_cmpstr(linked, ==, "new");
        make_link(f, "../../1/srcds_run", VERSIONS "2/left4dead2/other");
        make_link(f, "../../../../../../../../etc/passwd", VERSIONS "2/out");
        make_link(f, "/etc/passwd", VERSIONS "2/absolute");
        make_link(f, "/etc", VERSIONS "2/etc");
        make_link(f, "loop", VERSIONS "2/loop");
        make_link(f, "left4dead2", VERSIONS "2/directory");
        open_refused(f, "left4dead2/other", 2, LEFT4ME_ERROR_NO_SUCH_FILE);
        open_refused(f, "out", 2, LEFT4ME_ERROR_NO_SUCH_FILE);
        open_refused(f, "absolute", 2, LEFT4ME_ERROR_NO_SUCH_FILE);
        open_refused(f, "etc/passwd", 2, LEFT4ME_ERROR_NO_SUCH_FILE);
        open_refused(f, "loop", 2, LEFT4ME_ERROR_NO_SUCH_FILE);
        open_refused(f, "directory", 2, LEFT4ME_ERROR_INVALID_ARGUMENT);
        pipe = fixture_path(f, VERSIONS "2/pipe");
        g_assert_cmpint(mkfifo(pipe, 0644), ==, 0);
        open_refused(f, "pipe", 2, LEFT4ME_ERROR_NO_SUCH_FILE);

        open_refused(f, "nothing", 0, LEFT4ME_ERROR_NO_SUCH_FILE);
        open_refused(f, "srcds_run/x", 0, LEFT4ME_ERROR_NO_SUCH_FILE);
        open_refused(f, "left4dead2", 0, LEFT4ME_ERROR_INVALID_ARGUMENT);
        open_refused(f, "", 0, LEFT4ME_ERROR_INVALID_ARGUMENT);
        open_refused(f, "../1/srcds_run", 0, LEFT4ME_ERROR_INVALID_ARGUMENT);
        open_refused(f, "srcds_run", 9, LEFT4ME_ERROR_NO_SUCH_VERSION);
}

static char *diff(Fixture *f, guint32 a, guint32 b) {
        g_autoptr(GVariant) reply = call(f, MAPS, "Diff", g_variant_new("(uu)", a, b));
        g_autoptr(GVariant) changes = g_variant_get_child_value(reply, 0);
        GString *text = g_string_new(NULL);
        const char *path, *kind;
        GVariantIter iter;
        guint64 x, y;

        g_variant_iter_init(&iter, changes);
        while (g_variant_iter_next(&iter, "(&s&stt)", &path, &kind, &x, &y))
                g_string_append_printf(
                        text, "%s %s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n", kind, path, x, y);

        return g_string_free(text, FALSE);
}

/* A file of that size, holding nothing but zeros and a last letter; it takes no room. */
static void make_large(Fixture *f, const char *name, goffset size, char last) {
        g_autofree char *path = fixture_path(f, name);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(pwrite(fd, &last, 1, size - 1), ==, 1);
        (void) close(fd);
}

static void test_diff(Fixture *f) {
        g_autofree char *same = NULL, *put = NULL, *back = NULL, *both = NULL, *odd = NULL;

        g_free(world_empty_overlay(f, "maps"));
        call_refused(f, MAPS, "Diff", g_variant_new("(uu)", 0, 0), LEFT4ME_ERROR_NO_SUCH_VERSION);
        world_perform(f);
        world_import(f, "maps");
        g_assert_cmpstr(world_put(f, "maps", CFG, "one", "@a{sv} {}"), ==, "succeeded");
        g_assert_cmpstr(world_put(f, "maps", "srcds_run", "#!/bin/no\n", "@a{sv} {}"), ==, "succeeded");
        same = diff(f, 3, 0);
        g_assert_cmpstr(same, ==, "");
        put = diff(f, 1, 2);
        g_assert_cmpstr(put, ==, "added left4dead2/cfg/ 0 0\nadded " CFG " 0 3\n");
        back = diff(f, 2, 1);
        g_assert_cmpstr(back, ==, "removed left4dead2/cfg/ 0 0\nremoved " CFG " 3 0\n");
        both = diff(f, 2, 0);
        g_assert_cmpstr(both, ==, "changed srcds_run 10 10\n");
        /* No build makes such a name; a disk that somebody else wrote to may have it. */
        make_large(f, VERSIONS "2/odd\xff\\", 1, 'x');
        odd = diff(f, 2, 1);
        g_assert_cmpstr(
                odd, ==, "removed left4dead2/cfg/ 0 0\nremoved " CFG " 3 0\nremoved odd\\xff\\x5c 1 0\n");
        call_refused(f, MAPS, "Diff", g_variant_new("(uu)", 1, 9), LEFT4ME_ERROR_NO_SUCH_VERSION);
        call_refused(f, MAPS, "Diff", g_variant_new("(uu)", 9, 1), LEFT4ME_ERROR_NO_SUCH_VERSION);
}

/* While gigabytes are compared everybody else is served, no more than a few can be at it, and what is compared stays. */
static void test_diff_large(Fixture *f) {
        const goffset size = (goffset) 1 << 36; /* takes no room, and far longer than the test */
        Call *calls[5];
        gint64 begin;

        g_free(world_overlay(f, "maps"));
        g_assert_cmpstr(world_put(f, "maps", "a", "a", "@a{sv} {}"), ==, "succeeded");
        make_large(f, VERSIONS "1/large", size, 'a');
        make_large(f, VERSIONS "2/large", size, 'b');
        for (gsize i = 0; i < G_N_ELEMENTS(calls); i++)
                calls[i] = call_begin(f->client, MAPS, "Diff", g_variant_new("(uu)", 1, 2));
        call_end_refused(calls[4], LEFT4ME_ERROR_LIMITS_EXCEEDED);

        begin = g_get_monotonic_time();
        for (guint i = 0; i < 10; i++)
                fixture_ping(f);
        g_test_message("ten calls took %" G_GINT64_FORMAT " us", g_get_monotonic_time() - begin);
        g_assert_false(calls[0]->done);
        call_refused(f, MAPS, "Rename", g_variant_new("(s)", "atlas"), LEFT4ME_ERROR_IN_USE);
        g_variant_unref(call(f, MAPS, "SetKeepVersions", g_variant_new("(u)", 1)));
        g_assert_true(fixture_exists(f, VERSIONS "1/large"));
        fixture_kill(f);
        for (gsize i = 0; i < 4; i++)
                call_free(calls[i]);
        fixture_start(f);
        world_wait_idle(f);
}

static void add_tests(void) {
        fixture_add("/overlay-files/put", test_put);
        fixture_add("/overlay-files/put-refused", test_put_refused);
        fixture_add("/overlay-files/remove", test_remove);
        fixture_add("/overlay-files/queued", test_queued);
        fixture_add("/overlay-files/crash", test_crash);
        fixture_add("/overlay-files/open", test_open);
        fixture_add("/overlay-files/diff", test_diff);
        fixture_add("/overlay-files/diff-large", test_diff_large);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
