/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Instances as the user makes and changes them; nothing is started here. */

#include <string.h>

#include "fixture.h"
#include "world.h"

#define MANAGER LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE

static void create_refused(Fixture *f, const char *name, const char *settings, const char *error_name) {
        g_autofree char *before = mirror_print(f->mirror), *after = NULL;
        g_autoptr(GVariant) dictionary = g_variant_ref_sink(g_variant_new_parsed(settings));

        g_test_message("CreateInstance(%s, %.200s)", name, settings);
        call_refused(f, MANAGER, "CreateInstance", g_variant_new("(s@a{sv})", name, dictionary), error_name);
        after = mirror_print(f->mirror);
        mirror_compare(before, after);
}

static void configure(Fixture *f, const char *path, const char *settings) {
        g_autoptr(GVariant) dictionary = g_variant_ref_sink(g_variant_new_parsed(settings));

        g_variant_unref(call(
                f, path, LEFT4ME_INSTANCE_INTERFACE, "Configure", g_variant_new("(@a{sv})", dictionary)));
}

static GVariant *get_settings(Fixture *f, const char *path) {
        g_autoptr(GVariant) reply = call(f, path, LEFT4ME_INSTANCE_INTERFACE, "GetSettings", NULL);

        return g_variant_get_child_value(reply, 0);
}

/* Equal, whatever the order of a dictionary's entries. */
static bool is_same(GVariant *a, GVariant *b) {
        GVariantIter iter;
        const char *key, *value;

        if (!g_variant_is_of_type(a, G_VARIANT_TYPE("a{ss}")))
                return g_variant_equal(a, b);
        if (g_variant_n_children(a) != g_variant_n_children(b))
                return false;

        g_variant_iter_init(&iter, a);
        while (g_variant_iter_next(&iter, "{&s&s}", &key, &value)) {
                const char *other = NULL;

                if (!g_variant_lookup(b, key, "&s", &other) || !g_str_equal(value, other))
                        return false;
        }

        return true;
}

static void expect_setting(Fixture *f, const char *path, const char *key, const char *value) {
        g_autoptr(GVariant) settings = get_settings(f, path), is = NULL, should = NULL;

        is = g_variant_lookup_value(settings, key, NULL);
        g_assert_nonnull(is);
        should = g_variant_ref_sink(g_variant_new_parsed(value));
        g_assert_true(g_variant_is_of_type(is, g_variant_get_type(should)));
        if (!is_same(is, should)) {
                g_autofree char *text = g_variant_print(is, TRUE);

                g_assert_cmpstr(text, ==, value);
        }
}

static void expect_property(Fixture *f, const char *path, const char *property, const char *value) {
        g_autoptr(GVariant) is = client_get(f->client, path, LEFT4ME_INSTANCE_INTERFACE, property);
        g_autofree char *text = g_variant_print(is, TRUE);

        g_assert_cmpstr(text, ==, value);
}

static char *make_full(Fixture *f) {
        g_free(world_empty_overlay(f, "game"));
        g_free(world_empty_overlay(f, "maps"));
        g_free(world_empty_overlay(f, "mods"));
        return world_take_path(call(f, MANAGER, "CreateInstance",
                g_variant_new_parsed(
                        "('versus-1', {'Port': <@q 27030>, 'Game': <'game'>, 'Overlays': <['mods', 'maps']>, "
                        "'Arguments': <['-tickrate', '60']>, "
                        "'Cvars': <{'hostname': 'Versus  #1', 'sv_steamgroup': '38347879'}>, "
                        "'Lines': <['sm_cvar x \"1\"', '// end']>, 'Autostart': <true>})")));
}

