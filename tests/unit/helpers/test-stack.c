/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "fixture.h"
#include "stack.h"

static void test_good(void) {
        static const char text[] = "maps/3\nmaps/2\nl4d2/4294967295";
        g_autoptr(GArray) layers = NULL;
        g_autoptr(GError) error = NULL;

        assert_ok(stack_parse(text, strlen(text), &layers, &error), error);
        g_assert_cmpuint(layers->len, ==, 3);
        g_assert_cmpstr(g_array_index(layers, Layer, 0).overlay, ==, "maps");
        g_assert_cmpuint(g_array_index(layers, Layer, 0).version, ==, 3);
        g_assert_cmpuint(g_array_index(layers, Layer, 1).version, ==, 2);
        g_assert_cmpstr(g_array_index(layers, Layer, 2).overlay, ==, "l4d2");
        g_assert_cmpuint(g_array_index(layers, Layer, 2).version, ==, UINT32_MAX);
}

static void test_empty(void) {
        static const char *const texts[] = { "", "\n" };

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(GArray) layers = NULL;
                g_autoptr(GError) error = NULL;

                if (i == 0) {
                        assert_ok(stack_parse(texts[i], strlen(texts[i]), &layers, &error), error);
                        g_assert_cmpuint(layers->len, ==, 0);
                } else
                        assert_failed(stack_parse(texts[i], strlen(texts[i]), &layers, &error), EINVAL,
                                &error, "line 1");
        }
}

static void test_bad(void) {
        static const struct {
                const char *text, *word;
        } cases[] = {
                { "maps\n", "line 1" },
                { "maps/\n", "line 1" },
                { "/3\n", "line 1" },
                { "maps/0\n", "line 1" },
                { "maps/3 \n", "line 1" },
                { "maps/3\r\n", "line 1" },
                { "maps/3\n\nl4d2/1\n", "line 2" },
                { "maps/3\n../1\n", "line 2" },
                { "maps/3/1\n", "line 1" },
                { "a/1\nb/1\na/1\n", "twice" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GArray) layers = NULL;
                g_autoptr(GError) error = NULL;

                assert_failed(stack_parse(cases[i].text, strlen(cases[i].text), &layers, &error), EINVAL,
                        &error, cases[i].word);
                g_assert_null(layers);
        }
        {
                g_autoptr(GArray) layers = NULL;
                g_autoptr(GError) error = NULL;

                assert_failed(stack_parse("a/1\0b/1", 7, &layers, &error), EINVAL, &error, "NUL");
        }
}

static void test_many(void) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GArray) layers = NULL, none = NULL;
        g_autoptr(GError) error = NULL;

        for (unsigned i = 1; i <= STACK_LAYERS_MAX; i++)
                g_string_append_printf(text, "a/%u\n", i);
        assert_ok(stack_parse(text->str, text->len, &layers, &error), error);
        g_assert_cmpuint(layers->len, ==, STACK_LAYERS_MAX);
        g_string_append(text, "b/1\n");
        assert_failed(stack_parse(text->str, text->len, &none, &error), E2BIG, &error, "500");
}

/* Mutations of a good text: parsed or refused, never more. */
static void test_random(void) {
        static const char good[] = "maps/3\nmore-maps/12\nl4d2/1\n";
        int64_t end = g_get_monotonic_time() + G_USEC_PER_SEC / 2;

        while (g_get_monotonic_time() < end) {
                g_autoptr(GArray) layers = NULL;
                g_autoptr(GError) error = NULL;
                char text[sizeof good];

                memcpy(text, good, sizeof good);
                for (int i = g_test_rand_int_range(1, 4); i > 0; i--)
                        text[g_test_rand_int_range(0, sizeof good - 1)] = (char) g_test_rand_int_range(
                                0, 256);
                g_assert_true(
                        (stack_parse(text, sizeof good - 1, &layers, &error) >= 0) == (layers != NULL));
                g_assert_true((layers != NULL) == (error == NULL));
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/stack/good", test_good);
        g_test_add_func("/stack/empty", test_empty);
        g_test_add_func("/stack/bad", test_bad);
        g_test_add_func("/stack/many", test_many);
        g_test_add_func("/stack/random", test_random);
        return g_test_run();
}
