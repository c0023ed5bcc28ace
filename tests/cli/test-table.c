/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "progress.h"
#include "table.h"
#include "text.h"

static const TableColumn columns[] = {
        { "NAME", TABLE_LEFT },
        { "PORT", TABLE_RIGHT },
        { "STACK", TABLE_SHRINK },
};

static void assert_printed(Table *table, gboolean header, const char *expected) {
        g_autofree char *text = NULL;
        size_t size;
        Terminal out = { .file = open_memstream(&text, &size), .utf8 = TRUE };

        table_print(table, &out, header);
        fclose(out.file);
        g_assert_cmpstr(text, ==, expected);
        free(g_steal_pointer(&text));
}

static void test_plain(void) {
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));

        assert_printed(table, TRUE, "NAME  PORT  STACK\n");
        table_add(table, "gr\303\274n", "7", "maps", NULL);
        table_add(table, "\347\224\237\345\255\230\350\200\205", "27015", NULL);
        assert_printed(table, TRUE,
                "NAME     PORT  STACK\n"
                "gr\303\274n        7  maps\n"
                "\347\224\237\345\255\230\350\200\205  27015  \n");
        assert_printed(table, FALSE,
                "gr\303\274n        7  maps\n"
                "\347\224\237\345\255\230\350\200\205  27015  \n");
}

static void test_hostile(void) {
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));

        table_add(table, "a\033[2Jb", "1", "x\ny", NULL);
        assert_printed(table, FALSE, "a\\x1b[2Jb  1  x\\x0ay\n");
}

static void assert_bar(
        unsigned width, const char *label, double fraction, const char *details, const char *expected) {
        g_autofree char *bar = progress_bar(width, label, fraction, details);

        g_assert_cmpstr(bar, ==, expected);
        if (fraction >= 0)
                g_assert_cmpuint(text_width(bar), <, width);
}

static void test_bar(void) {
        assert_bar(40, "maps: a", 0, "", "maps: a  [                     ]   0%  ");
        assert_bar(40, "maps: a", 0.5, "", "maps: a  [=========>           ]  50%  ");
        assert_bar(40, "maps: a", 1, "", "maps: a  [=====================] 100%  ");
        assert_bar(40, "maps: a", 7, "", "maps: a  [=====================] 100%  ");
        assert_bar(40, "maps: unpacking a long file name", 0.5, "1.0K",
                "maps: unpac...  [====>     ]  50%  1.0K");
        assert_bar(80, "maps", -1, "1.0K", "maps  1.0K");
        assert_bar(80, "maps", -1, "", "maps");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/table/plain", test_plain);
        g_test_add_func("/table/hostile", test_hostile);
        g_test_add_func("/progress/bar", test_bar);
        return g_test_run();
}
