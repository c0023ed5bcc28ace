/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <histedit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "editor.h"

/* The file is cut down to so many lines when it has twice as many. */
#define LINES_MAX 1000
#define FILE_MAX (1024 * 1024)

struct Editor {
        EditLine *edit;
        History *history;
        char *prompt;
        char *file; /* NULL: nothing is kept */
};

char *editor_history_path(void) {
        return g_build_filename(g_get_user_state_dir(), "left4me", "console_history", NULL);
}

gboolean editor_keeps(const char *line) {
        static const char *const secrets[] = { "pass", "secret", "token", "steamaccount", "setmaster" };
        g_autofree char *lower = g_ascii_strdown(line, -1);

        for (size_t i = 0; i < G_N_ELEMENTS(secrets); i++)
                if (strstr(lower, secrets[i]))
                        return FALSE;

        return *line && *line != ' ';
}

static char *get_prompt(EditLine *edit) {
        Editor *e = NULL;

        el_get(edit, EL_CLIENTDATA, &e);
        return e->prompt;
}

static void enter(Editor *e, const char *line) {
        HistEvent event;

        (void) history(e->history, &event, H_ENTER, line);
}

static void write_lines(const Editor *e, char *const *lines, int flags) {
        FILE *file;
        int fd;

        if (!e->file)
                return;

        fd = open(e->file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
        file = fd >= 0 ? fdopen(fd, "w") : NULL;
        if (!file) {
                if (fd >= 0)
                        (void) close(fd);
                return;
        }

        for (; *lines; lines++)
                fprintf(file, "%s\n", *lines);
        (void) fclose(file);
}

/* A file that cannot be read is one that is not there: nobody should be kept from a console by it. */
static void load(Editor *e) {
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;
        gsize size;
        guint n, i;

        if (!e->file || !g_file_get_contents(e->file, &text, &size, NULL) || size > FILE_MAX)
                return;

        lines = g_strsplit(g_strchomp(text), "\n", -1);
        n = g_strv_length(lines);
        for (i = n > LINES_MAX ? n - LINES_MAX : 0; i < n; i++)
                if (*lines[i])
                        enter(e, lines[i]);
        if (n > 2 * LINES_MAX)
                write_lines(e, lines + n - LINES_MAX, O_TRUNC);
}

Editor *editor_new(const char *prompt, const char *history_file) {
        g_autofree char *directory = g_path_get_dirname(history_file);
        Editor *e = g_new0(Editor, 1);
        HistEvent event;

        e->prompt = g_strdup(prompt);
        e->file = g_mkdir_with_parents(directory, 0700) == 0 ? g_strdup(history_file) : NULL;
        e->history = history_init();
        (void) history(e->history, &event, H_SETSIZE, LINES_MAX);
        (void) history(e->history, &event, H_SETUNIQUE, 1);

        e->edit = el_init("left4mectl", stdin, stdout, stderr);
        (void) el_set(e->edit, EL_CLIENTDATA, e);
        (void) el_set(e->edit, EL_PROMPT, get_prompt);
        (void) el_set(e->edit, EL_EDITOR, "emacs");
        (void) el_set(e->edit, EL_HIST, history, e->history);
        (void) el_set(e->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
        /* The terminal is put right before a signal ends us. */
        (void) el_set(e->edit, EL_SIGNAL, 1);
        (void) el_source(e->edit, NULL);
        load(e);
        return e;
}

Editor *editor_free(Editor *e) {
        if (!e)
                return NULL;

        el_end(e->edit);
        history_end(e->history);
        g_free(e->prompt);
        g_free(e->file);
        g_free(e);
        return NULL;
}

char *editor_read(Editor *e) {
        char *line;
        int n = 0;

        line = g_strdup(el_gets(e->edit, &n));
        if (!line)
                return NULL;

        g_strchomp(line);
        if (editor_keeps(line)) {
                enter(e, line);
                write_lines(e, (char *const[]){ line, NULL }, O_APPEND);
        }

        return line;
}
