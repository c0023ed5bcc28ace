/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What overlays are built from: items of the Workshop, apps of Steam's, scripts; and what can be played then. */

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>

#include "client.h"
#include "dbus/names.h"
#include "fake-handlers.h"
#include "run.h"

static void answer_jobs(Fake *f, GDBusMethodInvocation *invocation) {
        g_autofree char *first = fake_job_done(f, "refresh", "maps"),
                        *second = fake_job_done(f, "refresh", "l4d2");

        g_dbus_method_invocation_return_value(
                invocation, g_variant_new_parsed("([%o, %o],)", first, second));
}

static void answer_seed(Fake *f, GDBusMethodInvocation *invocation) {
        g_autofree char *job = fake_job_done(f, "build", "one");

        g_dbus_method_invocation_return_value(invocation,
                g_variant_new_parsed(
                        "([('one', 'created', %o), ('two', 'unchanged', objectpath '/')],)", job));
}

/* f->data: what the job says of it. */
static void answer_freeze(Fake *f, GDBusMethodInvocation *invocation) {
        L4Manager1Job *job = fake_add_job(f, "freeze", "versus-1", "running");

        fake_add_version(fake_add_overlay(f, "saved"), 15, 2, "frozen from versus-1");
        fake_set_job(job, "succeeded", 1, f->data);
        g_dbus_method_invocation_return_value(invocation,
                g_variant_new(
                        "(o)", g_dbus_interface_skeleton_get_object_path(G_DBUS_INTERFACE_SKELETON(job))));
}

/* What the stand-in does not do by itself. f->data: the source of the script. */
static gboolean answer(Fake *f, const char *method, const char *name, GDBusMethodInvocation *invocation) {
        if (g_str_equal(method, "Build")) {
                g_autofree char *job = fake_job_done(f, "build", name);

                g_dbus_method_invocation_return_value(invocation, g_variant_new("(o)", job));
        } else if (g_str_equal(method, "Freeze"))
                answer_freeze(f, invocation);
        else if (g_str_equal(method, "RefreshWorkshop"))
                answer_jobs(f, invocation);
        else if (g_str_equal(method, "SeedScriptOverlays"))
                answer_seed(f, invocation);
        else if (g_str_equal(method, "GetSource"))
                g_dbus_method_invocation_return_value(invocation, g_variant_new("(s)", f->data));
        else if (g_str_equal(name, "files") && g_str_equal(method, "SetItems"))
                g_dbus_method_invocation_return_dbus_error(invocation, LEFT4ME_ERROR_WRONG_KIND,
                        "The overlay 'files' is of kind files. Only one of kind workshop has items.");
        else if (g_str_equal(method, "SetItems") || g_str_equal(method, "Pin") ||
                 g_str_equal(method, "SetApp") || g_str_equal(method, "SetSource"))
                g_dbus_method_invocation_return_value(invocation, NULL);
        else
                return FALSE;
        return TRUE;
}

/* "maps" of the Workshop, on one of two servers. */
static Fake *set_up(void) {
        const char *wanted[] = { "1", "10", NULL }, *none[] = { NULL };
        L4Manager1Overlay *maps;
        Fake *f = fake_new();

        maps = fake_add_overlay(f, "maps");
        l4_manager1_overlay_set_kind(maps, "workshop");
        l4_manager1_overlay_set_wanted_items(maps, wanted);
        l4_manager1_overlay_set_items(
                maps, g_variant_new_parsed(
                              "[('1', 'One \033[2J', @t 2048, @t 1700000000000000, true, 'outdated'), "
                              "('10', 'All of them', 0, 0, false, 'collection'), "
                              "('2031028789', '', 0, 0, false, 'needs-steamcmd')]"));
        l4_manager1_overlay_set_campaigns(
                maps, g_variant_new_parsed("[('1', 'dark', 'Dark Night', [('versus', [('dark02', 'Two')]), "
                                           "('coop', [('dark01', 'One'), ('dark02', 'Two')])]), "
                                           "('2', '', '', [('', [('lonely', 'lonely')])])]"));
        g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(maps));
        l4_manager1_overlay_set_wanted_items(fake_add_overlay(f, "files"), none);
        (void) fake_add_instance(f, "versus-1", 27015);
        l4_manager1_instance_set_overlays(fake_add_instance(f, "coop-1", 27016), none);
        f->hook = answer;
        f->data = (gpointer) (gsize) "";
        return f;
}

