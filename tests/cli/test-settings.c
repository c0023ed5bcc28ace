/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* create, configure, clone, rename, reset, delete: what the words and options become on the bus. */

#include <string.h>

#include "dbus/names.h"
#include "run.h"

static void test_create(void) {
        Fake *f = fake_new();
        g_autoptr(Run) full = NULL, least = NULL, json = NULL;

        full = RUN(f, 0, "create", "versus-1", "--port", "27015", "--game", "l4d2", "--overlay", "maps",
                "--overlay", "plugins", "--set", "hostname=Versus = fun", "--set", "sv_steamgroup=38347879",
                "--line", "exec extra.cfg", "--autostart", "--", "-tickrate", "60", "--port");
        g_assert_cmpstr(full->out->str, ==, "versus-1 created, port 27015\n");
        g_assert_true(fake_called(f, "!CreateInstance Manager1 ('versus-1', {"));

        least = RUN(f, 0, "create", "coop-1", "-g", "l4d2");
        g_assert_cmpstr(least->out->str, ==, "coop-1 created, port 27042\n");
        g_assert_true(fake_called(f, "!CreateInstance Manager1 ('coop-1', {'Game': <'l4d2'>})"));

        json = RUN(f, 0, "create", "coop-2", "-g", "l4d2", "--json");
        assert_has(json->out, "\"name\":\"coop-2\"");
        assert_has(json->out, "\"port\":27042");
        fake_free(f);
}

/* The one argument of that type of the last call of that method. */
static GVariant *last_settings(Fake *f, const char *method) {
        guint i;

        for (i = f->calls->len; i > 0; i--) {
                const char *call = g_ptr_array_index(f->calls, i - 1), *dictionary = strchr(call, '{');

                if (g_str_has_prefix(call, method) && dictionary) {
                        g_autofree char *text = g_strndup(
                                dictionary, (gsize) (strrchr(dictionary, '}') + 1 - dictionary));
                        GVariant *settings = g_variant_parse(G_VARIANT_TYPE_VARDICT, text, NULL, NULL, NULL);

                        g_assert_nonnull(settings);
                        return settings;
                }
        }

        g_error("no call of %s", method);
}

static void assert_setting(GVariant *settings, const char *key, const char *expected) {
        g_autoptr(GVariant) value = g_variant_lookup_value(settings, key, NULL);
        g_autofree char *text = value ? g_variant_print(value, FALSE) : g_strdup("(none)");

        g_assert_cmpstr(text, ==, expected);
}

static void test_create_settings(void) {
        Fake *f = fake_new();
        g_autoptr(GVariant) s = NULL;
        g_autoptr(Run) r = NULL;

        r = RUN(f, 0, "create", "a", "-p", "27015", "-g", "l4d2", "-o", "maps", "-o", "plugins", "-s",
                "hostname=x = y", "-s", "a=1", "-s", "a=2", "-s", "empty=", "-l", "exec b.cfg",
                "--autostart", "--", "-tickrate", "60", "--", "-x");
        s = last_settings(f, "!CreateInstance");
        assert_setting(s, "Port", "27015");
        assert_setting(s, "Game", "'l4d2'");
        assert_setting(s, "Overlays", "['maps', 'plugins']");
        assert_setting(s, "Cvars", "{'hostname': 'x = y', 'a': '2', 'empty': ''}");
        assert_setting(s, "Lines", "['exec b.cfg']");
        assert_setting(s, "Autostart", "true");
        assert_setting(s, "Arguments", "['-tickrate', '60', '--', '-x']");
        fake_free(f);
}

static void test_wrong(void) {
        Fake *f = fake_new();
        g_autoptr(Run) rcon = NULL, no_game = NULL, port = NULL, big = NULL, set = NULL, both = NULL,
                       dash = NULL;

        no_game = RUN(f, 2, "create", "a");
        port = RUN(f, 2, "create", "a", "-g", "l4d2", "--port", "27015x");
        assert_has(port->err, "--port 27015x: a number from 1 to 65535 is wanted\n");
        big = RUN(f, 2, "create", "a", "-g", "l4d2", "--port", "65536");
        set = RUN(f, 2, "create", "a", "-g", "l4d2", "--set", "=x");
        assert_has(set->err, "--set =x: CVAR=VALUE is wanted\n");
        both = RUN(f, 2, "configure", "a", "--autostart", "--no-autostart");
        rcon = RUN(f, 2, "configure", "a", "--open-rcon", "--close-rcon");
        assert_has(rcon->err, "--open-rcon and --close-rcon at once\n");
        dash = RUN(f, 2, "create", "a", "-g", "l4d2", "-tickrate", "60");
        assert_has(dash->err, "words for the game server come after --\n");
        g_assert_cmpuint(f->calls->len, ==, 0);
        fake_free(f);
}

