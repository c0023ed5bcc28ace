/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "text.h"

struct Ask {
        int fd;
        gboolean own_fd;
        guint watch;
        AskCallback answered;
        gpointer userdata;
};

static void put_question(Cli *cli, const char *question) {
        g_autofree char *safe = text_safe(question, -1, TEXT_KEEP_LINES);

        fflush(cli->out.file);
        terminal_put(&cli->err, STYLE_BOLD, safe);
        fputc(' ', cli->err.file);
        fflush(cli->err.file);
}

/*
 * Returns EXIT_OK when it may be done. Without a terminal nobody can be asked, and that something is lost
 * must have been said on the command line: a script that forgot it shall not go on.
 */
int ask_before_loss(Cli *cli, const char *question) {
        g_autofree char *line = NULL;
        size_t size = 0;
        ssize_t n;

        if (cli->yes)
                return EXIT_OK;

        if (!isatty(STDIN_FILENO) || !isatty(fileno(cli->err.file)))
                return cli_usage(
                        cli, "%s\nThere is no terminal to ask at: --yes says that it may be done", question);

        put_question(cli, question);
        put_question(cli, "[y/N]");

        n = getline(&line, &size, stdin);
        if (n < 0)
                fputc('\n', cli->err.file);
        else if (g_ascii_strcasecmp(g_strstrip(line), "y") == 0 || g_ascii_strcasecmp(line, "yes") == 0)
                return EXIT_OK;

        return cli_failed(cli, EXIT_FAILED, "nothing was changed");
}

/* Somebody at a terminal, be standard input what it may. */
gboolean ask_possible(const Cli *cli) {
        int fd;

        if (!isatty(fileno(cli->err.file)))
                return FALSE;
        if (isatty(STDIN_FILENO))
                return TRUE;

        fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return FALSE;

        (void) close(fd);
        return TRUE;
}

/* A terminal gives whole lines; what is longer than any answer is one that nobody knows. */
static gboolean on_line(int fd, GIOCondition condition, gpointer userdata) {
        Ask *ask = userdata;
        char line[256];
        ssize_t n;

        n = read(fd, line, sizeof(line) - 1);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return G_SOURCE_CONTINUE;

        ask->watch = 0;
        if (n <= 0)
                ask->answered(NULL, ask->userdata);
        else {
                line[n] = 0;
                ask->answered(g_strstrip(line), ask->userdata);
        }

        return G_SOURCE_REMOVE;
}

/*
 * Asks within the main loop, so that what is under way goes on. The callback comes once, and may free
 * this.
 */
Ask *ask_new(Cli *cli, const char *question, AskCallback answered, gpointer userdata) {
        Ask *ask = g_new0(Ask, 1);

        ask->answered = answered;
        ask->userdata = userdata;
        ask->fd = STDIN_FILENO;
        if (!isatty(STDIN_FILENO)) {
                ask->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
                ask->own_fd = ask->fd >= 0;
        }

        put_question(cli, question);
        if (ask->fd >= 0)
                ask->watch = g_unix_fd_add(ask->fd, G_IO_IN, on_line, ask);
        return ask;
}

Ask *ask_free(Ask *ask) {
        if (!ask)
                return NULL;

        if (ask->watch)
                g_source_remove(ask->watch);
        if (ask->own_fd)
                (void) close(ask->fd);
        g_free(ask);
        return NULL;
}
