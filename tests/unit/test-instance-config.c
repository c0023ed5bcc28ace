/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "config-rules.h"
#include "service/instance-config.h"

static InstanceConfig *config_example(void) {
        InstanceConfig *c = instance_config_new();

        c->port = 27020;
        c->game = g_strdup("l4d2");
        c->autostart = true;
        return c;
}

/* From "name=value" strings. */
static GHashTable *table_new(const char *const *pairs) {
        GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

        for (; *pairs; pairs++) {
                const char *equals = strchr(*pairs, '=');

                g_hash_table_replace(
                        table, g_strndup(*pairs, (gsize) (equals - *pairs)), g_strdup(equals + 1));
        }
        return table;
}

static bool try_table(InstanceConfig *c, const char *key, const char *const *pairs) {
        g_autoptr(GHashTable) table = table_new(pairs);

        return config_try(c, &(Setting){ .key = key, .table = table });
}

static bool try_list(InstanceConfig *c, const char *key, const char *const *items) {
        g_auto(GStrv) list = config_list(items);

        return config_try(c, &(Setting){ .key = key, .list = list });
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define EMPTY ((const char *const[]){ NULL })

/* A list of n items, or of n cvars, that are fine one by one. */
static GStrv many(const char *format, unsigned n) {
        g_autoptr(GStrvBuilder) b = g_strv_builder_new();

        for (unsigned i = 0; i < n; i++) {
                g_auto(GStrv) halves = g_strsplit(format, "#", 2);
                g_autofree char *item = g_strdup_printf("%s%u%s", halves[0], i, halves[1]);

                g_strv_builder_add(b, item);
        }
        return g_strv_builder_end(b);
}

static const char *const *borrow(GStrv list) {
        return (const char *const *) list;
}

static void test_type(void) {
        static const struct {
                const char *key, *type, *changing;
        } cases[] = {
                { "Port", "q", "q" },
                { "Game", "s", "s" },
                { "Overlays", "as", "as" },
                { "Arguments", "as", "as" },
                { "Cvars", "a{ss}", "a{ss}" },
                { "Lines", "as", "as" },
                { "Autostart", "b", "b" },
                { "SetCvars", NULL, "a{ss}" },
                { "UnsetCvars", NULL, "as" },
                { "port", NULL, NULL },
                { "Name", NULL, NULL },
                { "", NULL, NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_assert_cmpstr(instance_config_type(cases[i].key, false), ==, cases[i].type);
                g_assert_cmpstr(instance_config_type(cases[i].key, true), ==, cases[i].changing);
        }
}

static void test_port(void) {
        static const struct {
                uint64_t port;
                bool good;
        } cases[] = {
                { RULES_PORT_FIRST, true },
                { RULES_PORT_LAST, true },
                { RULES_PORT_FIRST - 1, false },
                { RULES_PORT_LAST + 1, false },
                { 0, false },
                { 65535, false },
                { 65536 + RULES_PORT_FIRST, false },
                { UINT64_MAX, false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(InstanceConfig) c = config_example();

                g_assert_cmpint(config_try(c, &(Setting){ .key = "Port", .number = cases[i].port }), ==,
                        cases[i].good);
                g_assert_cmpuint(c->port, ==, cases[i].good ? cases[i].port : 27020);
        }
}

static void test_game(void) {
        static const char *const bad[] = { "", "L4D2", "-x", "../x", "a b", "\303\244", "x\n", "a/b" };
        g_autoptr(InstanceConfig) c = config_example();
        g_autofree char *longest = g_strnfill(64, 'g'), *longer = g_strnfill(65, 'g');

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(config_try(c, &(Setting){ .key = "Game", .text = bad[i] }));
        g_assert_false(config_try(c, &(Setting){ .key = "Game", .text = longer }));

        g_assert_true(config_try(c, &(Setting){ .key = "Game", .text = longest }));
        g_assert_cmpstr(c->game, ==, longest);
}

static void test_autostart(void) {
        g_autoptr(InstanceConfig) c = config_example();

        g_assert_true(config_try(c, &(Setting){ .key = "Autostart", .number = 0 }));
        g_assert_false(c->autostart);
        g_assert_true(config_try(c, &(Setting){ .key = "Autostart", .number = 1 }));
        g_assert_true(c->autostart);
}

/* Of lists. */
static const struct {
        const char *key, *item;
        bool good;
} list_items[] = {
        { "Overlays", "maps", true },
        { "Overlays", "first", false }, /* twice */
        { "Overlays", "", false },
        { "Overlays", "Maps", false },
        { "Overlays", "..", false },
        { "Overlays", "a/b", false },
        { "Overlays", "maps\n", false },
        { "Overlays", "m\303\244ps", false },
        { "Arguments", "+map", true },
        { "Arguments", "first", true },
        { "Arguments", "-tickrate", true },
        { "Arguments", "$(reboot)", true }, /* nothing to a shell that only splits and globs */
        { "Arguments", "-", true },
        { "Arguments", "", false },
        { "Arguments", " ", false },
        { "Arguments", "a b", false },
        { "Arguments", "a\tb", false },
        { "Arguments", "a\nb", false },
        { "Arguments", "a\rb", false },
        { "Arguments", "a\033b", false },
        { "Arguments", "a\177b", false },
        { "Arguments", "a\"b", false },
        { "Arguments", "a'b", false },
        { "Arguments", "a\\b", false },
        { "Arguments", "a*", false },
        { "Arguments", "a?", false },
        { "Arguments", "a[b", false },
        { "Arguments", "a]b", false },
        { "Arguments", "\303\244", false },
        { "Arguments", "\200", false },
        { "Lines", "", true },
        { "Lines", "first", true },
        { "Lines", "say \"hello, world\"; sv_cheats 0 // why", true },
        { "Lines", "a\nb", false },
        { "Lines", "a\rb", false },
        { "Lines", "a\tb", false },
        { "Lines", "a\033b", false },
        { "Lines", "a\177", false },
        { "Lines", "\303\244", false },
        { "Lines", "\377", false },
        { "Lines", "rcon_password x", false },
        { "Lines", "echo a;RCON_Password x", false },
        { "Lines", "\"rcon_password\" x", false },
};

/* Every setting whose value is one of these between good ones. */
static void test_items(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(list_items); i++) {
                g_autoptr(InstanceConfig) c = config_example();

                g_assert_true(try_list(c, list_items[i].key, LIST("old")));
                if (try_list(c, list_items[i].key, LIST("first", list_items[i].item, "last")) !=
                        list_items[i].good)
                        g_error("%s: '%s' should be %s", list_items[i].key, list_items[i].item,
                                list_items[i].good ? "accepted" : "refused");
                config_assert_rules(c, "versus-1", NULL);
        }
}

static void test_reserved_arguments(void) {
        static const char *const reserved[] = { "-game", "-norestart", "-strictportbind", "-ip", "+ip",
                "-port", "+hostport", "-hostport", "-pidfile", "-binary", "-autoupdate", "-steam_dir",
                "-steamcmd_script", "-fork", "-gdb", "-debug", "-timeout", "+rcon_password",
                "+servercfgfile" };

        for (size_t i = 0; i < G_N_ELEMENTS(reserved); i++) {
                g_autoptr(InstanceConfig) c = config_example();
                g_autofree char *upper = g_ascii_strup(reserved[i], -1),
                                *more = g_strconcat(reserved[i], "x", NULL);

                g_assert_false(try_list(c, "Arguments", LIST("+map", "x", reserved[i])));
                g_assert_false(try_list(c, "Arguments", LIST(upper)));
                g_assert_true(try_list(c, "Arguments", LIST(more)));
        }
}

static void test_cvars(void) {
        static const struct {
                const char *pair;
                bool good;
        } cases[] = {
                { "sv_cheats=0", true },
                { "SV_Cheats=", true },
                { "_=x", true },
                { "0=x", true },
                { "hostname=it's a [server]; // really? \\n = $(x) * ~", true },
                { "=x", false },
                { "a b=x", false },
                { "a-b=x", false },
                { "a\"=x", false },
                { "a\n=x", false },
                { "a;b=x", false },
                { "\303\244=x", false },
                { "a=say \"x\"", false },
                { "a=\"", false },
                { "a=x\n", false },
                { "a=x\ry", false },
                { "a=\t", false },
                { "a=\033[m", false },
                { "a=\177", false },
                { "a=\303\244", false },
                { "a=\377", false },
                { "rcon_password=x", false },
                { "RCON_password=x", false },
                { "hostport=27015", false },
                { "ip=1.2.3.4", false },
                { "IP=1.2.3.4", false },
                { "servercfgfile=x", false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                static const char *const keys[] = { "Cvars", "SetCvars" };

                for (size_t k = 0; k < G_N_ELEMENTS(keys); k++) {
                        g_autoptr(InstanceConfig) c = config_example();

                        g_assert_true(try_table(c, "Cvars", LIST("old=1")));
                        if (try_table(c, keys[k], LIST("b=1", cases[i].pair, "c=2")) != cases[i].good)
                                g_error("%s: '%s' should be %s", keys[k], cases[i].pair,
                                        cases[i].good ? "accepted" : "refused");
                        config_assert_rules(c, "versus-1", NULL);
                }
        }
}

static void test_item_length(void) {
        static const struct {
                const char *key, *prefix;
                size_t max;
        } cases[] = {
                { "Overlays", "", 64 },
                { "Arguments", "", 256 },
                { "Lines", "", 512 },
                { "Cvars", "a=", 256 },
                { "SetCvars", "a=", 256 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                for (size_t n = cases[i].max; n <= cases[i].max + 1; n++) {
                        g_autoptr(InstanceConfig) c = config_example();
                        g_autofree char *fill = g_strnfill(n, 'x'),
                                        *item = g_strconcat(cases[i].prefix, fill, NULL);
                        bool good = g_str_has_suffix(cases[i].key, "Cvars")
                                            ? try_table(c, cases[i].key, LIST(item))
                                            : try_list(c, cases[i].key, LIST(item));

                        g_assert_cmpint(good, ==, n == cases[i].max);
                }

        for (size_t n = 64; n <= 65; n++) {
                g_autoptr(InstanceConfig) c = config_example();
                g_autofree char *fill = g_strnfill(n, 'x'), *item = g_strconcat(fill, "=", NULL);

                g_assert_cmpint(try_table(c, "Cvars", LIST(item)), ==, n == 64);
        }
}

static void test_item_count(void) {
        static const struct {
                const char *key, *format;
                unsigned max;
        } cases[] = {
                { "Overlays", "o#", CONFIG_OVERLAYS_MAX },
                { "Arguments", "a#", CONFIG_ARGUMENTS_MAX },
                { "Lines", "l#", CONFIG_LINES_MAX },
                { "Cvars", "c#=x", CONFIG_CVARS_MAX },
                { "SetCvars", "c#=x", CONFIG_CVARS_MAX },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                for (unsigned n = cases[i].max; n <= cases[i].max + 1; n++) {
                        g_autoptr(InstanceConfig) c = config_example();
                        g_auto(GStrv) items = many(cases[i].format, n);
                        bool good = g_str_has_suffix(cases[i].key, "Cvars")
                                            ? try_table(c, cases[i].key, borrow(items))
                                            : try_list(c, cases[i].key, borrow(items));

                        g_assert_cmpint(good, ==, n == cases[i].max);
                }
}

static void assert_cvar(const InstanceConfig *c, const char *name, const char *value) {
        g_assert_cmpstr(g_hash_table_lookup(c->cvars, name), ==, value);
}

static void test_set_and_unset(void) {
        g_autoptr(InstanceConfig) c = config_example();

        g_assert_true(try_table(c, "Cvars", LIST("a=1", "b=2")));
        g_assert_true(try_table(c, "SetCvars", LIST("b=3", "c=4")));
        assert_cvar(c, "a", "1");
        assert_cvar(c, "b", "3");
        assert_cvar(c, "c", "4");

        /* Unknown names, and what is no name: they are not set. */
        g_assert_true(try_list(c, "UnsetCvars", LIST("a", "nothing", "a", "", "\303\244", "rcon_password")));
        assert_cvar(c, "a", NULL);
        g_assert_cmpuint(g_hash_table_size(c->cvars), ==, 2);

        g_assert_true(try_table(c, "SetCvars", EMPTY));
        g_assert_true(try_list(c, "UnsetCvars", EMPTY));
        g_assert_cmpuint(g_hash_table_size(c->cvars), ==, 2);

        g_assert_true(try_table(c, "Cvars", LIST("d=5")));
        g_assert_cmpuint(g_hash_table_size(c->cvars), ==, 1);
        g_assert_true(try_table(c, "Cvars", EMPTY));
        g_assert_cmpuint(g_hash_table_size(c->cvars), ==, 0);
}

/* The limit is for what comes out: a change of what is set already fits always. */
static void test_set_at_limit(void) {
        g_autoptr(InstanceConfig) c = config_example();
        g_auto(GStrv) all = many("c#=x", CONFIG_CVARS_MAX), changed = many("c#=y", CONFIG_CVARS_MAX);

        g_assert_true(try_table(c, "Cvars", borrow(all)));
        g_assert_false(try_table(c, "SetCvars", LIST("one_more=x")));
        g_assert_true(try_table(c, "SetCvars", LIST("c7=z")));
        assert_cvar(c, "c7", "z");
        g_assert_true(try_table(c, "SetCvars", borrow(changed)));
        assert_cvar(c, "c7", "y");
        g_assert_false(try_table(c, "SetCvars", LIST("c7=z", "one_more=x")));
        assert_cvar(c, "c7", "y");

        g_assert_true(try_list(c, "UnsetCvars", LIST("c8")));
        g_assert_true(try_table(c, "SetCvars", LIST("one_more=x")));
        g_assert_cmpuint(g_hash_table_size(c->cvars), ==, CONFIG_CVARS_MAX);
}

static bool try_held(InstanceConfig *c, const char *key, const char *overlay, unsigned version) {
        g_autoptr(GHashTable) numbers = g_hash_table_new(g_str_hash, g_str_equal);

        if (overlay)
                g_hash_table_replace(numbers, (char *) (uintptr_t) overlay, GUINT_TO_POINTER(version));
        return config_try(c, &(Setting){ .key = key, .numbers = numbers });
}

static void test_held(void) {
        g_autoptr(InstanceConfig) c = config_example();

        g_assert_true(try_held(c, "Held", "l4d2", 7));
        g_assert_true(try_held(c, "Hold", "maps", G_MAXUINT32));
        g_assert_cmpuint(GPOINTER_TO_UINT(g_hash_table_lookup(c->held, "l4d2")), ==, 7);
        g_assert_cmpuint(GPOINTER_TO_UINT(g_hash_table_lookup(c->held, "maps")), ==, G_MAXUINT32);
        g_assert_false(try_held(c, "Held", "maps", 0));
        g_assert_false(try_held(c, "Held", "../maps", 1));
        g_assert_false(try_held(c, "Hold", "", 1));
        g_assert_true(try_held(c, "Hold", "l4d2", 0));
        g_assert_true(try_held(c, "Hold", "l4d2", 0));
        g_assert_cmpuint(g_hash_table_size(c->held), ==, 1);
        g_assert_true(try_held(c, "Held", "l4d2", 1));
        g_assert_false(g_hash_table_contains(c->held, "maps"));
        g_assert_true(try_held(c, "Held", NULL, 0));
        g_assert_cmpuint(g_hash_table_size(c->held), ==, 0);
}

static void test_copy(void) {
        g_autoptr(InstanceConfig) c = config_example(), copy = NULL;
        g_autofree char *before = NULL, *copied = NULL, *after = NULL;

        g_assert_true(try_list(c, "Overlays", LIST("maps", "mods")));
        g_assert_true(try_list(c, "Arguments", LIST("+map", "c2m1_highway")));
        g_assert_true(try_list(c, "Lines", LIST("", "exec more.cfg")));
        g_assert_true(try_table(c, "Cvars", LIST("a=1", "b=")));
        g_assert_true(try_held(c, "Held", "maps", 3));

        copy = instance_config_copy(c);
        before = config_dump(c);
        copied = config_dump(copy);
        g_assert_cmpstr(copied, ==, before);

        g_assert_true(try_list(copy, "Overlays", EMPTY));
        g_assert_true(try_list(copy, "Arguments", EMPTY));
        g_assert_true(try_list(copy, "Lines", EMPTY));
        g_assert_true(try_table(copy, "SetCvars", LIST("a=2")));
        g_assert_true(try_held(copy, "Hold", "maps", 4));
        g_assert_true(config_try(copy, &(Setting){ .key = "Game", .text = "other" }));
        after = config_dump(c);
        g_assert_cmpstr(after, ==, before);

        instance_config_free(NULL);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/instance-config/type", test_type);
        g_test_add_func("/instance-config/port", test_port);
        g_test_add_func("/instance-config/game", test_game);
        g_test_add_func("/instance-config/autostart", test_autostart);
        g_test_add_func("/instance-config/items", test_items);
        g_test_add_func("/instance-config/reserved-arguments", test_reserved_arguments);
        g_test_add_func("/instance-config/cvars", test_cvars);
        g_test_add_func("/instance-config/item-length", test_item_length);
        g_test_add_func("/instance-config/item-count", test_item_count);
        g_test_add_func("/instance-config/set-and-unset", test_set_and_unset);
        g_test_add_func("/instance-config/set-at-limit", test_set_at_limit);
        g_test_add_func("/instance-config/held", test_held);
        g_test_add_func("/instance-config/copy", test_copy);
        return g_test_run();
}
