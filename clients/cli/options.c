/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The options of one verb: its own and those that all verbs know. What a verb gets to see afterwards are
 * its words, of right number.
 */

#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "ssh.h"
#include "suggest.h"

void cli_global_entries(Cli *cli, GOptionEntry *ret_entries) {
        const GOptionEntry entries[CLI_GLOBAL_ENTRIES] = {
                { "json", 'j', 0, G_OPTION_ARG_NONE, &cli->json, "Print JSON", NULL },
                { "quiet", 'q', 0, G_OPTION_ARG_NONE, &cli->quiet, "No headings, no remarks, no progress",
                        NULL },
                { "yes", 'y', 0, G_OPTION_ARG_NONE, &cli->yes, "Do not ask before something is lost", NULL },
                { "no-ask-password", 0, 0, G_OPTION_ARG_NONE, &cli->no_ask_password,
                        "Do not ask for passwords", NULL },
                { "host", 'H', 0, G_OPTION_ARG_STRING, &cli->host, "Run there, by ssh", "[USER@]HOST" },
                { NULL },
        };

        memcpy(ret_entries, entries, sizeof(entries));
}

/* The entry for "--name", "--name=value" or "-n", NULL when there is none. */
const GOptionEntry *cli_find_option(const GOptionEntry *entries, const char *option) {
        size_t length = strcspn(option, "=");

        for (; entries && entries->long_name; entries++)
                if (!g_str_has_prefix(option, "--")) {
                        if (entries->short_name == option[1])
                                return entries;
                } else if (strlen(entries->long_name) + 2 == length &&
                           strncmp(option + 2, entries->long_name, length - 2) == 0)
                        return entries;

        return NULL;
}

static const GOptionEntry *find_either(
        const GOptionEntry *entries, const GOptionEntry *globals, const char *option) {
        const GOptionEntry *entry = cli_find_option(entries, option);

        return entry ? entry : cli_find_option(globals, option);
}

/*
 * A word of short options, "-qn50": returns the place of the letter that takes a value, the end when there
 * is none, and NULL when a letter before it is not known.
 */
static const char *value_letter(const char *word, const GOptionEntry *entries, const GOptionEntry *globals) {
        const char *p;

        for (p = word + 1; *p; p++) {
                const char letter[] = { '-', *p, 0 };
                const GOptionEntry *entry = find_either(entries, globals, letter);

                if (!entry)
                        return NULL;
                if (entry->arg != G_OPTION_ARG_NONE)
                        break;
        }

        return p;
}

/*
 * One option word; letter: where in a short one the value follows. Without the host, what else is in the
 * word stays.
 */
static void add_option(GPtrArray *normal, const char *word, const char *letter, gboolean drop_host) {
        if (!letter) {
                if (!drop_host)
                        g_ptr_array_add(normal, g_strdup(word));
                return;
        }

        if (!drop_host)
                g_ptr_array_add(normal, g_strndup(word, (gsize) (letter + (*letter ? 1 : 0) - word)));
        else if (letter > word + 1)
                g_ptr_array_add(normal, g_strndup(word, (gsize) (letter - word)));

        if (*letter && letter[1] && !drop_host)
                g_ptr_array_add(normal, g_strdup(letter + 1));
}

/*
 * GOption wants the value of a short option in a word of its own; people also write -n50. Returns the
 * words made so, and without -H and its value when that is wanted. The values of options are stepped over,
 * since they may look like anything.
 */
char **cli_normalize(char *const *words, const GOptionEntry *entries, const GOptionEntry *globals,
        gboolean without_host) {
        GPtrArray *normal = g_ptr_array_new();
        gboolean value = FALSE, host = FALSE;

        for (; *words && (value || !g_str_equal(*words, "--")); words++) {
                const gboolean is_long = g_str_has_prefix(*words, "--"),
                               is_short = (*words)[0] == '-' && (*words)[1] && !is_long;
                const char *letter = is_short && !value ? value_letter(*words, entries, globals) : NULL;
                const GOptionEntry *entry = NULL;

                if (value || (!is_long && !letter)) {
                        if (!value || !host || !without_host)
                                g_ptr_array_add(normal, g_strdup(*words));
                        value = FALSE;
                        continue;
                }

                if (is_long)
                        entry = find_either(entries, globals, *words);
                else if (*letter)
                        entry = find_either(entries, globals, (const char[]){ '-', *letter, 0 });
                host = entry && g_str_equal(entry->long_name, "host");
                value = entry && entry->arg != G_OPTION_ARG_NONE &&
                        !(is_long ? strchr(*words, '=') != NULL : letter[1] != 0);
                add_option(normal, *words, letter, host && without_host);
        }

        for (; *words; words++)
                g_ptr_array_add(normal, g_strdup(*words));
        g_ptr_array_add(normal, NULL);
        return (char **) g_ptr_array_free(normal, FALSE);
}

static void add_names(GPtrArray *names, const GOptionEntry *entries) {
        for (; entries && entries->long_name; entries++)
                g_ptr_array_add(names, g_strconcat("--", entries->long_name, NULL));
}

static char *verb_title(const Verb *verb) {
        return g_strjoin(
                " ", verb->family ? verb->family : verb->name, verb->family ? verb->name : NULL, NULL);
}

