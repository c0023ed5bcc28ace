/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way to the service, and the agent that asks for a password on this terminal when polkit wants one. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

#define AGENT_TIMEOUT_MS 5000

gboolean cli_connect(Cli *cli, GError **error) {
        if (cli->client)
                return TRUE;

        cli->client = client_new(error);
        if (!cli->client)
                return FALSE;

        /*
         * GIO ignores SIGPIPE for the whole process; `left4mectl logs | head` is to end quietly all the
         * same.
         */
        (void) signal(SIGPIPE, SIG_DFL);
        return TRUE;
}

/* Between fork and exec. The agent goes when we go, however that happens. */
static void agent_setup(gpointer userdata) {
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* pkttyagent closes the pipe when polkit knows it; until then a call that needs it would be denied. */
static void agent_wait(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int r;

        do
                r = poll(&p, 1, AGENT_TIMEOUT_MS);
        while (r < 0 && errno == EINTR);
}

/*
 * Before a call that polkit may want a password for. Root passes polkit by itself, and without a terminal
 * there is nobody to ask. When the agent is not installed, the service's refusal says what is missing.
 */
void cli_authorize(Cli *cli) {
        const char *arguments[] = { "pkttyagent", "--notify-fd=3", "--fallback", NULL };
        int notify[2], target = 3;
        gboolean ok;

        if (cli->agent || cli->no_ask_password || geteuid() == 0 || !isatty(STDIN_FILENO) ||
                !isatty(STDERR_FILENO))
                return;

        if (pipe2(notify, O_CLOEXEC) < 0)
                return;

        ok = g_spawn_async_with_pipes_and_fds(NULL, arguments, NULL,
                G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN, agent_setup,
                NULL, -1, -1, -1, &notify[1], &target, 1, &cli->agent, NULL, NULL, NULL, NULL);
        (void) close(notify[1]);
        if (ok)
                agent_wait(notify[0]);
        else
                cli->agent = 0;
        (void) close(notify[0]);
}

/*
 * Connects, and gets ready for a password when the call may need one. On failure the call is given up with
 * its arguments.
 */
static gboolean cli_prepare(Cli *cli, ClientCall *call, GError **error) {
        if (!cli_connect(cli, error)) {
                if (call->arguments)
                        g_variant_unref(g_variant_ref_sink(call->arguments));
                return FALSE;
        }

        if (call->interactive) {
                cli_authorize(cli);
                call->interactive = !cli->no_ask_password;
        }

        return TRUE;
}

GVariant *cli_call(Cli *cli, const ClientCall *call, GError **error) {
        ClientCall c = *call;

        return cli_prepare(cli, &c, error) ? client_call(cli->client, &c, error) : NULL;
}

/* The answer's argument at that index is a file descriptor. */
GVariant *cli_call_fd(Cli *cli, const ClientCall *call, unsigned index, int *ret_fd, GError **error) {
        ClientCall c = *call;

        return cli_prepare(cli, &c, error) ? client_call_fd(cli->client, &c, index, ret_fd, error) : NULL;
}

/* Tells the agent to go, which gives the terminal back as it was. */
void cli_done(Cli *cli) {
        if (cli->agent) {
                (void) kill(cli->agent, SIGTERM);
                (void) kill(cli->agent, SIGCONT);
                (void) waitpid(cli->agent, NULL, 0);
        }

        cli->client = client_free(cli->client);
        g_strfreev(cli->line);
        g_strfreev(cli->after);
        g_strfreev(cli->words);
        g_free(cli->host);
        g_free(cli->error_name);
        g_free(cli->error_message);
        g_free(cli->complaint);
}

/* A call whose answer is only that it is done. An error is about the object of that name. */
int cli_run_call(Cli *cli, const ClientCall *call, const char *prefix, const char *name) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;

        reply = cli_call(cli, call, &error);
        if (!reply)
                return cli_error_about(cli, error, prefix, name);

        return EXIT_OK;
}
