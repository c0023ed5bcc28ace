/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Versions and single files of overlays: rollback, keep, diff, rename, cat, get, put, rm, edit. */

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "dbus/names.h"
#include "run.h"

/* "maps" with versions 1 to 4. */
static Fake *set_up(void) {
        Fake *f = fake_new();
        L4Manager1Overlay *maps = fake_add_overlay(f, "maps");

        for (guint i = 0; i < 4; i++)
                fake_add_version(maps, 1 << 20, 3, "");
        l4_manager1_overlay_set_keep_versions(maps, 4);
        return f;
}

static void test_rollback(void) {
        Fake *f = set_up();
        L4Manager1Instance *versus = fake_add_instance(f, "versus-1", 27015);
        g_autoptr(Run) before = NULL, again = NULL, named = NULL, json = NULL, wrong = NULL, missing = NULL;

        (void) fake_add_instance(f, "coop-1", 27016);
        l4_manager1_instance_set_layers_in_use(
                versus, g_variant_new_parsed("[('maps', @u 4), ('l4d2', @u 1)]"));
        before = RUN(f, 0, "overlay", "rollback", "maps");
        g_assert_cmpstr(before->out->str, ==,
                "maps: version 3 is current, servers get it at their next start\n"
                "until a restart another version is used by: versus-1\n");
        g_assert_true(fake_called(f, "!Rollback maps (3,)"));
        again = RUN(f, 0, "overlay", "rollback", "maps", "3");
        assert_has(again->out, "maps: version 3 is current already\n");
        named = RUN(f, 0, "overlay", "rollback", "maps", "4", "-q");
        g_assert_cmpstr(named->out->str, ==, "");
        json = RUN(f, 0, "overlay", "rollback", "maps", "1", "--json");
        g_assert_cmpstr(json->out->str, ==, "{\"name\":\"maps\",\"current\":1,\"previous\":4}\n");

        wrong = RUN(f, 4, "overlay", "rollback", "maps");
        assert_has(wrong->err, "maps has no version before 1\n");
        run_free(g_steal_pointer(&wrong));
        wrong = RUN(f, 2, "overlay", "rollback", "maps", "new");
        assert_has(wrong->err, "'new' is no number of a version\n");
        missing = RUN(f, 4, "overlay", "rollback", "map");
        assert_has(missing->err, "did you mean maps?");
        fake_free(f);
}

static void test_keep(void) {
        Fake *f = set_up();
        g_autoptr(Run) refused = NULL, yes = NULL, more = NULL, json = NULL, wrong = NULL, asked = NULL;
        const char *words[] = { "overlay", "keep", "maps", "1", NULL };

        refused = RUN(f, 2, "overlay", "keep", "maps", "2");
        assert_has(refused->err, "Keeping 2 versions of maps loses these: 1, 2.\n");
        g_assert_false(fake_called(f, "!SetKeepVersions"));
        yes = RUN(f, 0, "overlay", "keep", "maps", "2", "--yes");
        g_assert_cmpstr(yes->out->str, ==, "maps keeps its newest 2 versions\n");
        g_assert_true(fake_called(f, "!SetKeepVersions maps (2,)"));
        more = RUN(f, 0, "overlay", "keep", "maps", "10");
        json = RUN(f, 0, "overlay", "keep", "maps", "10", "--json");
        g_assert_cmpstr(json->out->str, ==, "{\"name\":\"maps\",\"keep_versions\":10}\n");
        wrong = RUN(f, 2, "overlay", "keep", "maps", "0");

        asked = run_start(f, RUN_TERMINAL, words);
        run_until(asked, "[y/N]");
        run_send(asked, "n\n");
        run_wait(asked);
        g_assert_cmpint(WEXITSTATUS(asked->status), ==, 1);
        g_assert_false(fake_called(f, "!SetKeepVersions maps (1,)"));
        fake_free(f);
}

