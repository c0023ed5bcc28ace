/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Overlays of kind script: their source, and what builds make of it. bash and the real left4me-build do the work. */

#include <fcntl.h>
#include <glib-unix.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "loop.h"
#include "world.h"

#define MANAGER LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE
#define MODS LEFT4ME_OVERLAY_PREFIX "/mods", LEFT4ME_OVERLAY_INTERFACE
#define VERSIONS "var/lib/left4me/overlays/mods/versions/"
#define UNIT "left4me-script@1.service"

static void create(Fixture *f) {
        g_variant_unref(
                call(f, MANAGER, "CreateOverlay", g_variant_new_parsed("('mods', 'script', @a{sv} {})")));
}

static void set_source(Fixture *f, const char *source) {
        g_variant_unref(call(f, MODS, "SetSource", g_variant_new("(s)", source)));
}

static void expect_source(Fixture *f, const char *source) {
        g_autoptr(GVariant) reply = call(f, MODS, "GetSource", NULL);
        const char *text;

        g_variant_get(reply, "(&s)", &text);
        g_assert_cmpstr(text, ==, source);
}

static char *begin_build(Fixture *f) {
        return world_take_path(call(f, MODS, "Build", g_variant_new_parsed("(@a{sv} {},)")));
}

/* The end of a build, which the caller says beforehand; its path. */
static char *build(Fixture *f, const char *state) {
        g_autofree char *job = begin_build(f);

        g_assert_cmpstr(world_wait_job(f, job), ==, state);
        return g_steal_pointer(&job);
}

static void expect(Fixture *f, const char *property, const char *value) {
        mirror_wait(f->mirror, MODS, property, value);
}