static void test_create(Fixture *f) {
        g_autofree char *path = make_full(f), *found = NULL;

        expect_property(f, path, "Name", "'versus-1'");
        expect_property(f, path, "Port", "uint16 27030");
        expect_property(f, path, "Game", "'game'");
        expect_property(f, path, "Overlays", "['mods', 'maps']");
        expect_property(f, path, "Autostart", "true");
        expect_property(f, path, "ActiveState", "'inactive'");
        expect_property(f, path, "SubState", "'dead'");
        expect_property(f, path, "MainPID", "uint32 0");
        expect_property(f, path, "Restarts", "uint32 0");
        expect_property(f, path, "ActiveSince", "uint64 0");
        expect_property(f, path, "LastExit", "('', 0, uint64 0)");
        expect_property(f, path, "LayersInUse", "@a(su) []");
        expect_property(f, path, "UpdatePending", "false");
        expect_setting(f, path, "Port", "@q 27030");
        expect_setting(f, path, "Game", "'game'");
        expect_setting(f, path, "Overlays", "['mods', 'maps']");
        expect_setting(f, path, "Arguments", "['-tickrate', '60']");
        expect_setting(f, path, "Lines", "['sm_cvar x \"1\"', '// end']");
        expect_setting(f, path, "Autostart", "true");
        expect_setting(f, path, "Cvars", "{'hostname': 'Versus  #1', 'sv_steamgroup': '38347879'}");
        found = world_take_path(call(f, MANAGER, "GetInstance", g_variant_new("(s)", "versus-1")));
        g_assert_cmpstr(found, ==, path);
        g_assert_cmpuint(systemd_count_calls(f->systemd, "StartUnit *"), ==, 0);
}

static void test_defaults(Fixture *f) {
        g_autofree char *a = NULL, *b = NULL, *c = NULL, *gone = NULL;

        g_free(world_empty_overlay(f, "game"));
        a = world_instance(f, "a", "game");
        b = world_take_path(call(f, MANAGER, "CreateInstance",
                g_variant_new_parsed("('b', {'Game': <'game'>, 'Port': <@q 27017>})")));
        /* The lowest free one. */
        c = world_instance(f, "c", "game");
        expect_property(f, a, "Port", "uint16 27015");
        expect_property(f, c, "Port", "uint16 27016");
        gone = world_instance(f, "d", "game");
        expect_property(f, gone, "Port", "uint16 27018");
        expect_setting(f, a, "Overlays", "@as []");
        expect_setting(f, a, "Arguments", "@as []");
        expect_setting(f, a, "Lines", "@as []");
        expect_setting(f, a, "Cvars", "@a{ss} {}");
        expect_setting(f, a, "Autostart", "false");
}

static void test_bad_names(Fixture *f) {
        g_autofree char *longest = g_strnfill(64, 'a'), *too_long = g_strnfill(65, 'a');
        const char *const bad[] = { "", "Versus", "-a", "_a", "a b", "a.b", "a/b", "../a", "/etc/passwd",
                "a\nb", "\303\244", "a@b", "a\\x2d", "a%i", too_long };

        g_free(world_empty_overlay(f, "game"));
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                create_refused(f, bad[i], "{'Game': <'game'>}", LEFT4ME_ERROR_INVALID_ARGUMENT);
                call_refused(f, MANAGER, "GetInstance", g_variant_new("(s)", bad[i]),
                        LEFT4ME_ERROR_INVALID_ARGUMENT);
                call_refused(f, MANAGER, "CreateOverlay", g_variant_new("(ssa{sv})", bad[i], "files", NULL),
                        LEFT4ME_ERROR_INVALID_ARGUMENT);
                call_refused(f, MANAGER, "GetOverlay", g_variant_new("(s)", bad[i]),
                        LEFT4ME_ERROR_INVALID_ARGUMENT);
        }
        g_free(world_instance(f, longest, "game"));
        g_free(world_instance(f, "0-_", "game"));
        call_refused(
                f, MANAGER, "GetInstance", g_variant_new("(s)", "nobody"), LEFT4ME_ERROR_NO_SUCH_INSTANCE);
        call_refused(
                f, MANAGER, "GetOverlay", g_variant_new("(s)", "nothing"), LEFT4ME_ERROR_NO_SUCH_OVERLAY);
        call_refused(f, MANAGER, "GetJob", g_variant_new("(u)", 77), LEFT4ME_ERROR_NO_SUCH_JOB);
        create_refused(f, longest, "{'Game': <'game'>}", LEFT4ME_ERROR_NAME_TAKEN);
}

