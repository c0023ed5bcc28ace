/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* files, cat, get, and conflicts where they are told. */

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>

#include "dbus/names.h"
#include "run.h"

#define CONFLICTS \
        "[('map', 'left4dead2/maps/c1.bsp', ['mods', 'maps']), ('map', 'left4dead2/addons/x.vpk:maps/c2.bsp', ['mods', 'maps'])," \
        " ('plugin', 'left4dead2/addons/sourcemod/plugins/a.smx', ['a', 'b', 'c'])]"
#define WARNINGS \
        "left4mectl: versus-1: mods hides 2 maps of maps: c1.bsp, c2.bsp\n" \
        "left4mectl: versus-1: a hides 1 plugin of b and c: a.smx\n"

static Fake *fake_with_server(void) {
        Fake *f = fake_new();

        (void) fake_add_instance(f, "versus-1", 27015);
        f->log = "hello\r\n\033[31mworld \303\244\n";
        return f;
}

static JsonNode *parse_json(const Run *r) {
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autoptr(GError) error = NULL;

        (void) json_parser_load_from_data(parser, r->out->str, (gssize) r->out->len, &error);
        g_assert_no_error(error);
        return json_node_copy(json_parser_get_root(parser));
}

static void test_files(void) {
        Fake *f = fake_with_server();
        g_autoptr(Run) seen = NULL, layers = NULL, all = NULL, json = NULL, wrong = NULL, nobody = NULL;
        g_autoptr(JsonNode) node = NULL;
        JsonObject *object;

        seen = RUN(f, 0, "files", "versus-1");
        g_assert_cmpstr(seen->out->str, ==,
                "SIZE  MODIFIED          LAYER   NAME\n"
                "   -  2024-11-22 02:53  @upper  left4dead2/\n"
                "   -  -                 @upper  pipe|\n");
        g_assert_true(fake_called(f, "!ListFiles versus-1 ('', false)"));

        layers = RUN(f, 0, "files", "versus-1", "/", "--layers");
        g_assert_cmpstr(layers->out->str, ==,
                "SIZE  MODIFIED          LAYER             NAME\n"
                "   -  2024-11-22 02:53  @upper  whiteout  gone.cfg\n"
                " 10B  2024-11-22 02:53  l4d2/1  hidden    gone.cfg\n"
                "   -  2024-11-22 02:53  @upper            left4dead2/\n"
                "   -  2024-11-22 02:53  l4d2/1  merged    left4dead2/\n"
                "   -  -                 @upper            pipe|\n");

        all = RUN(f, 0, "files", "-qR", "versus-1");
        assert_has(all->out, "maps/3  left4dead2/motd.txt\n");

        json = RUN(f, 0, "files", "versus-1", "left4dead2/", "--json");
        node = parse_json(json);
        object = json_array_get_object_element(json_node_get_array(node), 0);
        g_assert_cmpstr(json_object_get_string_member(object, "path"), ==, "left4dead2/motd.txt");
        g_assert_cmpstr(json_object_get_string_member(object, "layer"), ==, "maps");
        g_assert_cmpint(json_object_get_int_member(object, "version"), ==, 3);
        g_assert_true(json_object_get_boolean_member(object, "visible"));

        wrong = RUN(f, 4, "files", "versus-1", "left4dead");
        assert_has(wrong->err, "There is no such directory.\n");
        assert_has(wrong->err, "did you mean left4dead2?\n");
        nobody = RUN(f, 4, "files", "versus-2");
        assert_has(nobody->err, "no server 'versus-2'; did you mean versus-1?");
        fake_free(f);
}

static void test_cat(void) {
        Fake *f = fake_with_server();
        g_autoptr(Run) plain = NULL, terminal = NULL, layer = NULL, wrong = NULL, json = NULL;

        /* As it is; but a terminal is not to obey what a game wrote. */
        plain = RUN(f, 0, "cat", "versus-1", "left4dead2/motd.txt");
        g_assert_cmpstr(plain->out->str, ==, "hello\r\n\033[31mworld \303\244\n");
        terminal = RUN_ON_TERMINAL(f, 0, "cat", "versus-1", "/left4dead2/motd.txt");
        g_assert_cmpstr(terminal->out->str, ==, "hello\r\n\\x1b[31mworld \303\244\r\n");
        layer = RUN(f, 0, "cat", "versus-1", "motd.txt", "--layer", "maps");
        g_assert_true(fake_called(f, "!OpenFile versus-1 ('motd.txt', 'maps')"));

        wrong = RUN(f, 4, "cat", "versus-1", "left4dead2/modt.txt");
        assert_has(wrong->err, "did you mean left4dead2/motd.txt?\n");
        json = RUN(f, 2, "cat", "versus-1", "motd.txt", "--json");
        fake_free(f);
}