static void test_items(void) {
        Fake *f = set_up();
        g_autoptr(Run) table = NULL, json = NULL, nobody = NULL;

        table = RUN(f, 0, "overlay", "items", "maps");
        g_assert_cmpstr(table->out->str, ==,
                "      ITEM  STATE             UPDATED           SIZE  TITLE\n"
                "         1  outdated, pinned  2023-11-14 22:13  2.0K  One \\x1b[2J\n"
                "        10  collection        -                    -  All of them\n"
                "2031028789  needs-steamcmd    -                    -  -\n");
        json = RUN(f, 0, "overlay", "items", "maps", "--json");
        assert_has(json->out,
                "{\"id\":\"10\",\"title\":\"All of them\",\"size\":0,\"updated\":0,\"pinned\":false,\"state\":\"collection\"}");
        nobody = RUN(f, 4, "overlay", "items", "map");
        assert_has(nobody->err, "did you mean maps?");
        fake_free(f);
}

static void test_items_changed(void) {
        Fake *f = set_up();
        g_autoptr(Run) add = NULL, rm = NULL, pin = NULL, unpin = NULL, build = NULL;

        add = RUN(f, 0, "overlay", "items", "maps", "add", "1",
                "https://steamcommunity.com/sharedfiles/filedetails/?id=77");
        g_assert_true(fake_called(f, "!SetItems maps (['1', '10', '77'],)"));
        g_assert_cmpstr(add->out->str, ==, "maps: from the next build on (left4mectl overlay build maps)\n");
        rm = RUN(f, 0, "overlay", "items", "maps", "rm", "1", "-q");
        g_assert_true(fake_called(f, "!SetItems maps (['10'],)"));
        g_assert_cmpstr(rm->out->str, ==, "");
        pin = RUN(f, 0, "overlay", "items", "maps", "pin", "1", "10");
        g_assert_true(fake_called(f, "!Pin maps ('1', true)"));
        g_assert_true(fake_called(f, "!Pin maps ('10', true)"));
        unpin = RUN(f, 0, "overlay", "items", "maps", "unpin", "1");
        g_assert_true(fake_called(f, "!Pin maps ('1', false)"));
        g_assert_false(fake_called(f, "!Build"));
        build = RUN(f, 0, "overlay", "items", "maps", "add", "5", "--build");
        g_assert_true(fake_called(f, "!Build maps ("));
        fake_free(f);
}

static void test_items_refused(void) {
        Fake *f = set_up();
        g_autoptr(Run) none = NULL, word = NULL, what = NULL, missing = NULL, kind = NULL, files = NULL;

        none = RUN(f, 2, "overlay", "items", "maps", "add");
        assert_has(none->err, "which items? left4mectl overlay items maps add ITEM...");
        word = RUN(f, 2, "overlay", "items", "maps", "add", "https://example.org/?id=5");
        assert_has(word->err, "'https://example.org/?id=5' is no item");
        what = RUN(f, 2, "overlay", "items", "maps", "remove", "1");
        assert_has(what->err, "'remove'? What can be done with items is: add, rm, pin and unpin");
        missing = RUN(f, 1, "overlay", "items", "maps", "rm", "2");
        assert_has(missing->err, "one that a collection brings goes with the collection");
        kind = RUN(f, 2, "overlay", "create", "x", "--kind", "files", "--item", "1");
        assert_has(kind->err, "--item is for overlays of --kind workshop");
        g_assert_false(fake_called(f, "!SetItems"));
        files = RUN(f, 1, "overlay", "items", "files", "add", "1");
        assert_has(files->err, "Only one of kind workshop has items.");
        fake_free(f);
}

