/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/shield-config.h"

static void test_names(void) {
        for (ShieldMode mode = 0; mode < _SHIELD_MODE_MAX; mode++)
                g_assert_cmpint(shield_mode_from_string(shield_mode_to_string(mode)), ==, mode);
        for (ShieldKind kind = 0; kind < _SHIELD_KIND_MAX; kind++)
                g_assert_cmpint(shield_kind_from_string(shield_kind_to_string(kind)), ==, kind);
        g_assert_cmpint(shield_mode_from_string("On"), ==, _SHIELD_MODE_INVALID);
        g_assert_cmpint(shield_kind_from_string(""), ==, _SHIELD_KIND_INVALID);
        g_assert_null(shield_mode_to_string(_SHIELD_MODE_INVALID));
        g_assert_null(shield_kind_to_string(_SHIELD_KIND_MAX));
}

/* No byte is of two kinds. */
static void test_bytes(void) {
        bool taken[256] = { 0 };
        size_t total = 0;

        for (ShieldKind kind = 0; kind < _SHIELD_KIND_MAX; kind++) {
                size_t n;
                const char *bytes = shield_kind_bytes(kind, &n);

                for (size_t i = 0; i < n; i++) {
                        g_assert_false(taken[(uint8_t) bytes[i]]);
                        taken[(uint8_t) bytes[i]] = true;
                }
                total += n;
        }
        g_assert_cmpuint(total, ==, 12);
        g_assert_true(taken['T'] && taken['q'] && taken['i'] && taken[0]);
}

/* The names are all different, each has a number of its own, and the defaults are valid. */
static void test_numbers(void) {
        g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autoptr(GHashTable) numbers = g_hash_table_new(NULL, NULL);
        g_autofree char *why = NULL;
        ShieldConfig c;
        char *name;

        shield_config_init(&c);
        for (unsigned i = 0; (name = shield_config_number_name(i)); i++) {
                g_assert_nonnull(shield_config_number(&c, name));
                g_assert_true(g_hash_table_add(numbers, shield_config_number(&c, name)));
                g_assert_true(g_hash_table_add(names, name));
        }
        g_assert_cmpuint(g_hash_table_size(names), ==, 29);
        g_assert_null(shield_config_number(&c, "EmptySourceRate"));
        g_assert_null(shield_config_number(&c, "Mode"));
        g_assert_cmpint(shield_config_check(&c, &why), ==, 0);
        g_assert_cmpint(c.mode, ==, SHIELD_ON);
}

static void test_check(void) {
        static const struct {
                const char *name;
                uint32_t value;
                const char *why; /* NULL: it is valid */
        } cases[] = {
                { "InfoSourceRate", 0, "InfoSourceRate is" },
                { "InfoSourceRate", 1000001, "InfoSourceRate is" },
                { "InfoSourceRate", 19, NULL },
                { "InfoSourceRate", 21, "InfoPortRate is at least twice" },
                { "InfoSourceBurst", 0, "InfoSourceBurst is" },
                { "InfoSourceBurst", 300, NULL },
                { "InfoSourceBurst", 301, "InfoPortBurst is at least twice" },
                { "InfoSourceRate", 1, "InfoSourceBurst is at most 60 times" },
                { "OtherPortRate", 10, NULL },
                { "OtherPortRate", 9, "OtherPortRate" },
                { "OtherPortBurst", 3001, "OtherPortBurst is at most 60 times" },
                { "OtherPortBurst", 3000, NULL },
                { "LobbyPortBurst", UINT32_MAX, "LobbyPortBurst is" },
                { "MaximumLength", 1259, "MaximumLength is" },
                { "MaximumLength", 1260, NULL },
                { "MaximumLength", 65508, "MaximumLength is" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *why = NULL;
                ShieldConfig c;
                int r;

                shield_config_init(&c);
                *shield_config_number(&c, cases[i].name) = cases[i].value;
                r = shield_config_check(&c, &why);
                g_test_message("%s=%u: %s", cases[i].name, (unsigned) cases[i].value, why ?: "valid");
                g_assert_cmpint(r, ==, cases[i].why ? -EINVAL : 0);
                g_assert_true(cases[i].why ? g_str_has_prefix(why, cases[i].why) : !why);
        }
}

static void test_text(void) {
        g_autofree char *text = NULL, *again = NULL;
        ShieldConfig c, back;

        shield_config_init(&c);
        text = shield_config_to_text(&c);
        g_assert_cmpstr(text, ==, "Mode=on\n");
        shield_config_from_text(text, &back);
        g_assert_true(shield_config_equal(&c, &back));

        c.mode = SHIELD_COUNT;
        c.limits[SHIELD_RULES].source_burst = 77;
        c.maximum_length = 2000;
        again = shield_config_to_text(&c);
        g_assert_cmpstr(again, ==, "Mode=count\nRulesSourceBurst=77\nMaximumLength=2000\n");
        g_assert_false(shield_config_equal(&c, &back));
        shield_config_from_text(again, &back);
        g_assert_true(shield_config_equal(&c, &back));
}

/* Of another version, or of nobody knows whom. */
static void test_strange_text(void) {
        static const struct {
                const char *text;
                ShieldMode mode;
                uint32_t rate; /* of info, of a source */
        } cases[] = {
                { "", SHIELD_ON, 20 },
                { "=\n==\nMode", SHIELD_ON, 20 },
                { "Mode=sometimes\nFuture=1\nInfoSourceRate=15", SHIELD_ON, 15 },
                { "Mode=off\nInfoSourceRate=99999999999", SHIELD_OFF, 20 },
                { "Mode=off\nInfoSourceRate=-3\n", SHIELD_OFF, 20 },
                /* not valid together: none of the numbers is taken */
                { "Mode=count\nInfoSourceRate=15\nMaximumLength=1", SHIELD_COUNT, 20 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *why = NULL;
                ShieldConfig c;

                shield_config_from_text(cases[i].text, &c);
                g_assert_cmpint(c.mode, ==, cases[i].mode);
                g_assert_cmpuint(c.limits[SHIELD_INFO].source_rate, ==, cases[i].rate);
                g_assert_cmpint(shield_config_check(&c, &why), ==, 0);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/shield-config/names", test_names);
        g_test_add_func("/shield-config/bytes", test_bytes);
        g_test_add_func("/shield-config/numbers", test_numbers);
        g_test_add_func("/shield-config/check", test_check);
        g_test_add_func("/shield-config/text", test_text);
        g_test_add_func("/shield-config/strange-text", test_strange_text);
        return g_test_run();
}