static void test_configure(void) {
        Fake *f = fake_new();
        L4Manager1Instance *instance = fake_add_instance(f, "versus-1", 27015);
        g_autoptr(GVariant) s = NULL, none = NULL, arguments = NULL;
        g_autoptr(Run) r = NULL, clear = NULL, running = NULL, at_once = NULL, empty = NULL;

        r = RUN(f, 0, "configure", "versus-1", "--set", "x=y", "--unset", "z", "-o", "a", "-o", "b",
                "--no-autostart", "--open-rcon");
        g_assert_cmpstr(r->out->str, ==, "versus-1 configured\n");
        s = last_settings(f, "!Configure versus-1");
        assert_setting(s, "SetCvars", "{'x': 'y'}");
        assert_setting(s, "UnsetCvars", "['z']");
        assert_setting(s, "Overlays", "['a', 'b']");
        assert_setting(s, "Autostart", "false");
        assert_setting(s, "OpenRcon", "true");
        assert_setting(s, "Port", "(none)");
        assert_setting(s, "Arguments", "(none)");

        clear = RUN(f, 0, "configure", "versus-1", "--no-overlays", "--no-lines", "--");
        none = last_settings(f, "!Configure versus-1");
        assert_setting(none, "Overlays", "[]");
        assert_setting(none, "Lines", "[]");
        assert_setting(none, "Arguments", "[]");

        fake_set_state(instance, "active", "running");
        running = RUN(f, 0, "configure", "versus-1", "--", "-tickrate", "100");
        assert_has(running->out, "it runs, and a restart makes it act\n");
        arguments = last_settings(f, "!Configure versus-1");
        assert_setting(arguments, "Arguments", "['-tickrate', '100']");
        at_once = RUN(f, 0, "configure", "versus-1", "--open-rcon", "--autostart", "--update-when-empty");
        g_assert_cmpstr(at_once->out->str, ==, "versus-1 configured\n");
        fake_free(f);
}

static void test_show_settings(void) {
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL, json = NULL;

        (void) fake_add_instance(f, "versus-1", 27015);
        r = RUN(f, 0, "configure", "versus-1");
        assert_has(r->out, "Overlays: maps\n              plugins\n");
        assert_has(r->out, "Arguments: -tickrate 60\n");
        assert_has(r->out, "Cvars: hostname=Versus\n              mp_gamemode=versus\n");
        assert_has(r->out, "Autostart: yes\n     Updates: by hand\n        RCON: open to other machines\n");

        json = RUN(f, 0, "configure", "versus-1", "--json");
        assert_has(json->out, "\"cvars\":{\"hostname\":\"Versus\",\"mp_gamemode\":\"versus\"}");
        fake_free(f);
}

static void test_clone(void) {
        Fake *f = fake_new();
        g_autoptr(GVariant) s = NULL;
        g_autoptr(Run) plain = NULL, changed = NULL;

        (void) fake_add_instance(f, "versus-1", 27015);
        plain = RUN(f, 0, "clone", "versus-1", "versus-2");
        g_assert_cmpstr(plain->out->str, ==, "versus-2 created, port 27016\n");
        g_assert_true(fake_called(f, "!Clone versus-1 ('versus-2', {})"));

        changed = RUN(f, 0, "clone", "versus-1", "versus-3", "-p", "27020", "-s", "hostname=Three", "-s",
                "new=1", "-u", "mp_gamemode");
        s = last_settings(f, "!Clone versus-1");
        assert_setting(s, "Port", "27020");
        assert_setting(s, "Cvars", "{'hostname': 'Three', 'new': '1'}");
        assert_setting(s, "SetCvars", "(none)");
        assert_setting(s, "UnsetCvars", "(none)");
        fake_free(f);
}