static void test_bad_settings(Fixture *f) {
        static const struct {
                const char *settings;
                const char *error_name;
        } bad[] = {
                { "@a{sv} {}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'nothing'>}", LEFT4ME_ERROR_NO_SUCH_OVERLAY },
                { "{'Game': <''>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'../game'>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <1>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'game': <'game'>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Colour': <'red'>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Game': <'game'>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'SetCvars': <{'a': 'b'}>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Port': <27015>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Port': <'27015'>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Port': <@q 0>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Port': <@q 27014>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Port': <@q 27116>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Port': <@q 65535>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Port': <@q 27020>}", LEFT4ME_ERROR_PORT_IN_USE },
                { "{'Game': <'game'>, 'Overlays': <'game'>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Overlays': <['nothing']>}", LEFT4ME_ERROR_NO_SUCH_OVERLAY },
                { "{'Game': <'game'>, 'Overlays': <['maps', 'maps']>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Overlays': <['../maps']>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Autostart': <1>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Arguments': <['\303\244']>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Arguments': <['']>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Arguments': <['a\\nb']>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Arguments': <['-port', '1']>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Cvars': <{'hostname': 'a\"b'}>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Cvars': <{'hostname': 'a\\nquit'}>}",
                        LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Cvars': <{'hostname': '\303\244'}>}",
                        LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Cvars': <{'a b': '1'}>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Cvars': <{'a;quit': '1'}>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Cvars': <{'': '1'}>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Cvars': <{'rcon_password': 'x'}>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Cvars': <['a']>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Lines': <['\303\244']>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Lines': <['a\\nb']>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
                { "{'Game': <'game'>, 'Lines': <['RCON_Password x']>}", LEFT4ME_ERROR_INVALID_ARGUMENT },
        };

        g_free(world_empty_overlay(f, "game"));
        g_free(world_empty_overlay(f, "maps"));
        g_free(world_take_path(call(f, MANAGER, "CreateInstance",
                g_variant_new_parsed("('taken', {'Game': <'game'>, 'Port': <@q 27020>})"))));
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
                create_refused(f, "versus-1", bad[i].settings, bad[i].error_name);
        call_refused(
                f, MANAGER, "GetInstance", g_variant_new("(s)", "versus-1"), LEFT4ME_ERROR_NO_SUCH_INSTANCE);
}

/* A list that is longer than anybody needs, and a word that is. */
static void test_too_long(Fixture *f) {
        static const char *const keys[] = { "Overlays", "Arguments", "Lines" };
        g_autofree char *word = g_strnfill(70000, 'a');
        g_autofree char *path = world_server(f, "versus-1");
        GVariantBuilder cvars;

        for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
                g_autoptr(GPtrArray) many = g_ptr_array_new_with_free_func(g_free);
                const char *one[] = { word, NULL };

                for (guint k = 0; k < 20000; k++)
                        g_ptr_array_add(many, g_strdup_printf("w%u", k));
                call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Configure",
                        g_variant_new_parsed("({%s: <%@as>},)", keys[i],
                                g_variant_new_strv((const char *const *) many->pdata, (gssize) many->len)),
                        LEFT4ME_ERROR_INVALID_ARGUMENT);
                call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Configure",
                        g_variant_new_parsed("({%s: <%^as>},)", keys[i], one),
                        LEFT4ME_ERROR_INVALID_ARGUMENT);
        }

        g_variant_builder_init(&cvars, G_VARIANT_TYPE("a{ss}"));
        for (guint k = 0; k < 20000; k++) {
                g_autofree char *name = g_strdup_printf("c%u", k);

                g_variant_builder_add(&cvars, "{ss}", name, "1");
        }
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Configure",
                g_variant_new_parsed("({'Cvars': <%@a{ss}>},)", g_variant_builder_end(&cvars)),
                LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Configure",
                g_variant_new_parsed("({'Cvars': <{'a': %s}>},)", word), LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Configure",
                g_variant_new_parsed("({'Cvars': <{%s: 'a'}>},)", word), LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Configure",
                g_variant_new_parsed("({%s: <1>},)", word), LEFT4ME_ERROR_INVALID_ARGUMENT);
        expect_setting(f, path, "Lines", "@as []");
}

