/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * -H HOST: the same command line, run there by ssh. (The bus could be reached through ssh as well, but
 * file descriptors do not pass that way, and logs and imports are made of those.)
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ssh.h"

/* A file that is here becomes standard input over there. */
static int open_local_file(Cli *cli, char **line, char **words) {
        char **word, **last = NULL;
        const char *file;
        int fd;

        /* Where it may be missing, that means standard input. */
        if (!(cli->verb->flags & VERB_LOCAL_FILE) || (int) g_strv_length(words) < cli->verb->max)
                return EXIT_OK;

        file = words[g_strv_length(words) - 1];
        if (g_str_equal(file, "-"))
                return EXIT_OK;

        fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
                return cli_failed(cli, EXIT_FAILED, "%s: %s", file, g_strerror(errno));

        for (word = line; *word; word++)
                if (g_str_equal(*word, file))
                        last = word;
        g_return_val_if_fail(last, EXIT_FAILED);

        g_free(*last);
        *last = g_strdup("-");
        return EXIT_OK;
}

/* Returns only when ssh could not be run. */
int ssh_run(Cli *cli, const GOptionEntry *entries, const GOptionEntry *globals, char **words) {
        g_auto(GStrv) line = cli_normalize(cli->line, entries, globals, TRUE);
        g_autoptr(GString) command = g_string_new("left4mectl");
        g_autoptr(GPtrArray) ssh = g_ptr_array_new_with_free_func(g_free);
        char **word;
        int r;

        /* Would be an option of ssh, of which some run commands. */
        if (*cli->host == '-' || !*cli->host)
                return cli_usage(cli, "'%s' is no host", cli->host);

        if ((cli->verb->flags & VERB_LOCAL_OUTPUT) && !g_str_equal(words[g_strv_length(words) - 1], "-"))
                return cli_usage(
                        cli, "the file would be written over there: with -H, say - and redirect it");

        r = open_local_file(cli, line, words);
        if (r != EXIT_OK)
                return r;

        /* ssh joins its words by blanks and has them read by a shell. */
        for (word = line; *word; word++) {
                g_autofree char *quoted = g_shell_quote(*word);

                g_string_append_printf(command, " %s", quoted);
        }

        g_ptr_array_add(ssh, g_strdup("ssh"));
        if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
                g_ptr_array_add(ssh, g_strdup("-t"));
        g_ptr_array_add(ssh, g_strdup("--"));
        g_ptr_array_add(ssh, g_strdup(cli->host));
        g_ptr_array_add(ssh, g_strdup(command->str));
        g_ptr_array_add(ssh, NULL);

        fflush(NULL);
        (void) execvp("ssh", (char **) ssh->pdata);
        return cli_failed(cli, EXIT_FAILED, "cannot run ssh: %s", g_strerror(errno));
}
