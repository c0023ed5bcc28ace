/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Options as people write them, and the command line without the host that it is sent to. */

#include "cli.h"

static const GOptionEntry entries[] = {
        { "line", 'l', 0, G_OPTION_ARG_STRING_ARRAY, NULL, NULL, NULL },
        { "lines", 'n', 0, G_OPTION_ARG_INT, NULL, NULL, NULL },
        { "detach", 'd', 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
        { NULL },
};

static void assert_normal(gboolean without_host, const char *line, const char *expected) {
        g_auto(GStrv) words = g_strsplit(line, " ", -1), normal = NULL;
        GOptionEntry globals[CLI_GLOBAL_ENTRIES];
        g_autofree char *joined = NULL;
        Cli cli = { 0 };

        cli_global_entries(&cli, globals);
        normal = cli_normalize(words, entries, globals, without_host);
        joined = g_strjoinv(" ", normal);
        g_assert_cmpstr(joined, ==, expected);
}

static void test_values(void) {
        assert_normal(FALSE, "logs a -n50", "logs a -n 50");
        assert_normal(FALSE, "logs a -qn50", "logs a -qn 50");
        assert_normal(FALSE, "logs a -n 50", "logs a -n 50");
        assert_normal(FALSE, "-Hbox logs a", "-H box logs a");
        assert_normal(FALSE, "create a -l -n50 -n50", "create a -l -n50 -n 50");
        assert_normal(FALSE, "create a --line -n50 --line=-n50", "create a --line -n50 --line=-n50");
        assert_normal(FALSE, "create a -- -n50", "create a -- -n50");
        assert_normal(FALSE, "create a -l -- -n50", "create a -l -- -n 50");
        assert_normal(FALSE, "create a -tickrate 60", "create a -tickrate 60");
        assert_normal(FALSE, "import a -", "import a -");
}

static void test_without_host(void) {
        assert_normal(TRUE, "-H me@box list", "list");
        assert_normal(TRUE, "-Hbox list --json", "list --json");
        assert_normal(TRUE, "list --host box -q", "list -q");
        assert_normal(TRUE, "list --host=box -q", "list -q");
        assert_normal(TRUE, "-qH box list", "-q list");
        assert_normal(TRUE, "-qHbox list", "-q list");
        assert_normal(TRUE, "-H a -H b list", "list");
        assert_normal(TRUE, "logs a -n50 -H b", "logs a -n 50");
}

/* What only looks like it belongs to others. */
static void test_keep(void) {
        assert_normal(TRUE, "create a -l -H -H box", "create a -l -H");
        assert_normal(TRUE, "create a --line --host -H box", "create a --line --host");
        assert_normal(TRUE, "create a -dl-H -H box", "create a -dl -H");
        assert_normal(TRUE, "-H box create a -- -H 3", "create a -- -H 3");
        assert_normal(TRUE, "-H box start H -", "start H -");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/normalize/values", test_values);
        g_test_add_func("/normalize/without-host", test_without_host);
        g_test_add_func("/normalize/keep", test_keep);
        return g_test_run();
}
