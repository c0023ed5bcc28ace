/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files of an instance: ListFiles, OpenFile and FindConflicts. What hides what is compared with the kernel by tests/unit/test-layers.c. */

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "world.h"

#define VERSUS LEFT4ME_INSTANCE_PREFIX "/versus_2d1", LEFT4ME_INSTANCE_INTERFACE
#define STATE "var/lib/left4me/"
#define UPPER STATE "uppers/versus-1/upper/"
#define GAME STATE "overlays/game/versions/1/"

/* A server on "maps" over "game", which was never started, and what it wrote all the same. */
static void set_up_server(Fixture *f) {
        g_free(world_overlay(f, "game"));
        g_free(world_overlay(f, "maps"));
        fixture_write(f, GAME "left4dead2/own/c1.bsp", "one");
        fixture_write(f, GAME "left4dead2/own/c2.bsp", "two");
        fixture_write(f, STATE "overlays/maps/versions/1/left4dead2/own/c2.bsp", "better");
        fixture_write(f, UPPER "left4dead2/own/c2.bsp", "the server's");
        g_variant_unref(call(f, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "CreateInstance",
                g_variant_new_parsed("('versus-1', {'Game': <'game'>, 'Overlays': <['maps']>})")));
}

/* As "name type size layer/version" a line, "-" after what is not visible. */
static char *list(Fixture *f, const char *directory, gboolean all) {
        g_autoptr(GVariant) reply = call(f, VERSUS, "ListFiles", g_variant_new("(sb)", directory, all));
        g_autoptr(GVariant) files = g_variant_get_child_value(reply, 0);
        GString *text = g_string_new(NULL);
        const char *name, *type, *layer;
        guint64 size, modified;
        guint32 version;
        gboolean visible;
        GVariantIter iter;

        g_variant_iter_init(&iter, files);
        while (g_variant_iter_next(
                &iter, "(&s&stt&sub)", &name, &type, &size, &modified, &layer, &version, &visible))
                g_string_append_printf(text, "%s %s %u %s/%u%s\n", name, type, (unsigned) size, layer,
                        version, visible ? "" : " -");
        return g_string_free(text, FALSE);
}

static void assert_list(Fixture *f, const char *directory, gboolean all, const char *expected) {
        g_autofree char *text = list(f, directory, all);

        g_assert_cmpstr(text, ==, expected);
}

