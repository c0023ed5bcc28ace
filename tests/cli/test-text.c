/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "text.h"

static void assert_safe(const char *text, TextMode mode, const char *expected) {
        g_autofree char *safe = text_safe(text, -1, mode);

        g_assert_cmpstr(safe, ==, expected);
}

static void test_safe(void) {
        assert_safe("plain text", TEXT_ONE_LINE, "plain text");
        assert_safe("gr\303\274n \347\224\237", TEXT_ONE_LINE, "gr\303\274n \347\224\237");
        assert_safe(NULL, TEXT_ONE_LINE, "");
        /* colours, the title of the window, the bell, a rewritten line */
        assert_safe("\033[31mred\033[0m", TEXT_ONE_LINE, "\\x1b[31mred\\x1b[0m");
        assert_safe("\033]0;owned\007", TEXT_ONE_LINE, "\\x1b]0;owned\\x07");
        assert_safe("10%\r100%\b", TEXT_ONE_LINE, "10%\\x0d100%\\x08");
        assert_safe("\177", TEXT_ONE_LINE, "\\x7f");
        /* CSI in one character */
        assert_safe("\302\233[31m", TEXT_ONE_LINE, "\\x9b[31m");
        /* right-to-left override, isolate */
        assert_safe("exe.\342\200\256gpj", TEXT_ONE_LINE, "exe.\\u202egpj");
        assert_safe("\342\201\246", TEXT_ONE_LINE, "\\u2066");
        assert_safe("a\tb", TEXT_ONE_LINE, "a b");
        assert_safe("a\nb", TEXT_ONE_LINE, "a\\x0ab");
        assert_safe("a\nb", TEXT_KEEP_LINES, "a\nb");
}

static void test_safe_invalid(void) {
        g_autofree char *counted = text_safe("a\0b", 3, TEXT_ONE_LINE),
                        *cut = text_safe("\303\274", 1, TEXT_ONE_LINE);

        assert_safe("a\377b", TEXT_ONE_LINE, "a\357\277\275b");
        assert_safe("\300\200", TEXT_ONE_LINE, "\357\277\275\357\277\275");
        assert_safe("\355\240\200", TEXT_ONE_LINE, "\357\277\275\357\277\275\357\277\275");
        g_assert_cmpstr(counted, ==, "a\\x00b");
        g_assert_cmpstr(cut, ==, "\357\277\275");
}

/* Whatever comes in: valid UTF-8 without controls comes out. */
static void test_safe_random(void) {
        int i, j;

        for (i = 0; i < 2000; i++) {
                g_autofree char *safe = NULL;
                char noise[64];
                const char *p;

                for (j = 0; j < (int) sizeof(noise); j++)
                        noise[j] = (char) g_test_rand_int_range(-128, 128);
                safe = text_safe(noise, sizeof(noise), TEXT_ONE_LINE);

                g_assert_true(g_utf8_validate(safe, -1, NULL));
                for (p = safe; *p; p = text_next(p))
                        g_assert_false(g_unichar_iscntrl(g_utf8_get_char(p)));
        }
}

static void test_width(void) {
        g_assert_cmpuint(text_width(""), ==, 0);
        g_assert_cmpuint(text_width("abc"), ==, 3);
        g_assert_cmpuint(text_width("\303\274"), ==, 1);
        g_assert_cmpuint(text_width("\347\224\237\345\255\230"), ==, 4); /* two wide ones */
        g_assert_cmpuint(text_width("e\314\201"), ==, 1);                /* e and a combining accent */
}

static void assert_cut(const char *text, unsigned width, const char *ellipsis, const char *expected) {
        g_autofree char *cut = text_ellipsize(text, width, ellipsis);

        g_assert_cmpstr(cut, ==, expected);
        g_assert_cmpuint(text_width(cut), <=, width);
}

static void test_ellipsize(void) {
        assert_cut("short", 5, "\342\200\246", "short");
        assert_cut("longer", 5, "\342\200\246", "long\342\200\246");
        assert_cut("longer", 5, "...", "lo...");
        assert_cut("longer", 2, "...", "..");
        assert_cut("longer", 0, "...", "");
        assert_cut("\347\224\237\345\255\230\350\200\205", 4, "\342\200\246", "\347\224\237\342\200\246");
}

static void test_pad(void) {
        g_autofree char *left = text_pad("\303\274", 3, FALSE), *right = text_pad("\303\274", 3, TRUE);
        g_autofree char *full = text_pad("abcd", 3, TRUE);

        g_assert_cmpstr(left, ==, "\303\274  ");
        g_assert_cmpstr(right, ==, "  \303\274");
        g_assert_cmpstr(full, ==, "abcd");
}

static void assert_wrapped(const char *text, unsigned width, const char *expected) {
        g_auto(GStrv) lines = text_wrap(text, width);
        g_autofree char *joined = g_strjoinv("|", lines);

        g_assert_cmpstr(joined, ==, expected);
}

static void test_wrap(void) {
        assert_wrapped("", 10, "");
        assert_wrapped("one two three", 80, "one two three");
        assert_wrapped("one two three", 8, "one two|three");
        assert_wrapped("one two three", 7, "one two|three");
        assert_wrapped("onetwothree", 4, "onet|woth|ree");
        assert_wrapped("one\ntwo", 80, "one|two");
        assert_wrapped("one\n\ntwo", 80, "one||two");
        assert_wrapped(
                "\347\224\237\345\255\230", 1, "\347\224\237|\345\255\230"); /* ends, though nothing fits */
}

static void test_ascii(void) {
        g_autofree char *ascii = text_ascii("\342\227\217 gr\303\274n\342\200\2463.1\302\240MB");

        g_assert_cmpstr(ascii, ==, "* gr?n...3.1 MB");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/text/safe", test_safe);
        g_test_add_func("/text/safe-invalid", test_safe_invalid);
        g_test_add_func("/text/safe-random", test_safe_random);
        g_test_add_func("/text/width", test_width);
        g_test_add_func("/text/ellipsize", test_ellipsize);
        g_test_add_func("/text/pad", test_pad);
        g_test_add_func("/text/wrap", test_wrap);
        g_test_add_func("/text/ascii", test_ascii);
        return g_test_run();
}