/* Without a version it is the one in use, or else the current one. */
static void test_hold(void) {
        Fake *f = fake_new();
        L4Manager1Instance *instance = fake_add_instance(f, "versus-1", 27015);
        L4Manager1Overlay *overlay = fake_add_overlay(f, "l4d2");
        g_autoptr(GVariant) given = NULL, used = NULL, current = NULL, created = NULL, cloned = NULL;
        g_autoptr(Run) r = NULL, in_use = NULL, at_rest = NULL, shown = NULL, create = NULL, clone = NULL,
                       wrong = NULL, both = NULL, never = NULL, missing = NULL;

        fake_add_version(overlay, 1, 1, "");
        fake_add_version(overlay, 1, 1, "");
        r = RUN(f, 0, "configure", "versus-1", "--hold", "l4d2=7", "--let-go", "maps");
        given = last_settings(f, "!Configure versus-1");
        assert_setting(given, "Hold", "{'l4d2': 7, 'maps': 0}");
        at_rest = RUN(f, 0, "configure", "versus-1", "--hold", "l4d2");
        current = last_settings(f, "!Configure versus-1");
        assert_setting(current, "Hold", "{'l4d2': 2}");
        l4_manager1_instance_set_layers_in_use(instance, g_variant_new_parsed("[('l4d2', @u 1)]"));
        in_use = RUN(f, 0, "configure", "versus-1", "--hold", "l4d2");
        used = last_settings(f, "!Configure versus-1");
        assert_setting(used, "Hold", "{'l4d2': 1}");
        shown = RUN(f, 0, "configure", "versus-1");
        assert_has(shown->out, "Held: maps/3\n");

        create = RUN(f, 0, "create", "versus-2", "-g", "l4d2", "--hold", "l4d2");
        created = last_settings(f, "!CreateInstance");
        assert_setting(created, "Held", "{'l4d2': 2}");
        clone = RUN(f, 0, "clone", "versus-1", "versus-3", "--hold", "l4d2=5");
        cloned = last_settings(f, "!Clone versus-1");
        assert_setting(cloned, "Held", "{'l4d2': 5, 'maps': 3}");
        assert_setting(cloned, "Hold", "(none)");

        wrong = RUN(f, 2, "configure", "versus-1", "--hold", "l4d2=");
        assert_has(wrong->err, "--hold l4d2=: OVERLAY or OVERLAY=VERSION is wanted\n");
        both = RUN(f, 2, "configure", "versus-1", "--hold", "l4d2", "--let-go", "l4d2");
        assert_has(both->err, "--hold and --let-go of l4d2 at once\n");
        (void) fake_add_overlay(f, "empty");
        never = RUN(f, 1, "configure", "versus-1", "--hold", "empty");
        assert_has(never->err, "it has no version yet");
        missing = RUN(f, 4, "configure", "versus-1", "--hold", "nothing");
        fake_free(f);
}

static void test_rename(void) {
        Fake *f = fake_new();
        g_autoptr(Run) r = NULL, missing = NULL;

        (void) fake_add_instance(f, "versus-1", 27015);
        r = RUN(f, 0, "rename", "versus-1", "classic-1");
        g_assert_cmpstr(r->out->str, ==, "versus-1 is now classic-1\n");
        g_assert_true(fake_called(f, "!Rename versus-1 ('classic-1',)"));
        missing = RUN(f, 4, "rename", "versus-2", "classic-1");
        fake_free(f);
}

static void test_loss(void) {
        Fake *f = fake_new();
        g_autoptr(Run) refused = NULL, missing = NULL, reset = NULL, both = NULL, overlay = NULL, yes = NULL;

        (void) fake_add_instance(f, "versus-1", 27015);
        (void) fake_add_instance(f, "versus-2", 27015);
        fake_add_version(fake_add_overlay(f, "maps"), 5 << 20, 3, "");

        refused = RUN(f, 2, "delete", "versus-1");
        g_assert_cmpstr(refused->err->str, ==,
                "left4mectl: Deleting versus-1 loses the settings and everything that the server itself has written.\n"
                "There is no terminal to ask at: --yes says that it may be done\n");
        g_assert_cmpuint(f->calls->len, ==, 0);

        missing = RUN(f, 4, "delete", "versus-3");
        reset = RUN(f, 0, "reset", "versus-1", "--yes");
        g_assert_cmpstr(reset->out->str, ==, "versus-1 reset\n");
        both = RUN(f, 0, "delete", "versus-*", "-y", "--json");
        g_assert_true(fake_called(f, "!Delete versus-1 ()"));
        g_assert_true(fake_called(f, "!Delete versus-2 ()"));
        assert_has(both->out, "\"kind\":\"delete-instance\"");

        overlay = RUN(f, 2, "overlay", "delete", "maps");
        assert_has(overlay->err, "Deleting maps loses all its 1 version (the current one has 5.0M).\n");
        yes = RUN(f, 0, "overlay", "delete", "-y", "maps");
        g_assert_cmpstr(yes->out->str, ==, "maps deleted\n");
        fake_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/settings/create", test_create);
        g_test_add_func("/settings/create-settings", test_create_settings);
        g_test_add_func("/settings/wrong", test_wrong);
        g_test_add_func("/settings/configure", test_configure);
        g_test_add_func("/settings/show", test_show_settings);
        g_test_add_func("/settings/clone", test_clone);
        g_test_add_func("/settings/hold", test_hold);
        g_test_add_func("/settings/rename", test_rename);
        g_test_add_func("/settings/loss", test_loss);
        return g_test_run();
}