static void test_diff(void) {
        Fake *f = set_up();
        g_autoptr(Run) r = NULL, json = NULL, same = NULL, first = NULL, none = NULL;

        r = RUN(f, 0, "overlay", "diff", "maps");
        g_assert_true(fake_called(f, "!Diff maps (3, 4)"));
        g_assert_cmpstr(r->out->str, ==,
                "CHANGE   BEFORE  AFTER  PATH\n"
                "added         -      -  cfg/\n"
                "added         -   2.0K  cfg/a.cfg\n"
                "changed     10B    20B  b.cfg\n"
                "removed      5B      -  c.cfg\n");
        first = RUN(f, 0, "overlay", "diff", "maps", "1", "-q");
        g_assert_true(fake_called(f, "!Diff maps (1, 4)"));
        json = RUN(f, 0, "overlay", "diff", "maps", "1", "2", "--json");
        g_assert_true(fake_called(f, "!Diff maps (1, 2)"));
        assert_has(json->out, "{\"path\":\"b.cfg\",\"change\":\"changed\",\"before\":10,\"after\":20}");
        same = RUN(f, 0, "overlay", "diff", "maps", "2", "2");
        g_assert_cmpstr(same->out->str, ==, "maps: versions 2 and 2 hold the same\n");
        (void) fake_add_overlay(f, "empty");
        none = RUN(f, 4, "overlay", "diff", "empty");
        fake_free(f);
}

static void test_rename(void) {
        Fake *f = set_up();
        g_autoptr(Run) r = NULL, json = NULL;

        r = RUN(f, 0, "overlay", "rename", "maps", "atlas");
        g_assert_cmpstr(r->out->str, ==, "maps is now atlas\n");
        g_assert_true(fake_called(f, "!Rename maps ('atlas',)"));
        json = RUN(f, 0, "overlay", "rename", "maps", "atlas", "--json");
        g_assert_cmpstr(json->out->str, ==, "{\"name\":\"atlas\",\"old_name\":\"maps\"}\n");
        fake_free(f);
}

static void test_files(void) {
        g_autofree char *directory = g_dir_make_tmp("left4mectl-test-XXXXXX", NULL),
                        *file = g_build_filename(directory, "x.cfg", NULL), *content = NULL;
        Fake *f = set_up();
        g_autoptr(Run) cat = NULL, get = NULL, put = NULL, refused = NULL, rm = NULL, none = NULL,
                       folder = NULL;

        f->log = "echo one\n";
        cat = RUN(f, 0, "overlay", "cat", "maps", "/left4dead2/cfg/x.cfg", "--version", "2");
        g_assert_cmpstr(cat->out->str, ==, "echo one\n");
        g_assert_true(fake_called(f, "!OpenFile maps ('left4dead2/cfg/x.cfg', 2)"));
        none = RUN(f, 4, "overlay", "cat", "maps", "none");
        get = RUN(f, 0, "overlay", "get", "maps", "left4dead2/cfg/x.cfg", directory);
        g_assert_true(g_file_get_contents(file, &content, NULL, NULL));
        g_assert_cmpstr(content, ==, "echo one\n");

        put = RUN(f, 0, "overlay", "put", "maps", "left4dead2/cfg/x.cfg", file, "-x", "--label", "mine");
        g_assert_true(fake_called(f, "!PutFile maps ('left4dead2/cfg/x.cfg', {"));
        g_assert_cmpstr(f->imported->str, ==, "echo one\n");
        assert_has(put->out, "maps: version 5 is current, 9B in 3 files\n");
        folder = RUN(f, 1, "overlay", "put", "maps", "a", directory);
        assert_has(folder->err, "is a directory; a file is wanted");

        refused = RUN(f, 2, "overlay", "rm", "maps", "a", "b");
        assert_has(
                refused->err, "Removing a, b from maps; older versions have it as long as they are kept.\n");
        rm = RUN(f, 0, "overlay", "rm", "-y", "maps", "./a", "b/");
        g_assert_true(fake_called(f, "!RemoveFiles maps (['a', 'b'],)"));
        (void) g_unlink(file);
        (void) g_rmdir(directory);
        fake_free(f);
}

/* From standard input all is taken first: its size is announced. */
static void test_put_input(void) {
        const char *words[] = { "overlay", "put", "maps", "a", NULL };
        Fake *f = set_up();
        g_autoptr(Run) r = run_start(f, RUN_STDIN, words);

        run_send(r, "0123456789");
        run_close_input(r);
        run_wait(r);
        g_assert_cmpint(r->status, ==, 0);
        g_assert_true(fake_called(f, "!PutFile maps ('a', {'Size': <uint64 10>})"));
        g_assert_cmpstr(f->imported->str, ==, "0123456789");
        fake_free(f);
}