static int unknown_option(
        Cli *cli, const GOptionEntry *entries, const GOptionEntry *globals, const char *option) {
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *bare = g_strndup(option, strcspn(option, "=")), *title = NULL;
        const char *near = NULL;

        add_names(names, entries);
        add_names(names, globals);
        g_ptr_array_add(names, g_strdup("--help"));
        g_ptr_array_add(names, NULL);

        if (g_str_has_prefix(option, "--"))
                near = suggest(bare, (const char *const *) names->pdata);
        if (near)
                return cli_usage(cli, "no option %s here; did you mean %s?", bare, near);
        if (cli->verb && cli->verb->flags & VERB_ARGUMENTS)
                return cli_usage(cli, "no option %s here; words for the game server come after --", bare);

        title = cli->verb ? verb_title(cli->verb) : NULL;
        return cli_usage(cli, "no option %s here; left4mectl %s%s--help tells which there are", bare,
                title ? title : "", title ? " " : "");
}

/* GOption does not say which one it did not know, only in words; so the line is gone through once more. */
int cli_option_error(Cli *cli, const GError *error, const GOptionEntry *entries, const GOptionEntry *globals,
        char **line) {
        char **word;

        if (!g_error_matches(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION))
                return cli_usage(cli, "%s", error->message);

        for (word = line + 1; *word; word++)
                if ((*word)[0] == '-' && (*word)[1] && !cli_find_option(entries, *word) &&
                        !cli_find_option(globals, *word))
                        return unknown_option(cli, entries, globals, *word);

        return cli_usage(cli, "%s", error->message);
}

static GOptionContext *context_new(
        const Verb *verb, const GOptionEntry *entries, const GOptionEntry *globals) {
        g_autofree char *title = verb_title(verb), *program = g_strconcat("left4mectl ", title, NULL);
        GOptionContext *context = g_option_context_new(verb->words);

        g_set_prgname(program);
        g_option_context_set_help_enabled(context, FALSE);
        g_option_context_set_summary(context, verb->summary);
        if (entries)
                g_option_context_add_main_entries(context, entries, NULL);
        g_option_context_add_main_entries(context, globals, NULL);
        return context;
}

static gboolean check_number(Cli *cli, char **words) {
        const Verb *verb = cli->verb;
        g_autofree char *title = verb_title(verb);
        int n = (int) g_strv_length(words);

        if (n >= verb->min && (verb->max < 0 || n <= verb->max))
                return TRUE;

        if (verb->max == 0)
                cli->code = cli_usage(cli, "%s takes no arguments, but there is '%s'", title, words[0]);
        else if (n < verb->min)
                cli->code = cli_usage(cli, "too few arguments: left4mectl %s %s", title, verb->words);
        else
                cli->code = cli_usage(cli, "too many arguments, '%s' is the first: left4mectl %s %s",
                        words[verb->max], title, verb->words);

        return FALSE;
}

/* The program's name, which GOption wants in front, and two lists of words, of which either may be NULL. */
char **cli_join_words(char *const *a, char *const *b) {
        GPtrArray *words = g_ptr_array_new();

        g_ptr_array_add(words, g_strdup("left4mectl"));
        for (; a && *a; a++)
                g_ptr_array_add(words, g_strdup(*a));
        for (; b && *b; b++)
                g_ptr_array_add(words, g_strdup(*b));
        g_ptr_array_add(words, NULL);
        return (char **) g_ptr_array_free(words, FALSE);
}

/*
 * Reads options out of the words; what is left are those that the verb acts on, owned by the Cli. When it
 * returns FALSE the run is over, and cli->code is its exit code: help was asked for, something was wrong,
 * or it all happened on another host.
 */
gboolean cli_parse(Cli *cli, const GOptionEntry *entries, char ***words) {
        GOptionEntry globals[CLI_GLOBAL_ENTRIES], help[2] = { 0 };
        g_autoptr(GOptionContext) context = NULL;
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) normal = NULL, line = NULL;
        gboolean want_help = FALSE;
        cli_global_entries(cli, globals);
        normal = cli_normalize(*words, entries, globals, FALSE);
        line = cli_join_words(normal, NULL);
        help[0] = (GOptionEntry){ "help", 'h', 0, G_OPTION_ARG_NONE, &want_help, "Show this help", NULL };
        context = context_new(cli->verb, entries, globals);
        g_option_context_add_main_entries(context, help, NULL);

        if (!g_option_context_parse_strv(context, &line, &error)) {
                cli->code = cli_option_error(cli, error, entries, globals, line);
                return FALSE;
        }

        if (want_help) {
                g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);

                terminal_put(&cli->out, STYLE_NONE, text);
                cli->code = EXIT_OK;
                return FALSE;
        }

        /* The words after "--" belong to the verb like any other, unless they are the game server's. */
        cli->words = cli_join_words(line + 1, cli->verb->flags & VERB_ARGUMENTS ? NULL : cli->after);
        *words = cli->words + 1;
        if (!check_number(cli, *words))
                return FALSE;

        if (cli->host) {
                cli->code = ssh_run(cli, entries, globals, *words);
                return FALSE;
        }

        return TRUE;
}