static void test_configure(Fixture *f) {
        g_autofree char *path = make_full(f);

        configure(f, path, "{'Cvars': <{'hostname': 'New', 'mp_x': '1'}>, 'Arguments': <['+map', 'c5m1']>}");
        expect_setting(f, path, "Cvars", "{'hostname': 'New', 'mp_x': '1'}");
        expect_setting(f, path, "Arguments", "['+map', 'c5m1']");
        expect_setting(f, path, "Lines", "['sm_cvar x \"1\"', '// end']");
        configure(f, path, "{'SetCvars': <{'mp_x': '2'}>, 'UnsetCvars': <['hostname', 'never']>}");
        expect_setting(f, path, "Cvars", "{'mp_x': '2'}");
        configure(f, path,
                "{'Port': <@q 27040>, 'Game': <'maps'>, 'Overlays': <['mods']>, 'Autostart': <false>}");
        mirror_wait(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "Port", "@q 27040");
        mirror_wait(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "Game", "'maps'");
        mirror_wait(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "Overlays", "['mods']");
        mirror_wait(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "Autostart", "false");
        configure(f, path, "@a{sv} {}");

        g_variant_unref(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "SetOverlays",
                g_variant_new_parsed("(['game', 'mods'],)")));
        mirror_wait(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "Overlays", "['game', 'mods']");
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "SetOverlays",
                g_variant_new_parsed("(['nothing'],)"), LEFT4ME_ERROR_NO_SUCH_OVERLAY);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "SetOverlays",
                g_variant_new_parsed("(['mods', 'mods'],)"), LEFT4ME_ERROR_INVALID_ARGUMENT);
        g_variant_unref(
                call(f, path, LEFT4ME_INSTANCE_INTERFACE, "SetAutostart", g_variant_new("(b)", TRUE)));
        mirror_wait(f->mirror, path, LEFT4ME_INSTANCE_INTERFACE, "Autostart", "true");
        expect_setting(f, path, "Overlays", "['game', 'mods']");
        expect_setting(f, path, "Autostart", "true");
}

/* One bad key, and nothing of the others is taken. */
static void test_configure_all_or_nothing(Fixture *f) {
        g_autofree char *path = make_full(f), *before = NULL, *after = NULL;
        g_autoptr(GVariant) first = get_settings(f, path), second = NULL;

        before = g_variant_print(first, TRUE);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Configure",
                g_variant_new_parsed(
                        "({'Port': <@q 27050>, 'Lines': <['x']>, 'Cvars': <{'bad name': '1'}>},)"),
                LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Configure",
                g_variant_new_parsed("({'Lines': <['x']>, 'Overlays': <['nothing']>},)"),
                LEFT4ME_ERROR_NO_SUCH_OVERLAY);
        g_free(world_instance(f, "other", "game"));
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Configure",
                g_variant_new_parsed("({'Lines': <['x']>, 'Port': <@q 27015>},)"),
                LEFT4ME_ERROR_PORT_IN_USE);
        second = get_settings(f, path);
        after = g_variant_print(second, TRUE);
        g_assert_cmpstr(before, ==, after);
}

static void test_clone(Fixture *f) {
        g_autofree char *path = make_full(f), *copy = NULL;

        copy = world_take_path(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Clone",
                g_variant_new_parsed("('versus-2', {'Cvars': <{'hostname': 'Two'}>})")));
        expect_property(f, copy, "Port", "uint16 27015");
        expect_property(f, copy, "Autostart", "false");
        expect_property(f, copy, "Overlays", "['mods', 'maps']");
        expect_setting(f, copy, "Arguments", "['-tickrate', '60']");
        expect_setting(f, copy, "Lines", "['sm_cvar x \"1\"', '// end']");
        expect_setting(f, copy, "Cvars", "{'hostname': 'Two'}");
        expect_setting(f, path, "Cvars", "{'hostname': 'Versus  #1', 'sv_steamgroup': '38347879'}");
        expect_setting(f, copy, "Held", "@a{su} {}");
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Clone",
                g_variant_new_parsed("('versus-2', @a{sv} {})"), LEFT4ME_ERROR_NAME_TAKEN);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Clone",
                g_variant_new_parsed("('Bad', @a{sv} {})"), LEFT4ME_ERROR_INVALID_ARGUMENT);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Clone",
                g_variant_new_parsed("('versus-3', {'Port': <@q 27030>})"), LEFT4ME_ERROR_PORT_IN_USE);
}

