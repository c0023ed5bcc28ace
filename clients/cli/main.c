/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* left4mectl: finds the verb on the command line and runs it. */

#include <locale.h>
#include <string.h>

#include "dbus/names.h"
#include "help.h"
#include "json.h"
#include "suggest.h"
#include "verbs.h"

/* In the order of the help. */
static const Verb verbs[] = {
        { NULL, "list", 0, 0, 0, cmd_list, "", "Show all game servers" },
        { NULL, "status", 0, -1, 0, cmd_status, "[NAME...]", "Show servers in detail" },
        { NULL, "create", 1, 1, VERB_ARGUMENTS, cmd_create, "NAME -g GAME [-- ARGUMENT...]",
                "Make a game server" },
        { NULL, "configure", 1, 1, VERB_ARGUMENTS, cmd_configure, "NAME [-- ARGUMENT...]",
                "Change (or show) its settings" },
        { NULL, "start", 0, -1, 0, cmd_start, "NAME...", "Start servers" },
        { NULL, "stop", 0, -1, 0, cmd_stop, "NAME...", "Stop servers" },
        { NULL, "restart", 0, -1, 0, cmd_restart, "NAME...", "Stop servers and start them again" },
        { NULL, "cancel", 0, -1, 0, cmd_cancel, "NAME...", "Take back stop or restart --when-empty" },
        { NULL, "logs", 1, 1, 0, cmd_logs, "NAME", "Show what a server logged" },
        { NULL, "console", 1, -1, 0, cmd_console, "NAME [COMMAND...]", "Speak with a running server" },
        { NULL, "files", 1, 2, 0, cmd_files, "NAME [DIRECTORY]", "Show what files a server sees" },
        { NULL, "cat", 2, 2, 0, cmd_cat, "NAME PATH", "Print one of them" },
        { NULL, "get", 2, 3, VERB_LOCAL_OUTPUT, cmd_get, "NAME PATH [FILE|-]", "Copy one of them to here" },
        { NULL, "clone", 2, 2, VERB_ARGUMENTS, cmd_clone, "NAME NEW [-- ARGUMENT...]",
                "Make another server like it" },
        { NULL, "rename", 2, 2, 0, cmd_rename, "NAME NEW", "Give a server another name" },
        { NULL, "freeze", 2, 2, 0, cmd_freeze, "NAME OVERLAY", "Make an overlay of its files" },
        { NULL, "reset", 1, -1, 0, cmd_reset, "NAME...", "Delete what servers have written" },
        { NULL, "delete", 1, -1, 0, cmd_delete, "NAME...", "Delete servers" },
        { NULL, "campaigns", 0, -1, 0, cmd_campaigns, "[NAME...]", "Show what can be played, and where" },
        { NULL, "watch", 0, 0, 0, cmd_watch, "", "Show every change as it comes" },
        { NULL, "check", 0, 0, 0, cmd_check, "", "Examine the host" },
        { NULL, "reload", 0, 0, 0, cmd_reload, "", "Have the configuration read again" },
        { "overlay", "list", 0, 0, 0, cmd_overlay_list, "", "Show all overlays" },
        { "overlay", "show", 1, 1, 0, cmd_overlay_show, "NAME", "Show an overlay and its versions" },
        { "overlay", "create", 1, 1, 0, cmd_overlay_create, "NAME --kind KIND", "Make an overlay" },
        { "overlay", "import", 2, 2, VERB_LOCAL_FILE, cmd_overlay_import, "NAME ARCHIVE|-",
                "Unpack an archive as the next version" },
        { "overlay", "files", 1, 2, 0, cmd_overlay_files, "NAME [DIRECTORY]", "Show what files it holds" },
        { "overlay", "cat", 2, 2, 0, cmd_overlay_cat, "NAME PATH", "Print one of its files" },
        { "overlay", "get", 2, 3, VERB_LOCAL_OUTPUT, cmd_overlay_get, "NAME PATH [FILE|-]",
                "Copy one of its files here" },
        { "overlay", "put", 2, 3, VERB_LOCAL_FILE, cmd_overlay_put, "NAME PATH [FILE|-]",
                "Put one file, as the next version" },
        { "overlay", "edit", 1, 2, 0, cmd_overlay_edit, "NAME [PATH]", "Edit a file of it, or its script" },
        { "overlay", "source", 1, 1, 0, cmd_overlay_source, "NAME", "Print the source of a script" },
        { "overlay", "app", 2, 3, 0, cmd_overlay_app, "NAME APP [BRANCH]",
                "Say which app of Steam's it holds" },
        { "overlay", "build", 1, -1, 0, cmd_overlay_build, "NAME...", "Have overlays build themselves" },
        { "overlay", "seed", 1, 1, 0, cmd_overlay_seed, "FOLDER",
                "Make overlays of the scripts in a folder" },
        { "overlay", "items", 1, -1, 0, cmd_overlay_items, "NAME [ACTION ITEM...]",
                "Show, add, rm, pin, unpin Workshop items" },
        { "overlay", "refresh", 0, 0, 0, cmd_overlay_refresh, "", "Ask the Workshop and Steam for news" },
        { "overlay", "rm", 2, -1, 0, cmd_overlay_rm, "NAME PATH...", "Remove files or directories" },
        { "overlay", "diff", 1, 3, 0, cmd_overlay_diff, "NAME [VERSION...]",
                "Show what differs between versions" },
        { "overlay", "rollback", 1, 2, 0, cmd_overlay_rollback, "NAME [VERSION]",
                "Make an older version current" },
        { "overlay", "keep", 2, 2, 0, cmd_overlay_keep, "NAME NUMBER", "Set how many versions are kept" },
        { "overlay", "rename", 2, 2, 0, cmd_overlay_rename, "NAME NEW", "Give an overlay another name" },
        { "overlay", "delete", 1, 1, 0, cmd_overlay_delete, "NAME",
                "Delete an overlay with all its versions" },
        { "job", "list", 0, 0, 0, cmd_job_list, "", "Show jobs, newest first" },
        { "job", "show", 1, 1, 0, cmd_job_show, "JOB", "Show a job in detail" },
        { "job", "logs", 1, 1, 0, cmd_job_logs, "JOB", "Show what a job logged" },
        { "job", "wait", 1, -1, 0, cmd_job_wait, "JOB...", "Wait for the end of jobs" },
        { "job", "cancel", 1, 1, 0, cmd_job_cancel, "JOB", "End a job and undo what it did" },
        { "cpu", "show", 0, 0, 0, cmd_cpu_show, "", "Draw the CPUs: cores, owners, load" },
        { "cpu", "set", 1, 1, 0, cmd_cpu_set, "LIST", "The system gets these, games the rest" },
        { "cpu", "suggest", 0, 0, 0, cmd_cpu_suggest, "", "Name a good set for this machine" },
        { "cpu", "clear", 0, 0, 0, cmd_cpu_clear, "", "Let everything run on all of them" },
        { "qos", "show", 0, 0, 0, cmd_qos_show, "", "Show what is done for game packets" },
        { "qos", "on", 0, 0, 0, cmd_qos_on, "", "Mark what game servers send" },
        { "qos", "off", 0, 0, 0, cmd_qos_off, "", "Mark it no more" },
        { "qos", "shape", 1, 1, 0, cmd_qos_shape, "INTERFACE --bandwidth RATE", "Have CAKE shape a queue" },
        { "qos", "test", 1, 1, 0, cmd_qos_test, "TARGET", "Fill a line, measure what players feel" },
        { "qos", "unshape", 1, 1, 0, cmd_qos_unshape, "INTERFACE", "Leave a queue to the kernel again" },
        { "shield", "show", 0, 0, 0, cmd_shield_show, "", "Show flood limits and who is above them" },
        { "shield", "set", 0, 1, 0, cmd_shield_set, "[KIND]", "Change the limits" },
        { "shield", "off", 0, 0, 0, cmd_shield_off, "", "Limit nothing" },
        { "shield", "count", 0, 0, 0, cmd_shield_count, "", "Count what is above the limits" },
        { "shield", "on", 0, 0, 0, cmd_shield_on, "", "Drop it" },
        { NULL },
};

