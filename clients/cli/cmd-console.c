/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* console: one command, lines from standard input, or a conversation on a terminal. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "console.h"
#include "editor.h"
#include "json.h"
#include "text.h"
#include "verbs.h"

typedef struct {
        Cli *cli;
        const char *name;
        Console *console;
} Session;

static void print_answer(const Session *s, const GString *answer) {
        g_autofree char *safe = text_safe(answer->str, (gssize) answer->len, TEXT_KEEP_LINES);

        terminal_put(&s->cli->out, STYLE_NONE, safe);
        if (*safe && !g_str_has_suffix(safe, "\n"))
                fputc('\n', s->cli->out.file);
        fflush(s->cli->out.file);
}

static void print_json(const Session *s, const char *command, const GString *answer, gboolean complete) {
        g_autofree char *text = g_utf8_make_valid(answer->str, (gssize) answer->len);
        JsonObject *object = json_object_new();

        json_object_set_string_member(object, "instance", s->name);
        json_object_set_string_member(object, "command", command);
        json_object_set_string_member(object, "answer", text);
        json_object_set_boolean_member(object, "complete", complete);
        json_print_line(s->cli, json_node_object(object));
        fflush(s->cli->out.file);
}

/* What there is to say beside the answer. */
static int judge(const Session *s, ConsoleResult result) {
        switch (result) {
        case CONSOLE_ANSWERED:
                return EXIT_OK;
        case CONSOLE_SENT:
                if (!s->cli->quiet)
                        cli_complain(
                                s->cli, "sent; %s has closed the connection or says nothing to it", s->name);
                return EXIT_OK;
        case CONSOLE_CUT:
                return cli_failed(s->cli, EXIT_FAILED, "the answer of %s is not complete", s->name);
        case CONSOLE_LOST:
                return cli_failed(s->cli, EXIT_FAILED,
                        "%s closed the connection instead of an answer; whether it has run the command is not known",
                        s->name);
        case CONSOLE_SILENT:
                break;
        }

        return cli_failed(s->cli, EXIT_FAILED,
                "%s has not answered for some seconds; it may load a map and run the command after that",
                s->name);
}

static int run_command(const Session *s, const char *command) {
        g_autoptr(GString) answer = NULL;
        ConsoleResult result;
        gboolean again;
        int r;

        if (!console_check(s->cli, command))
                return EXIT_USAGE;

        r = console_open(s->console, &again);
        if (r != EXIT_OK)
                return r;
        if (again && !s->cli->quiet)
                cli_complain(s->cli, "connected to %s again", s->name);

        result = console_run(s->console, command, &answer);
        if (s->cli->json)
                print_json(s, command, answer, result == CONSOLE_ANSWERED);
        else
                print_answer(s, answer);
        return judge(s, result);
}

/* "quit" is what people type to leave something. */
static gboolean may_run(const Session *s, const char *command) {
        g_autofree char *question = NULL;

        if (console_ends_server(command))
                question = g_strdup_printf(
                        "This ends the server %s; Ctrl-D leaves the console. End the server?", s->name);
        else if (console_sets_password(command))
                question = g_strdup_printf(
                        "left4med cannot open consoles of %s any more after this, until it is restarted. Go on?",
                        s->name);

        return !question || ask_before_loss(s->cli, question) == EXIT_OK;
}

/* Lines of a pipe or a file: all of them are run, whatever became of the ones before. */
static int run_lines(const Session *s) {
        g_autofree char *line = NULL;
        size_t size = 0;
        ssize_t n;
        int r, code = EXIT_OK;

        while ((n = getline(&line, &size, stdin)) >= 0) {
                /* What stands behind a NUL would be left out. */
                if (memchr(line, 0, (size_t) n)) {
                        code = cli_usage(
                                s->cli, "a command is one line of text, without control characters");
                        continue;
                }
                if (!*g_strstrip(line))
                        continue;
                r = run_command(s, line);
                code = r != EXIT_OK ? r : code;
        }

        return code;
}

static int talk(const Session *s) {
        g_autofree char *prompt = g_strconcat(s->name, "> ", NULL), *path = editor_history_path();
        g_autoptr(Editor) editor = NULL;
        gboolean again;
        char *line;
        int r;

        /* Whoever may not, or has mistaken the name, hears of it before the first command. */
        r = console_open(s->console, &again);
        if (r != EXIT_OK)
                return r;

        if (!s->cli->quiet)
                cli_hint(s->cli, "console of %s; Ctrl-D leaves it, quit ends the server", s->name);
        editor = editor_new(prompt, path);
        while ((line = editor_read(editor))) {
                if (*g_strstrip(line) && may_run(s, line))
                        (void) run_command(s, line);
                g_free(line);
        }

        fputc('\n', s->cli->out.file);
        return EXIT_OK;
}

int cmd_console(Cli *cli, char **words) {
        g_autoptr(Console) console = NULL;
        g_autofree char *command = NULL;
        Session s = { .cli = cli };

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        s.name = words[0];
        s.console = console = console_new(cli, s.name);
        if (words[1]) {
                command = g_strjoinv(" ", words + 1);
                return run_command(&s, command);
        }

        if (isatty(STDIN_FILENO) && cli->out.tty && !cli->json)
                return talk(&s);

        return run_lines(&s);
}