static void test_create(void) {
        Fake *f = set_up();
        g_autoptr(Run) r = NULL, wrong = NULL;

        r = RUN(f, 0, "overlay", "create", "new", "--kind", "workshop", "--item", "7", "--item",
                "https://steamcommunity.com/workshop/filedetails/?id=8");
        g_assert_true(fake_called(f, "!CreateOverlay Manager1 ('new', 'workshop', "));
        g_assert_true(fake_called(
                f, "!SetItems new (['7', 'https://steamcommunity.com/workshop/filedetails/?id=8'],)"));
        wrong = RUN(f, 2, "overlay", "create", "other", "--kind", "workshop", "--item", "x");
        assert_has(wrong->err, "'x' is no item");
        g_assert_false(fake_called(f, "!CreateOverlay Manager1 ('other'"));
        fake_free(f);
}

static void test_refresh(void) {
        Fake *f = set_up();
        g_autoptr(Run) r = NULL, json = NULL, detached = NULL;

        r = RUN(f, 0, "overlay", "refresh");
        g_assert_true(fake_called(f, "!RefreshWorkshop Manager1"));
        json = RUN(f, 0, "overlay", "refresh", "--json");
        assert_has(json->out, "\"subject\":\"maps\"");
        assert_has(json->out, "\"subject\":\"l4d2\"");
        detached = RUN(f, 0, "overlay", "refresh", "--detach");
        assert_has(detached->out, "5\n");
        assert_has(detached->out, "6\n");
        fake_free(f);
}

static void test_app(void) {
        Fake *f = set_up();
        g_autoptr(Run) r = NULL, beta = NULL, json = NULL, wrong = NULL;

        (void) fake_add_overlay(f, "l4d2");
        r = RUN(f, 0, "overlay", "app", "l4d2", "222860");
        g_assert_true(fake_called(f, "!SetApp l4d2 (222860, 'public')"));
        g_assert_cmpstr(r->out->str, ==,
                "l4d2 holds app 222860, branch public; build it: left4mectl overlay build l4d2\n");
        beta = RUN(f, 0, "overlay", "app", "l4d2", "7", "beta-1", "-q");
        g_assert_true(fake_called(f, "!SetApp l4d2 (7, 'beta-1')"));
        json = RUN(f, 0, "overlay", "app", "l4d2", "7", "--json");
        g_assert_cmpstr(json->out->str, ==, "{\"name\":\"l4d2\",\"app\":7,\"branch\":\"public\"}\n");
        wrong = RUN(f, 2, "overlay", "app", "l4d2", "0");
        assert_has(wrong->err, "0 is not the id of an app");
        run_free(g_steal_pointer(&wrong));
        wrong = RUN(f, 2, "overlay", "app", "l4d2");
        fake_free(f);
}

static void test_source(void) {
        Fake *f = set_up();
        const char *words[] = { "overlay", "edit", "mods", "--from", "-", "--build", NULL };
        g_autoptr(Run) shown = NULL, taken = NULL;

        l4_manager1_overlay_set_kind(fake_add_overlay(f, "mods"), "script");
        f->data = (gpointer) (gsize) "echo one\n";
        shown = RUN(f, 0, "overlay", "source", "mods");
        g_assert_cmpstr(shown->out->str, ==, "echo one\n");
        taken = run_start(f, RUN_STDIN, words);
        run_send(taken, "echo two\n");
        run_close_input(taken);
        run_wait(taken);
        g_assert_cmpint(taken->status, ==, 0);
        g_assert_true(fake_called(f, "!SetSource mods ('echo two\\n',)"));
        g_assert_true(fake_called(f, "!Build mods ("));
        fake_free(f);
}

static void put(const char *directory, const char *name, const char *content) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        g_assert_true(g_file_set_contents(path, content, -1, NULL));
}

static void drop(const char *directory, const char *name) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        (void) g_unlink(path);
}

