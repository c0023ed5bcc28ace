/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The command line itself: verbs, options, help, and going to another host. */

#include <glib/gstdio.h>
#include <string.h>

#include "run.h"

/* No call gets that far. */
static Fake nowhere = { .address = (char[]){ "unix:path=/nonexistent" } };

static void assert_usage(const char *message, ...) {
        g_autoptr(GPtrArray) words = g_ptr_array_new();
        g_autofree char *line = g_strdup_printf("left4mectl: %s\n", message);
        g_autoptr(Run) r = NULL;
        va_list list;

        va_start(list, message);
        do
                g_ptr_array_add(words, va_arg(list, char *));
        while (g_ptr_array_index(words, words->len - 1));
        va_end(list);

        r = run_start(&nowhere, RUN_PIPES, (const char *const *) words->pdata);
        run_wait(r);
        g_assert_cmpstr(r->err->str, ==, line);
        g_assert_cmpint(r->status, ==, 2 << 8);
        g_assert_cmpstr(r->out->str, ==, "");
}

static void test_usage(void) {
        assert_usage("no verb 'strat'; did you mean start?", "strat", "a", NULL);
        assert_usage(
                "no verb 'overlay imprt'; did you mean overlay import?", "overlay", "imprt", "a", "b", NULL);
        assert_usage("no verb 'frobnicate'; left4mectl help lists them", "frobnicate", NULL);
        assert_usage("no option --jsno here; did you mean --json?", "--jsno", "list", NULL);
        assert_usage(
                "no option --overlya here; did you mean --overlay?", "create", "a", "--overlya=maps", NULL);
        assert_usage("no option -x here; left4mectl list --help tells which there are", "list", "-x", NULL);
        assert_usage("no option --ouch here; left4mectl job list --help tells which there are", "job",
                "--ouch", NULL);
        assert_usage("no option -x here; left4mectl --help tells which there are", "-x", NULL);
        assert_usage("list takes no arguments, but there is 'a'", "list", "a", NULL);
        assert_usage("too few arguments: left4mectl overlay import NAME ARCHIVE|-", "overlay", "import", "a",
                NULL);
        assert_usage("too many arguments, 'c' is the first: left4mectl rename NAME NEW", "rename", "a", "b",
                "c", NULL);
        assert_usage("Missing argument for --port", "create", "a", "--port", NULL);
        assert_usage("'x' is no number of a job; left4mectl job list shows them", "job", "show", "x", NULL);
        assert_usage("start which server? Give names or patterns", "start", NULL);
        assert_usage("--all and names at once", "start", "--all", "a", NULL);
        assert_usage(
                "'soon' is no time; \"10 min ago\", \"yesterday\", \"13:05\", \"2025-11-22 13:05\" or @SECONDS are",
                "logs", "a", "--since", "soon", NULL);
        assert_usage("-n 10001: a number from 0 to 10000 is wanted", "logs", "a", "-n", "10001", NULL);
        assert_usage("-n -5: a number from 0 to 10000 is wanted", "logs", "a", "-n", "-5", NULL);
        assert_usage("-n -5: a number from 0 is wanted", "status", "-n", "-5", NULL);
        assert_usage("no verb 'job frobnicate'; left4mectl help job lists them", "job", "frobnicate", NULL);
        assert_usage("too few arguments: left4mectl create NAME -g GAME [-- ARGUMENT...]", "create", NULL);
        assert_usage("no verb '\\x1b[31m'; left4mectl help lists them", "\033[31m", NULL);
        assert_usage("list takes no arguments, but there is '-x'", "list", "--", "-x", NULL);
}

/* Every verb that the help lists has help of its own, and that fits a terminal as well. */
static void test_help_of_each(void) {
        g_autoptr(Run) help = RUN(&nowhere, 0, "help");
        g_auto(GStrv) lines = g_strsplit(help->out->str, "\n", -1);
        guint n = 0;

        for (char **line = lines; *line && !g_str_equal(*line, "Options"); line++) {
                g_autoptr(GRegex) form = g_regex_new("^  ([a-z]+)(?: ([a-z]+))? ", 0, 0, NULL);
                g_autoptr(GMatchInfo) match = NULL;
                g_autofree char *verb = NULL, *second = NULL;

                if (!g_regex_match(form, *line, 0, &match))
                        continue;

                verb = g_match_info_fetch(match, 1);
                second = g_match_info_fetch(match, 2);
                {
                        g_autoptr(Run) one = *second ? RUN(&nowhere, 0, verb, second, "--help")
                                                     : RUN(&nowhere, 0, verb, "--help");
                        g_auto(GStrv) told = g_strsplit(one->out->str, "\n", -1);

                        for (char **l = told; *l; l++)
                                if (g_utf8_strlen(*l, -1) > 80)
                                        g_error("%s %s: %s", verb, second, *l);
                        n++;
                }
        }

        g_assert_cmpuint(n, >, 50);
}