/* In the order of the help. */
static const Family families[] = {
        { "overlay", "list", "Overlays: the game, maps, plugins" },
        { "job", "list", "Jobs: long work" },
        { "cpu", "show", "CPUs: which are the system's, which the games'" },
        { "qos", "show", "Quality of service: what the network does for game packets" },
        { "shield", "show", "The shield: what a server gets of floods" },
        { NULL },
};

static const Family *find_family(const char *word) {
        for (const Family *f = families; f->name; f++)
                if (g_str_equal(f->name, word))
                        return f;

        return NULL;
}

/* All first words, or the second words of a family. */
static int unknown_verb(Cli *cli, const char *family, const char *word) {
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *full = family ? g_strdup_printf("%s %s", family, word) : g_strdup(word);
        const char *near;
        const Verb *v;

        for (v = verbs; v->name; v++)
                if (g_strcmp0(v->family, family) == 0)
                        g_ptr_array_add(names, g_strdup(v->name));
        for (const Family *f = families; !family && f->name; f++)
                g_ptr_array_add(names, g_strdup(f->name));
        g_ptr_array_add(names, g_strdup("help"));
        g_ptr_array_add(names, NULL);

        near = suggest(word, (const char *const *) names->pdata);
        if (near)
                return cli_usage(cli, "no verb '%s'; did you mean %s%s%s?", full, family ? family : "",
                        family ? " " : "", near);

        return cli_usage(cli, "no verb '%s'; left4mectl help%s%s lists them", full, family ? " " : "",
                family ? family : "");
}