static void test_seed(void) {
        g_autofree char *directory = g_dir_make_tmp("left4mectl-test-XXXXXX", NULL);
        Fake *f = set_up();
        g_autoptr(Run) empty = NULL, r = NULL, json = NULL, only = NULL, none = NULL;

        empty = RUN(f, 1, "overlay", "seed", directory);
        assert_has(empty->err, "there is no script (NAME.sh) in ");
        put(directory, "one.sh", "echo 1\n");
        put(directory, "two.sh", "echo 2\n");
        put(directory, "README", "text");
        r = RUN(f, 0, "overlay", "seed", directory);
        g_assert_true(g_str_has_prefix(r->out->str, "one created\ntwo unchanged\n"));
        g_assert_true(
                fake_called(f,
                        "!SeedScriptOverlays Manager1 ({'one': 'echo 1\\n', 'two': 'echo 2\\n'}, {'Build': <true>})") ||
                fake_called(f,
                        "!SeedScriptOverlays Manager1 ({'two': 'echo 2\\n', 'one': 'echo 1\\n'}, {'Build': <true>})"));
        json = RUN(f, 0, "overlay", "seed", directory, "--json");
        assert_has(json->out, "[{\"name\":\"one\",\"outcome\":\"created\",\"job\":");
        assert_has(json->out, "{\"name\":\"two\",\"outcome\":\"unchanged\"}");
        only = RUN(f, 0, "overlay", "seed", directory, "--no-build", "-q");
        g_assert_cmpstr(only->out->str, ==, "");
        g_assert_nonnull(strstr(f->calls->pdata[f->calls->len - 1], "{'Build': <false>}"));
        none = RUN(f, 1, "overlay", "seed", "/nowhere/at/all");
        drop(directory, "one.sh");
        drop(directory, "two.sh");
        drop(directory, "README");
        (void) g_rmdir(directory);
        fake_free(f);
}

static void test_campaigns(void) {
        Fake *f = set_up();
        g_autoptr(Run) all = NULL, json = NULL, one = NULL, without = NULL, pattern = NULL, nobody = NULL;

        all = RUN(f, 0, "campaigns");
        g_assert_cmpstr(all->out->str, ==,
                "CAMPAIGN    FIRST MAP  MODES        OVERLAY  SERVERS\n"
                "Dark Night  dark01     versus coop  maps     versus-1\n"
                "-           lonely     -            maps     versus-1\n");
        json = RUN(f, 0, "campaigns", "--json");
        assert_has(json->out,
                "{\"name\":\"dark\",\"title\":\"Dark Night\",\"overlay\":\"maps\",\"item\":\"1\",\"modes\":{\"versus\":"
                "[{\"map\":\"dark02\",\"title\":\"Two\"}],");
        assert_has(json->out, "\"servers\":[\"versus-1\"]");
        one = RUN(f, 0, "campaigns", "versus-1", "-q");
        assert_has(one->out, "Dark Night  dark01");
        without = RUN(f, 0, "campaigns", "coop-1", "--json");
        g_assert_cmpstr(without->out->str, ==, "[]\n");
        pattern = RUN(f, 0, "campaigns", "versus-*", "coop-1");
        g_assert_cmpstr(pattern->out->str, ==, all->out->str);
        nobody = RUN(f, 4, "campaigns", "versus-2");
        assert_has(nobody->err, "did you mean versus-1?");
        fake_free(f);
}

/* What a freeze could not keep is told. */
static void test_freeze(void) {
        g_autoptr(Run) lossy = NULL, all = NULL;
        Fake *f = set_up();

        f->data = (gpointer) (gsize) "overlay saved: 2 files; 3 directories join with others";
        lossy = RUN(f, 0, "freeze", "versus-1", "saved");
        g_assert_cmpstr(lossy->out->str, ==,
                "saved: version 1 is current, 15B in 2 files\n"
                "saved: 3 directories join with others (see left4mectl job logs 1)\n");
        fake_remove(f, LEFT4ME_OVERLAY_PREFIX, "saved");
        f->data = (gpointer) (gsize) "overlay saved: 2 files";
        all = RUN(f, 0, "freeze", "versus-1", "saved", "--everything");
        g_assert_cmpstr(all->out->str, ==, "saved: version 1 is current, 15B in 2 files\n");
        g_assert_true(fake_called(f, "!Freeze versus-1 ('saved', {'Everything': <true>})"));
        fake_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/builds/items", test_items);
        g_test_add_func("/builds/items-changed", test_items_changed);
        g_test_add_func("/builds/items-refused", test_items_refused);
        g_test_add_func("/builds/create", test_create);
        g_test_add_func("/builds/refresh", test_refresh);
        g_test_add_func("/builds/app", test_app);
        g_test_add_func("/builds/source", test_source);
        g_test_add_func("/builds/seed", test_seed);
        g_test_add_func("/builds/campaigns", test_campaigns);
        g_test_add_func("/builds/freeze", test_freeze);
        return g_test_run();
}