static char *read_file(Fixture *f, const char *path, const char *layer) {
        g_autoptr(Call) c = call_begin(f->client, VERSUS, "OpenFile", g_variant_new("(ss)", path, layer));
        g_autofree char *content = g_malloc0(1000);
        g_autoptr(GError) error = NULL;
        int handle, fd;

        g_assert_cmpstr(call_error_name(c), ==, "");
        g_variant_get(c->reply, "(h)", &handle);
        fd = g_unix_fd_list_get(c->fds, handle, &error);
        g_assert_no_error(error);
        g_assert_cmpint(fcntl(fd, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
        g_assert_cmpint(read(fd, content, 999), >=, 0);
        (void) close(fd);
        return g_steal_pointer(&content);
}

static void assert_file(Fixture *f, const char *path, const char *layer, const char *expected) {
        g_autofree char *content = read_file(f, path, layer);

        g_assert_cmpstr(content, ==, expected);
}

static void list_refused(Fixture *f, const char *directory, const char *error) {
        call_refused(f, VERSUS, "ListFiles", g_variant_new("(sb)", directory, TRUE), error);
}

static void open_refused(Fixture *f, const char *path, const char *layer, const char *error) {
        call_refused(f, VERSUS, "OpenFile", g_variant_new("(ss)", path, layer), error);
}

static void test_list(Fixture *f) {
        set_up_server(f);

        assert_list(f, "left4dead2/own", FALSE, "c1.bsp file 3 game/1\nc2.bsp file 12 @upper/0\n");
        assert_list(f, "left4dead2/own", TRUE,
                "c1.bsp file 3 game/1\nc2.bsp file 12 @upper/0\nc2.bsp file 6 maps/1 -\nc2.bsp file 3 game/1 -\n");
        assert_list(f, "left4dead2/cfg", FALSE,
                "left4me.cfg file 0 @generated/0\nserver.cfg file 0 @generated/0\n");

        list_refused(f, "left4dead2/ow", LEFT4ME_ERROR_NO_SUCH_FILE);
        list_refused(f, "left4dead2/own/c1.bsp", LEFT4ME_ERROR_NO_SUCH_FILE);
        list_refused(f, "/left4dead2", LEFT4ME_ERROR_INVALID_ARGUMENT);
        list_refused(f, "left4dead2/../..", LEFT4ME_ERROR_INVALID_ARGUMENT);
        list_refused(f, "left4dead2\\", LEFT4ME_ERROR_INVALID_ARGUMENT);
        list_refused(f, "left4dead2/", LEFT4ME_ERROR_INVALID_ARGUMENT);
}

static void test_open(Fixture *f) {
        set_up_server(f);

        assert_file(f, "left4dead2/own/c2.bsp", "", "the server's");
        assert_file(f, "left4dead2/own/c2.bsp", "@upper", "the server's");
        assert_file(f, "left4dead2/own/c2.bsp", "maps", "better");
        assert_file(f, "left4dead2/own/c2.bsp", "game", "two");
        assert_file(f, "left4dead2/own/c1.bsp", "", "one");

        open_refused(f, "left4dead2/own/c1.bsp", "maps", LEFT4ME_ERROR_NO_SUCH_FILE);
        open_refused(f, "left4dead2/own/c1.bsp", "mods", LEFT4ME_ERROR_NO_SUCH_FILE);
        open_refused(f, "left4dead2/own/c1.bsp", "../..", LEFT4ME_ERROR_NO_SUCH_FILE);
        open_refused(f, "left4dead2/own", "", LEFT4ME_ERROR_NOT_READABLE);
        open_refused(f, "left4dead2/cfg/server.cfg", "", LEFT4ME_ERROR_NOT_READABLE);
        open_refused(f, "left4dead2/cfg/left4me.cfg", "", LEFT4ME_ERROR_NOT_READABLE);
        open_refused(f, "left4dead2/cfg/left4me.cfg", "@generated", LEFT4ME_ERROR_NOT_READABLE);
        open_refused(f, "argv", "@generated", LEFT4ME_ERROR_NO_SUCH_FILE);
        open_refused(f, "", "", LEFT4ME_ERROR_INVALID_ARGUMENT);
        open_refused(f, "../left4me.cfg", "@generated", LEFT4ME_ERROR_INVALID_ARGUMENT);
        open_refused(f, "/etc/passwd", "", LEFT4ME_ERROR_INVALID_ARGUMENT);
}

static void put_special(Fixture *f, const char *name, mode_t mode) {
        g_autofree char *path = fixture_path(f, UPPER), *full = g_build_filename(path, name, NULL);

        g_assert_cmpint(mknod(full, mode, 0), ==, 0);
}

/* What a game puts there to hurt whoever looks. */
static void test_hostile(Fixture *f) {
        g_autofree char *outside = NULL, *link = NULL, *many = NULL, *closed = NULL;

        set_up_server(f);
        fixture_write(f, UPPER "closed/file", "");
        fixture_write(f, UPPER "many/0", "");
        closed = fixture_path(f, UPPER "closed");
        many = fixture_path(f, UPPER "many");
        outside = fixture_path(f, UPPER "outside");
        link = fixture_path(f, UPPER "link");
        g_assert_cmpint(symlink("/etc", outside), ==, 0);
        g_assert_cmpint(symlink("../../../instances/versus-1/left4me.cfg", link), ==, 0);
        put_special(f, "fifo", S_IFIFO | 0666);
        put_special(f, "\377\033[2J", S_IFREG | 0644);
        for (unsigned i = 0; i < 20001; i++) {
                g_autofree char *name = g_strdup_printf("many/%u.x", i);

                put_special(f, name, S_IFREG | 0644);
        }

        assert_list(f, "", FALSE,
                "closed directory 0 @upper/0\nfifo special 0 @upper/0\nleft4dead2 directory 0 @upper/0\n"
                "link symlink 39 @upper/0\nmany directory 0 @upper/0\nnews-2 file 6 maps/1\n"
                "outside symlink 4 @upper/0\nsrcds_run file 10 game/1\n\\xff\\x1b[2J file 0 @upper/0\n");
        assert_file(f, "\\xff\\x1b[2J", "", "");
        open_refused(f, "fifo", "", LEFT4ME_ERROR_NOT_READABLE);
        open_refused(f, "link", "", LEFT4ME_ERROR_NOT_READABLE);
        open_refused(f, "outside/passwd", "", LEFT4ME_ERROR_NO_SUCH_FILE);
        list_refused(f, "outside", LEFT4ME_ERROR_NO_SUCH_FILE);
        list_refused(f, "many", LEFT4ME_ERROR_LIMITS_EXCEEDED);

        /* Modes mean nothing to root, as which this may run. */
        if (geteuid() != 0) {
                g_assert_cmpint(chmod(closed, 0), ==, 0);
                list_refused(f, "closed", LEFT4ME_ERROR_NOT_READABLE);
                open_refused(f, "closed/file", "", LEFT4ME_ERROR_NOT_READABLE);
                g_assert_cmpint(chmod(closed, 0700), ==, 0);
        }
}

/* Read in slices: all of it comes, others are served meanwhile, and not too many wait. */
static void test_large(Fixture *f) {
        g_autoptr(GPtrArray) calls = g_ptr_array_new_with_free_func((GDestroyNotify) call_free);
        unsigned refused = 0, answered = 0;

        set_up_server(f);
        fixture_write(f, UPPER "large/0", "");
        for (unsigned i = 1; i < 3000; i++) {
                g_autofree char *name = g_strdup_printf("large/%u", i);

                put_special(f, name, S_IFREG | 0644);
        }

        for (unsigned i = 0; i < 20; i++)
                g_ptr_array_add(calls,
                        call_begin(f->client, VERSUS, "ListFiles", g_variant_new("(sb)", "large", TRUE)));
        g_ptr_array_add(calls, call_begin(f->client, VERSUS, "ListFiles", g_variant_new("(sb)", "", TRUE)));
        for (unsigned i = 0; i < calls->len; i++) {
                Call *c = calls->pdata[i];
                const char *error = call_error_name(c);
                g_autoptr(GVariant) files = *error == '\0' ? g_variant_get_child_value(c->reply, 0) : NULL;

                answered += files && (i + 1 == calls->len || g_variant_n_children(files) == 3000);
                refused += g_str_equal(error, LEFT4ME_ERROR_LIMITS_EXCEEDED);
        }
        g_assert_cmpuint(answered + refused, ==, 21);
        g_assert_cmpuint(answered, >=, 9);
        g_assert_cmpuint(refused, >, 0);

        /* The daemon ends in the middle of one. */
        g_ptr_array_set_size(calls, 0);
        g_ptr_array_add(
                calls, call_begin(f->client, VERSUS, "ListFiles", g_variant_new("(sb)", "large", TRUE)));
}

/* The layers of a server that runs are those that it was started with. */
static void test_mounted(Fixture *f) {
        if (!world_mount(f))
                return;

        set_up_server(f);
        g_variant_unref(call(f, VERSUS, "Start", NULL));
        world_import(f, "maps");
        assert_list(f, "left4dead2/own", TRUE,
                "c1.bsp file 3 game/1\nc2.bsp file 12 @upper/0\nc2.bsp file 6 maps/1 -\nc2.bsp file 3 game/1 -\n");
        open_refused(f, "left4dead2/cfg/left4me.cfg", "", LEFT4ME_ERROR_NOT_READABLE);
        g_variant_unref(call(f, VERSUS, "Stop", NULL));
        assert_list(f, "left4dead2/own", TRUE,
                "c1.bsp file 3 game/1\nc2.bsp file 12 @upper/0\nc2.bsp file 6 maps/2 -\nc2.bsp file 3 game/1 -\n");
}

static void test_missing_layer(Fixture *f) {
        g_free(world_server(f, "versus-1"));

        list_refused(f, "", LEFT4ME_ERROR_MISSING_LAYER);
        open_refused(f, "srcds_run", "", LEFT4ME_ERROR_MISSING_LAYER);
}

/* -- conflicts ------------------------------------------------------------------------------------------------- */

static void put(Fixture *f, const char *overlay, const char *file) {
        g_autofree char *path = g_strdup_printf(STATE "overlays/%s/versions/1/left4dead2/%s", overlay, file);

        fixture_write(f, path, "");
}

static void set_overlays(Fixture *f, const char *overlays) {
        g_variant_unref(
                call(f, VERSUS, "SetOverlays", g_variant_new("(@as)", g_variant_new_parsed(overlays))));
}

static void assert_conflicts(Fixture *f, const char *expected) {
        g_autoptr(GVariant) reply = call(f, VERSUS, "FindConflicts", NULL);
        g_autofree char *text = g_variant_print(reply, FALSE);

        g_assert_cmpstr(text, ==, expected);
}

static void test_conflicts(Fixture *f) {
        set_up_server(f);
        g_free(world_overlay(f, "mods"));
        g_free(world_empty_overlay(f, "nothing"));
        put(f, "game", "maps/c1m1_hotel.bsp");
        put(f, "maps", "maps/c1m1_hotel.bsp");
        put(f, "maps", "maps/own.bsp");
        put(f, "maps", "addons/sourcemod/plugins/a.smx");
        put(f, "maps", "addons/sourcemod/gamedata/x/a.txt");
        put(f, "mods", "maps/Own.bsp");
        put(f, "mods", "addons/sourcemod/plugins/a.smx");
        put(f, "mods", "addons/sourcemod/gamedata/x/a.txt");
        put(f, "mods", "addons/sourcemod/plugins/alone.smx");

        /* The game is there to be overridden. */
        assert_conflicts(f, "([],)");
        set_overlays(f, "['mods', 'nothing', 'maps']");
        assert_conflicts(f,
                "([('map', 'left4dead2/maps/Own.bsp', ['mods', 'maps']), "
                "('plugin', 'left4dead2/addons/sourcemod/plugins/a.smx', ['mods', 'maps']), "
                "('gamedata', 'left4dead2/addons/sourcemod/gamedata/x/a.txt', ['mods', 'maps'])],)");
        set_overlays(f, "['maps', 'nothing', 'mods']");
        assert_conflicts(f,
                "([('map', 'left4dead2/maps/own.bsp', ['maps', 'mods']), "
                "('plugin', 'left4dead2/addons/sourcemod/plugins/a.smx', ['maps', 'mods']), "
                "('gamedata', 'left4dead2/addons/sourcemod/gamedata/x/a.txt', ['maps', 'mods'])],)");
}

/* An overlay that comes after another of the same name is not taken for that. */
static void test_conflicts_anew(Fixture *f) {
        g_autofree char *job = NULL;

        set_up_server(f);
        g_free(world_overlay(f, "mods"));
        put(f, "maps", "maps/own.bsp");
        put(f, "mods", "maps/own.bsp");
        set_overlays(f, "['mods', 'maps']");
        assert_conflicts(f, "([('map', 'left4dead2/maps/own.bsp', ['mods', 'maps'])],)");

        set_overlays(f, "['maps']");
        job = world_take_path(
                call(f, LEFT4ME_OVERLAY_PREFIX "/mods", LEFT4ME_OVERLAY_INTERFACE, "Delete", NULL));
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        g_free(world_overlay(f, "mods"));
        set_overlays(f, "['mods', 'maps']");
        assert_conflicts(f, "([],)");
}

/* Calls that wait for a long look, and somebody who does not wait for the end. */
static void test_conflicts_many(Fixture *f) {
        g_autoptr(GPtrArray) calls = g_ptr_array_new_with_free_func((GDestroyNotify) call_free);
        unsigned refused = 0, answered = 0;

        set_up_server(f);
        set_overlays(f, "['maps']");
        for (unsigned i = 0; i < 1500; i++) {
                g_autofree char *name = g_strdup_printf("maps/%u.bsp", i);

                put(f, "maps", name);
        }

        for (unsigned i = 0; i < 100; i++)
                g_ptr_array_add(calls, call_begin(f->client, VERSUS, "FindConflicts", NULL));
        for (unsigned i = 0; i < calls->len; i++) {
                const char *error = call_error_name(calls->pdata[i]);

                answered += *error == '\0';
                refused += g_str_equal(error, LEFT4ME_ERROR_LIMITS_EXCEEDED);
        }
        g_assert_cmpuint(answered + refused, ==, 100);
        g_assert_cmpuint(answered, >=, 32);

        g_ptr_array_set_size(calls, 0);
        put(f, "maps", "maps/more.bsp");
        g_ptr_array_add(calls, call_begin(f->client, VERSUS, "FindConflicts", NULL));
        assert_conflicts(f, "([],)");
}

static void add_tests(void) {
        fixture_add("/files/list", test_list);
        fixture_add("/files/open", test_open);
        fixture_add("/files/hostile", test_hostile);
        fixture_add("/files/large", test_large);
        fixture_add("/files/mounted", test_mounted);
        fixture_add("/files/missing-layer", test_missing_layer);
        fixture_add("/files/conflicts", test_conflicts);
        fixture_add("/files/conflicts-anew", test_conflicts_anew);
        fixture_add("/files/conflicts-many", test_conflicts_many);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
