/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "console.h"
#include "game.h"
#include "loop.h"
#include "misbehave.h"
#include "query.h"
#include "server.h"
#include "state.h"
#include "util.h"

#define INPUT_MAX 4096 /* what one write to a pipe carries whole */

/* +word value value: console commands, run in order once the server is up. -5 is a value, -word is not. */
static void run_command_line(Server *s) {
        char **a = s->argv + 1;

        while (*a && !s->quit) {
                char line[1024];
                size_t n;

                if (**a != '+' || !(*a)[1]) {
                        a++;
                        continue;
                }
                n = (size_t) snprintf(line, sizeof(line), "%s", *a++ + 1);
                for (; *a && **a != '+' && (**a != '-' || ((*a)[1] >= '0' && (*a)[1] <= '9')); a++)
                        if (n < sizeof(line))
                                n += (size_t) snprintf(line + n, sizeof(line) - n, " \"%s\"", *a);
                if (n >= sizeof(line))
                        console_print("Command line: %.32s... is too long", line);
                else
                        console_execute(s, line);
        }
}

/* Lines from standard input or the control FIFO. Each is done before the next: a map that it asks for is
 * loaded. */
static bool read_lines(Server *s, int fd) {
        char buf[INPUT_MAX + 1], *line = buf;
        ssize_t n = read(fd, buf, INPUT_MAX);

        if (n <= 0)
                return n < 0 && errno == EAGAIN;
        buf[n] = '\0';
        while (line && !s->quit) {
                char *end = strchr(line, '\n');

                if (end)
                        *end++ = '\0';
                console_execute(s, line);
                game_load_requested(s);
                if (s->state_dirty)
                        state_write(s);
                line = end;
        }
        return true;
}

/* After every event: the map that it asked for is loaded, the state file tells of it, and only then does
 * the console line come that a test waits for. One map at a time: a cfg that asks for the next at each
 * map start must not keep the signals out. */
static void settle(Server *s) {
        const char *news;

        game_load_requested(s);
        rcon_sweep(&s->rcon);
        news = game_update_hibernation(s);
        if (s->state_dirty)
                state_write(s);
        if (news)
                console_print("%s", news);
}

enum {
        FD_SIGNALS,
        FD_TIMERS,
        FD_CONSOLE,
        FD_CONTROL,
        FD_QUERIES,
        FD_QUERIES6,
        FD_LISTEN,
        FD_RCON, /* the first of them */
};

static int serve(Server *s, int signals, bool *console) {
        struct pollfd fds[FD_RCON + RCON_CONNECTIONS_MAX];
        struct signalfd_siginfo si;
        size_t n;

        fds[FD_SIGNALS] = (struct pollfd){ .fd = signals, .events = POLLIN };
        fds[FD_TIMERS] = (struct pollfd){ .fd = s->timers.fd, .events = POLLIN };
        fds[FD_CONSOLE] = (struct pollfd){ .fd = *console ? STDIN_FILENO : -1, .events = POLLIN };
        fds[FD_CONTROL] = (struct pollfd){ .fd = s->control_fd, .events = POLLIN };
        fds[FD_QUERIES] = (struct pollfd){ .fd = s->net.udp, .events = POLLIN };
        fds[FD_QUERIES6] = (struct pollfd){ .fd = s->net.udp6, .events = POLLIN };
        fds[FD_LISTEN] = (struct pollfd){ .fd = s->net.listening ? s->net.tcp : -1, .events = POLLIN };
        n = rcon_fill_poll(&s->rcon, fds + FD_RCON);

        if (poll(fds, FD_RCON + n, *s->next_map || s->flood_endless ? 0 : -1) < 0)
                return errno == EINTR ? 0 : -errno;
        if (fds[FD_TIMERS].revents)
                timers_dispatch(&s->timers, s);
        if (fds[FD_QUERIES].revents)
                query_serve(s, s->net.udp);
        if (fds[FD_QUERIES6].revents)
                query_serve(s, s->net.udp6);
        /* The connections that were polled, before others come behind them. */
        for (size_t i = 0; i < n && !s->quit; i++)
                if (fds[FD_RCON + i].revents)
                        rcon_serve(s, s->rcon.connections[i], fds[FD_RCON + i].revents);
        if (fds[FD_LISTEN].revents && s->net.listening)
                rcon_accept(s);
        if (fds[FD_CONSOLE].revents)
                *console = read_lines(s, STDIN_FILENO);
        if (fds[FD_CONTROL].revents)
                (void) read_lines(s, s->control_fd);
        if (fds[FD_SIGNALS].revents && read(signals, &si, sizeof(si)) == sizeof(si))
                console_execute(s, "standin_changelevel");
        misbehave_flood(s);
        return 0;
}

int loop_run(Server *s) {
        bool console = true;
        sigset_t mask;
        int signals, r = 0;

        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGUSR2);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);
        signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (signals < 0)
                return -errno;

        run_command_line(s);
        settle(s);
        while (r >= 0 && !s->quit) {
                r = serve(s, signals, &console);
                settle(s);
        }
        (void) close(signals);
        return r < 0 ? r : s->exit_code;
}