static void test_help(void) {
        g_autoptr(Run) help = RUN(&nowhere, 0, "help"), option = RUN(&nowhere, 0, "--help"),
                       verb = RUN(&nowhere, 0, "help", "create");
        g_autoptr(Run) verb_option = RUN(&nowhere, 0, "create", "--help"),
                       family = RUN(&nowhere, 0, "overlay", "help");
        g_autoptr(Run) version = RUN(&nowhere, 0, "--version"),
                       nested = RUN(&nowhere, 0, "help", "overlay", "import");
        g_auto(GStrv) lines = g_strsplit(help->out->str, "\n", -1);
        char **line;

        assert_has(help->out, "  start NAME...  ");
        assert_has(help->out, "  overlay import NAME ARCHIVE|-  ");
        g_assert_cmpstr(help->out->str, ==, option->out->str);
        for (line = lines; *line; line++)
                g_assert_cmpuint(strlen(*line), <=, 80);

        assert_has(verb->out, "--set=CVAR=VALUE");
        g_assert_cmpstr(verb->out->str, ==, verb_option->out->str);
        assert_has(family->out, "overlay import");
        assert_lacks(family->out, "job cancel");
        assert_has(nested->out, "--detach");
        g_assert_true(g_str_has_prefix(version->out->str, "left4mectl "));
}

static void test_json_error(void) {
        g_autoptr(Run) r = RUN(&nowhere, 2, "--json", "strat");

        g_assert_cmpstr(r->out->str, ==,
                "{\"error\":{\"name\":\"org.left4me.Manager1.Error.InvalidArgument\",\"message\":\"no verb 'strat'; did you mean "
                "start?\",\"exit_code\":2}}\n");
}

/* An ssh that tells how it was called, and what came in. */
static char *make_ssh(void) {
        static const char script[] =
                "#!/bin/sh\nfor word; do printf '<%s>\\n' \"$word\"; done\n[ -t 0 ] || cat\nexit 7\n";
        g_autofree char *path = NULL;
        char *directory = g_dir_make_tmp("left4me-ssh-XXXXXX", NULL);

        path = g_build_filename(directory, "ssh", NULL);
        g_assert_true(g_file_set_contents_full(path, script, -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
        return directory;
}

static void test_host(void) {
        g_autofree char *directory = make_ssh(), *ssh = g_build_filename(directory, "ssh", NULL);
        g_autofree char *old = g_strdup(g_getenv("PATH")), *path = g_strdup_printf("%s:%s", directory, old);
        g_autofree char *archive = g_build_filename(directory, "l4d2", NULL);
        g_autoptr(Run) list = NULL, quoted = NULL, terminal = NULL, import = NULL, wrong = NULL,
                       option = NULL;

        g_setenv("PATH", path, TRUE);
        list = RUN(&nowhere, 7, "-H", "me@box", "list", "--json");
        g_assert_cmpstr(list->out->str, ==, "<-->\n<me@box>\n<left4mectl 'list' '--json'>\n");

        quoted = RUN(&nowhere, 7, "create", "a", "-g", "l4d2", "--host=box", "-s", "hostname=It's; rm -rf",
                "--", "-H", "3");
        g_assert_cmpstr(quoted->out->str, ==,
                "<-->\n<box>\n<left4mectl 'create' 'a' '-g' 'l4d2' '-s' 'hostname=It'\\''s; rm -rf' '--' '-H' '3'>\n");

        terminal = RUN_ON_TERMINAL(&nowhere, 7, "-Hbox", "delete", "a");
        g_assert_cmpstr(terminal->out->str, ==, "<-t>\r\n<-->\r\n<box>\r\n<left4mectl 'delete' 'a'>\r\n");

        /* The file is here, not there. */
        g_assert_true(g_file_set_contents(archive, "archive", -1, NULL));
        import = RUN(&nowhere, 7, "-H", "box", "overlay", "import", "l4d2", archive);
        g_assert_cmpstr(
                import->out->str, ==, "<-->\n<box>\n<left4mectl 'overlay' 'import' 'l4d2' '-'>\narchive");

        wrong = RUN(&nowhere, 2, "-H", "box", "strat", "a");
        option = RUN(&nowhere, 2, "-H", "-oProxyCommand=reboot", "list");
        g_assert_cmpstr(option->err->str, ==, "left4mectl: '-oProxyCommand=reboot' is no host\n");

        g_setenv("PATH", old, TRUE);
        (void) g_unlink(archive);
        (void) g_unlink(ssh);
        (void) g_rmdir(directory);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/options/usage", test_usage);
        g_test_add_func("/options/help", test_help);
        g_test_add_func("/options/help-of-each", test_help_of_each);
        g_test_add_func("/options/json-error", test_json_error);
        g_test_add_func("/options/host", test_host);
        return g_test_run();
}