static void assert_file(const char *path, const char *expected) {
        g_autofree char *content = NULL;

        (void) g_file_get_contents(path, &content, NULL, NULL);
        g_assert_cmpstr(content, ==, expected);
}

static void test_get(void) {
        Fake *f = fake_with_server();
        g_autofree char *directory = g_dir_make_tmp("left4me-get-XXXXXX", NULL),
                        *file = g_build_filename(directory, "motd.txt", NULL),
                        *other = g_build_filename(directory, "other", NULL);
        g_autoptr(Run) into = NULL, again = NULL, asked = NULL, forced = NULL, out = NULL, away = NULL,
                       nowhere = NULL;
        const char *const words[] = { "get", "versus-1", "left4dead2/motd.txt", other, NULL };
        g_autoptr(GDir) dir = NULL;

        f->log = "one";
        into = RUN(f, 0, "get", "versus-1", "left4dead2/motd.txt", directory);
        assert_file(file, "one");
        assert_has(into->out, "motd.txt written, 3");

        /* Nothing is overwritten that nobody said may be. */
        f->log = "two";
        again = RUN(f, 2, "get", "versus-1", "left4dead2/motd.txt", file);
        assert_has(again->err, "--yes");
        assert_file(file, "one");
        g_assert_true(g_file_set_contents(other, "mine", -1, NULL));
        asked = run_start(f, RUN_TERMINAL, words);
        run_until(asked, "[y/N]");
        run_send(asked, "n\n");
        run_wait(asked);
        assert_file(other, "mine");
        forced = RUN(f, 0, "get", "versus-1", "left4dead2/motd.txt", file, "--force", "--json");
        assert_file(file, "two");
        assert_has(forced->out, "\"size\":3");

        out = RUN(f, 0, "get", "versus-1", "left4dead2/motd.txt", "-");
        g_assert_cmpstr(out->out->str, ==, "two");
        away = RUN(f, 2, "-H", "elsewhere", "get", "versus-1", "left4dead2/motd.txt");
        nowhere = RUN(f, 1, "get", "versus-1", "left4dead2/motd.txt", "/nowhere/at/all");
        assert_has(nowhere->err, "cannot write /nowhere/at/all");

        /* And nothing is left lying about. */
        (void) g_unlink(file);
        (void) g_unlink(other);
        g_assert_cmpint(g_rmdir(directory), ==, 0);
        fake_free(f);
}

static void test_conflicts(void) {
        Fake *f = fake_with_server();
        g_autoptr(Run) start = NULL, stop = NULL, quiet = NULL, status = NULL, create = NULL, stack = NULL,
                       other = NULL, json = NULL;
        g_autoptr(JsonNode) node = NULL;
        JsonArray *conflicts;

        f->conflicts = CONFLICTS;
        start = RUN(f, 0, "start", "versus-1");
        g_assert_cmpstr(start->out->str, ==, "versus-1 started\n");
        g_assert_cmpstr(start->err->str, ==, WARNINGS);
        stop = RUN(f, 0, "stop", "versus-1");
        g_assert_cmpstr(stop->err->str, ==, "");
        quiet = RUN(f, 0, "-q", "restart", "versus-1");
        g_assert_cmpstr(quiet->err->str, ==, "");

        status = RUN(f, 0, "status", "versus-1", "-n0");
        assert_has(status->out, "   Conflicts: mods hides 2 maps of maps: c1.bsp, c2.bsp\n");
        assert_has(status->out, "              a hides 1 plugin of b and c: a.smx\n");
        stack = RUN(f, 0, "configure", "versus-1", "-o", "mods", "-o", "maps");
        g_assert_cmpstr(stack->err->str, ==, WARNINGS);
        other = RUN(f, 0, "configure", "versus-1", "--autostart");
        g_assert_cmpstr(other->err->str, ==, "");
        create = RUN(f, 0, "clone", "versus-1", "versus-2");
        assert_has(create->err, "left4mectl: versus-2: mods hides 2 maps");

        json = RUN(f, 0, "restart", "versus-1", "--json");
        node = parse_json(json);
        conflicts = json_object_get_array_member(
                json_array_get_object_element(json_node_get_array(node), 0), "conflicts");
        g_assert_cmpuint(json_array_get_length(conflicts), ==, 3);
        g_assert_cmpstr(json_object_get_string_member(json_array_get_object_element(conflicts, 1), "path"),
                ==, "left4dead2/addons/x.vpk:maps/c2.bsp");
        fake_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/files/files", test_files);
        g_test_add_func("/files/cat", test_cat);
        g_test_add_func("/files/get", test_get);
        g_test_add_func("/files/conflicts", test_conflicts);
        return g_test_run();
}