static void expect_content(Fixture *f, const char *path, const char *content) {
        g_autofree char *full = g_strconcat(VERSIONS, path, NULL), *found = fixture_path(f, full),
                        *text = NULL;

        g_assert_true(g_file_get_contents(found, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, content);
}

static void refuse(Fixture *f, const char *method, GVariant *arguments, const char *error_name) {
        call_refused(f, MODS, method, arguments, error_name);
}

static void test_source(Fixture *f) {
        g_autofree char *most = g_strnfill(256 * 1024, '#'), *more = g_strconcat(most, "#", NULL);

        create(f);
        expect(f, "Kind", "'script'");
        expect(f, "BuildPending", "false");
        expect_source(f, "");
        refuse(f, "Build", g_variant_new_parsed("(@a{sv} {},)"), LEFT4ME_ERROR_NO_SOURCE);
        refuse(f, "SetSource", g_variant_new("(s)", ""), LEFT4ME_ERROR_INVALID_ARGUMENT);
        refuse(f, "SetSource", g_variant_new("(s)", more), LEFT4ME_ERROR_INVALID_ARGUMENT);
        set_source(f, most);
        expect_source(f, most);
        expect(f, "BuildPending", "true");

        set_source(f, "echo \xc3\xa4 >umlaut\n");
        fixture_kill(f);
        fixture_start(f);
        expect_source(f, "echo \xc3\xa4 >umlaut\n");
        expect(f, "BuildPending", "true");
        expect(f, "State", "'empty'");
}

static void test_wrong_kind(Fixture *f) {
        g_autofree char *path = world_empty_overlay(f, "maps");

        create(f);
        refuse(f, "Import", g_variant_new_parsed("(@a{sv} {},)"), LEFT4ME_ERROR_WRONG_KIND);
        refuse(f, "PutFile", g_variant_new_parsed("('a', @a{sv} {})"), LEFT4ME_ERROR_WRONG_KIND);
        refuse(f, "RemoveFiles", g_variant_new_parsed("(['a'],)"), LEFT4ME_ERROR_WRONG_KIND);
        call_refused(f, path, LEFT4ME_OVERLAY_INTERFACE, "Build", g_variant_new_parsed("(@a{sv} {},)"),
                LEFT4ME_ERROR_WRONG_KIND);
        call_refused(f, path, LEFT4ME_OVERLAY_INTERFACE, "GetSource", NULL, LEFT4ME_ERROR_WRONG_KIND);
        call_refused(f, path, LEFT4ME_OVERLAY_INTERFACE, "SetSource", g_variant_new("(s)", "true"),
                LEFT4ME_ERROR_WRONG_KIND);
        refuse(f, "Build", g_variant_new_parsed("({'Colour': <'red'>},)"), LEFT4ME_ERROR_INVALID_ARGUMENT);
        refuse(f, "Build", g_variant_new_parsed("({'Label': <'a\\nb'>},)"), LEFT4ME_ERROR_INVALID_ARGUMENT);
}

/* It starts in the tree of the overlay, with an environment that is always the same. */
static void test_build(Fixture *f) {
        world_perform(f);
        create(f);
        set_source(f,
                "mkdir -p left4dead2/cfg\n"
                "echo \"$OVERLAY_NAME $HOME $PATH $LANG ${LEFT4ME_BUILD-none}\" >left4dead2/cfg/x.cfg\n"
                "cmp -s . \"$OVERLAY\" || pwd -P | cmp -s - <(cd \"$OVERLAY\" && pwd -P) && echo here >where\n"
                "read -r line && echo \"$line\" >input\n"
                "true\n");
        g_free(build(f, "succeeded"));
        expect(f, "Current", "@u 1");
        expect(f, "State", "'ready'");
        expect(f, "BuildPending", "false");
        expect_content(f, "1/left4dead2/cfg/x.cfg", "mods /tmp /usr/bin:/bin C.UTF-8 none\n");
        expect_content(f, "1/where", "here\n");
        g_assert_false(fixture_exists(f, VERSIONS "1/input"));

        set_source(f, "echo 2 >two\n");
        expect(f, "BuildPending", "true");
        g_variant_unref(call(f, MODS, "Rollback", g_variant_new("(u)", 1)));
        g_free(build(f, "succeeded"));
        expect(f, "Current", "@u 2");
        expect(f, "BuildPending", "false");
        g_assert_true(fixture_exists(f, VERSIONS "2/where"));

        /* Going back to an old version is no reason to build. */
        g_variant_unref(call(f, MODS, "Rollback", g_variant_new("(u)", 1)));
        expect(f, "Current", "@u 1");
        expect(f, "BuildPending", "false");
        fixture_stop(f);
        fixture_start(f);
        expect(f, "BuildPending", "false");
}

static void test_nothing_new(Fixture *f) {
        if (!world_mount(f))
                return;

        create(f);
        set_source(f, "echo 1 >one\n");
        g_free(build(f, "succeeded"));
        set_source(f, "# the same\necho 1 >one\n");
        expect(f, "BuildPending", "true");
        g_free(build(f, "succeeded"));
        expect(f, "BuildPending", "false");
        expect(f, "Current", "@u 1");

        /* On what is there, and what it removes is gone. */
        set_source(f, "[ -f one ] && rm one && echo 2 >two\n");
        g_free(build(f, "succeeded"));
        /* The build that made nothing has used up no number. */
        expect(f, "Current", "@u 2");
        g_assert_false(fixture_exists(f, VERSIONS "2/one"));
        expect_content(f, "2/two", "2\n");
}

static void expect_failure(Fixture *f, const char *source, const char *status) {
        g_autofree char *job = NULL;

        set_source(f, source);
        job = build(f, "failed");
        mirror_wait(f->mirror, job, LEFT4ME_JOB_INTERFACE, "ExitStatus", status);
        expect(f, "State", "'empty'");
        expect(f, "BuildPending", "true");
        expect(f, "Versions", "@a(uttts) []");
}

static void test_failures(Fixture *f) {
        world_perform(f);
        create(f);
        expect_failure(f, "echo 1 >one; exit 3\n", "3");
        expect_failure(f, "echo 1 >one; kill -9 $$\n", "137");
        expect_failure(f, "no-such-command\n", "127");
        expect_failure(f, "if then\n", "2");
        fixture_ping(f);
}

/* What a build begins with counts, whatever happens to the source meanwhile. */
static void test_changed_meanwhile(Fixture *f) {
        g_autofree char *job = NULL;

        world_perform(f);
        create(f);
        set_source(f, "echo old >file\n");
        systemd_hold(f->systemd, UNIT, SYSTEMD_START);
        job = begin_build(f);
        systemd_wait_held(f->systemd, UNIT, SYSTEMD_START);
        set_source(f, "echo new >file\n");
        refuse(f, "Build", g_variant_new_parsed("(@a{sv} {},)"), LEFT4ME_ERROR_BUSY);
        systemd_release(f->systemd, UNIT);
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        expect_content(f, "1/file", "old\n");
        expect(f, "BuildPending", "true");
        expect_source(f, "echo new >file\n");
}

/* Nobody feeds it: a restart of left4med loses only what was under way. */
static void test_restart(Fixture *f) {
        g_autofree char *running = NULL, *waiting = NULL;

        world_perform(f);
        create(f);
        set_source(f, "echo 1 >one\n");
        systemd_hold(f->systemd, UNIT, SYSTEMD_START);
        running = begin_build(f);
        systemd_wait_held(f->systemd, UNIT, SYSTEMD_START);
        fixture_kill(f);
        systemd_forget_rules(f->systemd);
        fixture_start(f);
        g_assert_cmpstr(world_wait_job(f, running), ==, "failed");
        expect(f, "State", "'empty'");
        world_wait_idle(f);
        waiting = build(f, "succeeded");
        expect(f, "State", "'ready'");
}

/* A script that has a pipe of ours open as long as anything of it lives. */
typedef struct Script {
        bool begun, ended;
} Script;

static gboolean on_script(int fd, GIOCondition condition, gpointer data) {
        Script *script = data;
        char byte;
        ssize_t n;

        n = read(fd, &byte, 1);
        script->begun = script->begun || n > 0;
        script->ended = n == 0;
        return script->ended ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static bool has_begun(void *data) {
        return ((const Script *) data)->begun;
}

static bool has_ended(void *data) {
        return ((const Script *) data)->ended;
}

/* In the middle of the script, of which nothing is left. */
static void test_cancel(Fixture *f) {
        g_autofree char *fifo = fixture_path(f, "script"), *job = NULL,
                        *source = g_strdup_printf("exec 9>'%s'; echo >&9; sleep 1000\n", fifo);
        Script script = { 0 };
        int fd;

        g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
        fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        g_assert_cmpint(fd, >=, 0);
        g_unix_fd_add(fd, G_IO_IN | G_IO_HUP, on_script, &script);

        world_perform(f);
        create(f);
        set_source(f, source);
        job = begin_build(f);
        loop_until(has_begun, &script, "the script");
        g_variant_unref(call(f, job, LEFT4ME_JOB_INTERFACE, "Cancel", NULL));
        g_assert_cmpstr(world_wait_job(f, job), ==, "cancelled");
        expect(f, "State", "'empty'");
        g_assert_false(fixture_exists(f, "var/lib/left4me/builds/1"));
        loop_until(has_ended, &script, "the end of the script");
        (void) close(fd);
}

static void test_rename(Fixture *f) {
        world_perform(f);
        create(f);
        set_source(f, "echo 1 >one\n");
        g_free(build(f, "succeeded"));
        set_source(f, "echo 2 >two\n");
        g_variant_unref(call(f, MODS, "Rename", g_variant_new("(s)", "plugins")));
        mirror_wait(f->mirror, LEFT4ME_OVERLAY_PREFIX "/plugins", LEFT4ME_OVERLAY_INTERFACE, "BuildPending",
                "true");
        g_variant_unref(call(f, LEFT4ME_OVERLAY_PREFIX "/plugins", LEFT4ME_OVERLAY_INTERFACE, "Rename",
                g_variant_new("(s)", "mods")));
        expect_source(f, "echo 2 >two\n");
        expect(f, "Kind", "'script'");
}

/* What SeedScriptOverlays() says, with the end of each build that it begins: "mods created, " and so on. */
static char *seed(Fixture *f, const char *arguments) {
        g_autoptr(GVariant) reply = call(f, MANAGER, "SeedScriptOverlays", g_variant_new_parsed(arguments)),
                            overlays = g_variant_get_child_value(reply, 0);
        GString *text = g_string_new(NULL);
        const char *name, *outcome, *job;
        GVariantIter iter;

        g_variant_iter_init(&iter, overlays);
        while (g_variant_iter_next(&iter, "(&s&s&o)", &name, &outcome, &job))
                g_string_append_printf(text, "%s %s%s%s, ", name, outcome, g_str_equal(job, "/") ? "" : " ",
                        g_str_equal(job, "/") ? "" : world_wait_job(f, job));

        return g_string_free(text, FALSE);
}

static void expect_seed(Fixture *f, const char *arguments, const char *told) {
        g_autofree char *text = seed(f, arguments);

        g_assert_cmpstr(text, ==, told);
}

static void test_seed(Fixture *f) {
        const char *two = "({'mods': 'echo 1 >one', 'maps': 'echo 1 >map'}, @a{sv} {})";

        world_perform(f);
        expect_seed(f, "({'mods': 'echo 1 >one'}, {'Build': <false>})", "mods created, ");
        expect(f, "BuildPending", "true");
        expect_seed(f, two, "mods unchanged succeeded, maps created succeeded, ");
        expect_seed(f, two, "mods unchanged, maps unchanged, ");

        /* Its identity stays: versions, how many of them are kept, what is current. */
        g_variant_unref(call(f, MODS, "SetKeepVersions", g_variant_new("(u)", 9)));
        expect_seed(f, "({'mods': 'echo 2 >two', 'maps': 'echo 1 >map'}, @a{sv} {})",
                "mods changed succeeded, maps unchanged, ");
        expect(f, "Current", "@u 2");
        expect(f, "KeepVersions", "@u 9");
        g_variant_unref(call(f, MODS, "Rollback", g_variant_new("(u)", 1)));
        expect_seed(f, "({'mods': 'echo 2 >two'}, @a{sv} {})", "mods unchanged, ");
        expect(f, "Current", "@u 1");

        /* One that failed is tried again. */
        expect_seed(f, "({'mods': 'false'}, @a{sv} {})", "mods changed failed, ");
        expect_seed(f, "({'mods': 'false'}, @a{sv} {})", "mods unchanged failed, ");
        expect_seed(f, "(@a{ss} {}, @a{sv} {})", "");
}

static void refuse_seed(Fixture *f, const char *arguments, const char *error_name) {
        call_refused(f, MANAGER, "SeedScriptOverlays", g_variant_new_parsed(arguments), error_name);
}

/* All of them or none. */
static void test_seed_refused(Fixture *f) {
        g_free(world_empty_overlay(f, "files"));
        refuse_seed(f, "({'a': 'true', 'files': 'true'}, @a{sv} {})", LEFT4ME_ERROR_NAME_TAKEN);
        refuse_seed(f, "({'a': 'true', 'B': 'true'}, @a{sv} {})", LEFT4ME_ERROR_INVALID_ARGUMENT);
        refuse_seed(f, "({'a': 'true', 'b': ''}, @a{sv} {})", LEFT4ME_ERROR_INVALID_ARGUMENT);
        refuse_seed(f, "({'a': 'true'}, {'Colour': <'red'>})", LEFT4ME_ERROR_INVALID_ARGUMENT);
        g_assert_false(mirror_has(f->mirror, LEFT4ME_OVERLAY_PREFIX "/a"));
}

static void change_store(Fixture *f, const char *sql) {
        g_autofree char *path = fixture_path(f, "var/lib/left4me/manager/left4me.db");
        sqlite3 *db;

        g_assert_cmpint(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), ==, SQLITE_OK);
        (void) sqlite3_busy_timeout(db, 20 * 1000);
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
                g_error("%s: %s", sql, sqlite3_errmsg(db));
        g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
}

/* Nothing of a seed, and what was there is as it was. */
static void expect_unseeded(Fixture *f) {
        g_autoptr(GVariant) reply = call(f, MANAGER, "ListJobs", NULL),
                            jobs = g_variant_get_child_value(reply, 0);

        g_assert_false(mirror_has(f->mirror, LEFT4ME_OVERLAY_PREFIX "/a"));
        g_assert_false(mirror_has(f->mirror, LEFT4ME_OVERLAY_PREFIX "/z"));
        expect_source(f, "echo 1 >one\n");
        g_assert_cmpuint(g_variant_n_children(jobs), ==, 0);
}

/* The database refuses the last one, its source or its job. */
static void test_seed_store_fails(Fixture *f) {
        static const char *const events[] = { "INSERT ON overlays WHEN NEW.name = 'z'",
                "UPDATE ON overlays WHEN NEW.name = 'z'", "INSERT ON jobs WHEN NEW.subject = 'z'" };
        const char *seeds = "({'a': 'echo 1 >a', 'mods': 'echo 2 >two', 'z': 'echo 1 >z'}, @a{sv} {})";

        world_perform(f);
        create(f);
        set_source(f, "echo 1 >one\n");
        for (gsize i = 0; i < G_N_ELEMENTS(events); i++) {
                g_autofree char *trigger = g_strdup_printf(
                        "CREATE TRIGGER refuse BEFORE %s BEGIN SELECT RAISE(ABORT, 'refused'); END",
                        events[i]);

                change_store(f, trigger);
                refuse_seed(f, seeds, LEFT4ME_ERROR_FAILED);
                expect_unseeded(f);
                change_store(f, "DROP TRIGGER refuse");
        }

        fixture_kill(f);
        fixture_start(f);
        expect_unseeded(f);
        expect_seed(f, seeds, "a created succeeded, mods changed succeeded, z created succeeded, ");
}

static void add_tests(void) {
        fixture_add("/scripts/source", test_source);
        fixture_add("/scripts/wrong-kind", test_wrong_kind);
        fixture_add("/scripts/build", test_build);
        fixture_add("/scripts/nothing-new", test_nothing_new);
        fixture_add("/scripts/failures", test_failures);
        fixture_add("/scripts/changed-meanwhile", test_changed_meanwhile);
        fixture_add("/scripts/restart", test_restart);
        fixture_add("/scripts/cancel", test_cancel);
        fixture_add("/scripts/rename", test_rename);
        fixture_add("/scripts/seed", test_seed);
        fixture_add("/scripts/seed-refused", test_seed_refused);
        fixture_add("/scripts/seed-store-fails", test_seed_store_fails);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