static Run *edit(Fake *f, int code, const char *script, const char *path) {
        g_unsetenv("VISUAL");
        g_setenv("EDITOR", script, TRUE);
        return RUN(f, code, "overlay", "edit", "maps", path);
}

/* The text that the message says is kept, which is removed. */
static char *take_kept(const Run *r) {
        g_autofree char *path = NULL, *directory = NULL;
        const char *at = strstr(r->err->str, "your text is kept in ");
        char *text;

        g_assert_nonnull(at);
        path = g_strchomp(g_strdup(at + strlen("your text is kept in ")));
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        directory = g_path_get_dirname(path);
        (void) g_unlink(path);
        (void) g_rmdir(directory);
        return text;
}

static void test_edit(void) {
        Fake *f = set_up();
        g_autoptr(Run) changed = NULL, same = NULL, failed = NULL, new = NULL, broken = NULL;

        f->log = "one\n";
        changed = edit(f, 0, "sh -c 'echo two >>$1' sh", "cfg/x.cfg");
        g_assert_true(fake_called(f, "!OpenFile maps ('cfg/x.cfg', 4)"));
        g_assert_true(fake_called(f, "!PutFile maps ('cfg/x.cfg', {'Size': <uint64 8>})"));
        g_assert_cmpstr(f->imported->str, ==, "one\ntwo\n");

        g_ptr_array_set_size(f->calls, 0);
        same = edit(f, 0, "true", "cfg/x.cfg");
        g_assert_cmpstr(same->out->str, ==, "cfg/x.cfg: nothing changed\n");
        failed = edit(f, 1, "false", "cfg/x.cfg");
        assert_has(failed->err, "nothing was changed");
        g_assert_false(fake_called(f, "!PutFile"));

        g_string_truncate(f->imported, 0);
        new = edit(f, 0, "sh -c 'echo new >$1' sh", "cfg/none");
        g_assert_cmpstr(f->imported->str, ==, "new\n");

        /* An editor that fails after it wrote: nothing is put, and nothing is lost. */
        broken = edit(f, 1, "sh -c 'echo half >$1; exit 3' sh", "cfg/x.cfg");
        {
                g_autofree char *text = take_kept(broken);

                g_assert_cmpstr(text, ==, "half\n");
        }
        fake_free(f);
}

static gboolean make_version(
        Fake *f, const char *method, const char *name, GDBusMethodInvocation *invocation) {
        L4Manager1Overlay *maps = fake_find(f, LEFT4ME_OVERLAY_PREFIX "/maps", LEFT4ME_OVERLAY_INTERFACE);

        /* Between the first look at the file and the next one. */
        if (g_str_equal(method, "OpenFile") && g_strcmp0(f->data, "changed") != 0) {
                fake_add_version(maps, 1, 1, "");
                f->data = (gpointer) (gsize) "changed";
        } else if (g_str_equal(method, "OpenFile"))
                f->log = "theirs\n";
        return FALSE;
}

static void test_edit_lost(void) {
        Fake *f = set_up();
        g_autoptr(Run) meanwhile = NULL, refused = NULL;
        g_autofree char *kept = NULL, *again = NULL;

        f->log = "one\n";
        f->hook = make_version;
        meanwhile = edit(f, 2, "sh -c 'echo mine >$1' sh", "cfg/x.cfg");
        assert_has(meanwhile->err, "Version 5 of maps became current meanwhile, with another cfg/x.cfg");
        g_assert_false(fake_called(f, "!PutFile"));
        kept = take_kept(meanwhile);
        g_assert_cmpstr(kept, ==, "mine\n");

        f->hook = NULL;
        f->import = FAKE_IMPORT_REFUSE;
        refused = edit(f, 1, "sh -c 'echo mine >$1' sh", "cfg/x.cfg");
        again = take_kept(refused);
        g_assert_cmpstr(again, ==, "mine\n");
        fake_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/versions/rollback", test_rollback);
        g_test_add_func("/versions/keep", test_keep);
        g_test_add_func("/versions/diff", test_diff);
        g_test_add_func("/versions/rename", test_rename);
        g_test_add_func("/versions/files", test_files);
        g_test_add_func("/versions/put-input", test_put_input);
        g_test_add_func("/versions/edit", test_edit);
        g_test_add_func("/versions/edit-lost", test_edit_lost);
        return g_test_run();
}