static void test_rename(Fixture *f) {
        g_autofree char *path = make_full(f), *other = NULL, *renamed = NULL;

        world_perform(f);
        fixture_write(f, "var/lib/left4me/uppers/versus-1/upper/kept", "what the server wrote");
        other = world_instance(f, "other", "game");
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Rename", g_variant_new("(s)", "other"),
                LEFT4ME_ERROR_NAME_TAKEN);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Rename", g_variant_new("(s)", "../x"),
                LEFT4ME_ERROR_INVALID_ARGUMENT);
        renamed = world_take_path(
                call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Rename", g_variant_new("(s)", "versus-9")));
        mirror_wait_object(f->mirror, path, false);
        mirror_wait_object(f->mirror, renamed, true);
        expect_property(f, renamed, "Name", "'versus-9'");
        expect_property(f, renamed, "Port", "uint16 27030");
        expect_setting(f, renamed, "Lines", "['sm_cvar x \"1\"', '// end']");
        g_assert_true(fixture_exists(f, "var/lib/left4me/uppers/versus-9/upper/kept"));
        g_assert_false(fixture_exists(f, "var/lib/left4me/uppers/versus-1"));
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL, LEFT4ME_ERROR_NO_SUCH_INSTANCE);
        mirror_wait(f->mirror, LEFT4ME_OVERLAY_PREFIX "/maps", LEFT4ME_OVERLAY_INTERFACE, "UsedBy",
                "['versus-9']");
}

static void test_delete(Fixture *f) {
        g_autofree char *path = make_full(f), *job = NULL, *again = NULL;

        world_perform(f);
        fixture_write(f, "var/lib/left4me/uppers/versus-1/upper/left4dead2/x", "");
        systemd_hold(f->systemd, "left4me-tree@*", SYSTEMD_START);
        job = world_take_path(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Delete", NULL));
        systemd_wait_held(f->systemd, "left4me-tree@1.service", SYSTEMD_START);
        /* While it goes, nothing else may. */
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Start", NULL, LEFT4ME_ERROR_BUSY);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Delete", NULL, LEFT4ME_ERROR_BUSY);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Reset", NULL, LEFT4ME_ERROR_BUSY);
        call_refused(f, path, LEFT4ME_INSTANCE_INTERFACE, "Rename", g_variant_new("(s)", "x"),
                LEFT4ME_ERROR_BUSY);
        g_assert_true(mirror_has(f->mirror, path));
        systemd_release(f->systemd, "left4me-tree@1.service");
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        mirror_wait_object(f->mirror, path, false);
        g_assert_false(fixture_exists(f, "var/lib/left4me/uppers/versus-1"));
        g_assert_false(fixture_exists(f, "var/lib/left4me/instances/versus-1"));
        mirror_wait(
                f->mirror, LEFT4ME_OVERLAY_PREFIX "/game", LEFT4ME_OVERLAY_INTERFACE, "UsedBy", "@as []");

        /* Name and port are free again. */
        systemd_forget_rules(f->systemd);
        again = world_take_path(call(f, MANAGER, "CreateInstance",
                g_variant_new_parsed("('versus-1', {'Game': <'game'>, 'Port': <@q 27030>})")));
        g_assert_cmpstr(again, ==, path);
}

static void test_reset(Fixture *f) {
        g_autofree char *path = make_full(f), *job = NULL;

        world_perform(f);
        fixture_write(f, "var/lib/left4me/uppers/versus-1/upper/left4dead2/x", "");
        job = world_take_path(call(f, path, LEFT4ME_INSTANCE_INTERFACE, "Reset", NULL));
        g_assert_cmpstr(world_wait_job(f, job), ==, "succeeded");
        g_assert_false(fixture_exists(f, "var/lib/left4me/uppers/versus-1/upper/left4dead2"));
        mirror_wait(f->mirror, job, LEFT4ME_JOB_INTERFACE, "Kind", "'reset'");
        mirror_wait(f->mirror, job, LEFT4ME_JOB_INTERFACE, "Subject", "'versus-1'");
        g_assert_true(mirror_has(f->mirror, path));
}

static void add_tests(void) {
        fixture_add("/instances/create", test_create);
        fixture_add("/instances/defaults", test_defaults);
        fixture_add("/instances/bad-names", test_bad_names);
        fixture_add("/instances/bad-settings", test_bad_settings);
        fixture_add("/instances/too-long", test_too_long);
        fixture_add("/instances/configure", test_configure);
        fixture_add("/instances/configure-all-or-nothing", test_configure_all_or_nothing);
        fixture_add("/instances/clone", test_clone);
        fixture_add("/instances/rename", test_rename);
        fixture_add("/instances/delete", test_delete);
        fixture_add("/instances/reset", test_reset);
}

int main(int argc, char *argv[]) {
        return fixture_main(argc, argv, add_tests);
}
