/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "protocol/keyvalues.h"

static int parse(const char *text, KeyValues **ret) {
        return keyvalues_parse(text, strlen(text), ret);
}

static void test_mission(void) {
        static const char text[] =
                "\xEF\xBB\xBF// made by hand\r\n"
                "\"mission\"\r\n{\r\n"
                "\t\"Name\" \"DeadLine2\" \"Version\" \"3\"  // the third\r\n"
                "\t\"DisplayTitle\" \"Dead Line\r\n2\"\r\n"
                "\tposter { a b }\r\n"
                "\t\"modes\" [$WIN32]\r\n\t{\r\n"
                "\t\t\"coop\" { \"1\" { \"Map\" \"deadline01\" [!$X360] \"Image\" \"maps/deadline01\" }\r\n"
                "\t\t\t\"2\"{Map deadline02}}\r\n"
                "\t\t\"Coop\" { }\r\n"
                "\t}\r\n";
        g_autoptr(KeyValues) root = NULL;
        const KeyValues *mission, *coop;

        g_assert_cmpint(parse(text, &root), ==, 0);
        mission = keyvalues_get(root, "Mission");
        g_assert_nonnull(mission);
        g_assert_cmpstr(keyvalues_get_value(mission, "name"), ==, "DeadLine2");
        g_assert_cmpstr(keyvalues_get_value(mission, "displaytitle"), ==, "Dead Line\r\n2");
        g_assert_cmpstr(keyvalues_get_value(mission, "poster"), ==, NULL);
        g_assert_cmpstr(keyvalues_get_value(keyvalues_get(mission, "poster"), "A"), ==, "b");

        coop = keyvalues_get(keyvalues_get(mission, "modes"), "coop");
        g_assert_cmpuint(coop->children->len, ==, 2);
        g_assert_cmpstr(keyvalues_get_value(keyvalues_get(coop, "1"), "map"), ==, "deadline01");
        g_assert_cmpstr(keyvalues_get_value(keyvalues_get(coop, "2"), "map"), ==, "deadline02");
        g_assert_null(keyvalues_get(keyvalues_get(coop, "3"), "map"));
        g_assert_null(keyvalues_get(keyvalues_get(keyvalues_get(coop, "1"), "map"), "x"));
}

static void test_utf16(void) {
        static const char text[] = "\xFF\xFE\"\0a\0\"\0 \0\"\0\xE9\0\"\0";
        g_autoptr(KeyValues) root = NULL, none = NULL;

        g_assert_cmpint(keyvalues_parse(text, sizeof(text) - 1, &root), ==, 0);
        g_assert_cmpstr(keyvalues_get_value(root, "a"), ==, "\303\251");
        g_assert_cmpint(keyvalues_parse(text, sizeof(text) - 2, &none), ==, -EBADMSG);
        g_assert_null(none);
}

static void test_odd_but_good(void) {
        static const struct {
                const char *text;
                const char *value; /* of a */
        } cases[] = {
                { "", NULL },
                { "// nothing", NULL },
                { "a b", "b" },
                { "a\"b\"", "b" },
                { "\"a\"b", "b" },
                { "a http://x", "http://x" },
                { "a \"\"", "" },
                { "a \"\\\"", "\\" },
                { "a [0]", "[0]" },
                { "a \"caf\351\"", "caf\357\277\275" },
                { "a / b c", "/" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(KeyValues) root = NULL;

                g_assert_cmpint(parse(cases[i].text, &root), ==, 0);
                g_assert_cmpstr(keyvalues_get_value(root, "A"), ==, cases[i].value);
        }
}

static void test_broken(void) {
        static const char *const texts[] = { "a", "a }", "}", "{", "a { } }", "\"a", "a \"b", "{ a b }",
                "a { x", "a b [$X360" };
        g_autoptr(KeyValues) root = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                g_assert_cmpint(parse(texts[i], &root), ==, -EBADMSG);
        g_assert_cmpint(keyvalues_parse("a b\0", 4, &root), ==, -EBADMSG);
        g_assert_null(root);
}

static char *repeat(const char *text, unsigned n) {
        GString *s = g_string_new(NULL);

        while (n-- > 0)
                g_string_append(s, text);
        return g_string_free(s, FALSE);
}

static void test_limits(void) {
        g_autofree char *deepest = repeat("a{", KEYVALUES_DEPTH_MAX),
                        *deeper = repeat("a{", KEYVALUES_DEPTH_MAX + 1);
        g_autofree char *most = repeat("a b ", KEYVALUES_NODES_MAX),
                        *more = repeat("a b ", KEYVALUES_NODES_MAX + 1);
        g_autofree char *large = g_strnfill(KEYVALUES_SIZE_MAX + 1, ' ');
        g_autoptr(KeyValues) a = NULL, b = NULL, c = NULL, none = NULL;

        g_assert_cmpint(parse(deepest, &a), ==, 0);
        g_assert_cmpint(parse(most, &b), ==, 0);
        g_assert_cmpint(keyvalues_parse(large, KEYVALUES_SIZE_MAX, &c), ==, 0);
        g_assert_cmpint(parse(deeper, &none), ==, -EMSGSIZE);
        g_assert_cmpint(parse(more, &none), ==, -EMSGSIZE);
        g_assert_cmpint(keyvalues_parse(large, KEYVALUES_SIZE_MAX + 1, &none), ==, -EMSGSIZE);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/keyvalues/mission", test_mission);
        g_test_add_func("/keyvalues/utf16", test_utf16);
        g_test_add_func("/keyvalues/odd-but-good", test_odd_but_good);
        g_test_add_func("/keyvalues/broken", test_broken);
        g_test_add_func("/keyvalues/limits", test_limits);
        return g_test_run();
}