static int run_verb(Cli *cli, const char *family, const char *name, char **words) {
        const Verb *v;

        for (v = verbs; v->name; v++)
                if (g_strcmp0(v->family, family) == 0 && g_str_equal(v->name, name)) {
                        cli->verb = v;
                        return v->run(cli, words);
                }

        return unknown_verb(cli, family, name);
}

/* "help", "help VERB", "help FAMILY", "help FAMILY VERB". */
static int run_help(Cli *cli, char **words) {
        char help[] = "--help", *asked[] = { help, NULL };

        if (!*words) {
                help_print(cli, verbs, families, NULL);
                return EXIT_OK;
        }

        if (!find_family(words[0]))
                return run_verb(cli, NULL, words[0], asked);
        if (words[1])
                return run_verb(cli, words[0], words[1], asked);

        help_print(cli, verbs, families, words[0]);
        return EXIT_OK;
}

/* Verbs without a word of their own: a bare call lists, and a family alone has a verb for that. */
static int dispatch(Cli *cli, char **words) {
        const Family *family;
        gboolean bare;

        if (!*words)
                return run_verb(cli, NULL, "list", words);
        if (g_str_equal(words[0], "help"))
                return run_help(cli, words + 1);

        family = find_family(words[0]);
        if (!family)
                return run_verb(cli, NULL, words[0], words + 1);

        bare = !words[1] ||
               (words[1][0] == '-' && !g_str_equal(words[1], "--help") && !g_str_equal(words[1], "-h"));
        if (bare)
                return run_verb(cli, words[0], family->bare, words + 1);
        if (g_str_equal(words[1], "help") || words[1][0] == '-') {
                help_print(cli, verbs, families, words[0]);
                return EXIT_OK;
        }

        return run_verb(cli, words[0], words[1], words + 2);
}

/* Options before the verb. */
static int parse_and_dispatch(Cli *cli, char **line) {
        GOptionEntry globals[CLI_GLOBAL_ENTRIES];
        gboolean version = FALSE, help = FALSE;
        const GOptionEntry own[] = {
                { "version", 0, 0, G_OPTION_ARG_NONE, &version, NULL, NULL },
                { "help", 'h', 0, G_OPTION_ARG_NONE, &help, NULL, NULL },
                { NULL },
        };
        g_autoptr(GOptionContext) context = g_option_context_new(NULL);
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) normal = NULL, words = NULL;

        cli_global_entries(cli, globals);
        normal = cli_normalize(line, own, globals, FALSE);
        words = cli_join_words(normal, NULL);
        g_option_context_set_help_enabled(context, FALSE);
        g_option_context_set_strict_posix(context, TRUE);
        g_option_context_add_main_entries(context, globals, NULL);
        g_option_context_add_main_entries(context, own, NULL);
        if (!g_option_context_parse_strv(context, &words, &error))
                return cli_option_error(cli, error, own, globals, words);

        if (version) {
                terminal_printf(&cli->out, "left4mectl %s\n", LEFT4ME_VERSION);
                return EXIT_OK;
        }

        if (help)
                return run_help(cli, words + 1);

        return dispatch(cli, words + 1);
}

/* Programs that read JSON find the failure where they look for the answer. */
static void print_error_document(Cli *cli, int code) {
        JsonObject *error, *document;

        if (!cli->json || cli->json_written || !cli->error_name)
                return;

        error = json_object_new();
        json_object_set_string_member(error, "name", cli->error_name);
        json_object_set_string_member(error, "message", cli->error_message);
        json_object_set_int_member(error, "exit_code", code);
        document = json_object_new();
        json_object_set_object_member(document, "error", error);
        json_print(cli, json_node_object(document));
}

int main(int argc, char *argv[]) {
        g_auto(GStrv) line = NULL;
        Cli cli = { 0 };
        unsigned i;
        int r;

        (void) setlocale(LC_ALL, "");
        terminal_init(&cli.out, stdout);
        terminal_init(&cli.err, stderr);

        cli.line = g_strdupv(argv + 1);
        line = g_strdupv(argv + 1);
        for (i = 0; line[i]; i++)
                if (g_str_equal(line[i], "--")) {
                        cli.after = g_strdupv(line + i + 1);
                        while (line[i])
                                g_clear_pointer(&line[i++], g_free);
                        break;
                }

        r = parse_and_dispatch(&cli, line);
        print_error_document(&cli, r);
        cli_done(&cli);

        /* A full disk must not look like a short list. */
        if (fflush(stdout) != 0 || ferror(stdout)) {
                fprintf(stderr, "left4mectl: cannot write to standard output\n");
                return EXIT_FAILED;
        }

        return r;
}
