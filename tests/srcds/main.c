/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stand-in for srcds_linux: a dedicated server of Left 4 Dead 2 as its environment sees it, without
 * the game. It takes the real one's command line, prints its console lines in its order, runs cfg files
 * when it does, binds its port, writes where it writes and ends as it ends. It was written from a
 * description of the real server's behaviour, so that left4me can be tested end to end where the game
 * itself is not to be had. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "game.h"
#include "server.h"
#include "standin.h"
#include "state.h"
#include "util.h"

#define DEFAULT_PORT 27015
#define DEFAULT_TICKRATE 30
#define INPUT_MAX 4096 /* what one write to a pipe carries whole */
#define EXIT_SYS 100   /* the engine's own exit code for what it cannot run without */

static const CommandTable *const tables[] = { &engine_commands, &standin_commands, NULL };

/* The value of a word such as -port, or of the cvar given as +hostport; the last one counts. */
static const char *argument(char **argv, const char *word) {
        const char *value = NULL;

        for (char **a = argv + 1; *a; a++)
                if (strcasecmp(*a, word) == 0)
                        value = a[1] && a[1][0] != '-' && a[1][0] != '+' ? a[1] : "";
        return value;
}

static bool has_argument(char **argv, const char *word) {
        return argument(argv, word) != NULL;
}

static const char *either(const char *a, const char *b) {
        return a ? a : b;
}

static void open_port(Server *s) {
        const char *ip = either(argument(s->argv, "+ip"), argument(s->argv, "-ip"));
        const char *word = either(argument(s->argv, "+hostport"), argument(s->argv, "-port"));
        bool strict = has_argument(s->argv, "-strictportbind");
        unsigned long port = DEFAULT_PORT;
        char number[16];
        int r;

        if (word && (!parse_uint(word, 65535, &port) || port == 0))
                port = DEFAULT_PORT;
        r = net_open(&s->net, ip, (unsigned) port, strict);
        if (r == -EADDRINUSE && strict) {
                console_print(
                        "ERROR: Port %lu was unavailable - quitting due to \"-strictportbind\" command-line flag!",
                        port);
                exit(EXIT_SYS);
        }
        if (r < 0) {
                console_print("ERROR: Couldn't bind to %s:%lu: %s", s->net.ip, port, strerror(-r));
                exit(EXIT_SYS);
        }
        if (s->net.port != port)
                console_print(
                        "WARNING: Port %lu was unavailable - bound to port %u instead", port, s->net.port);

        (void) snprintf(number, sizeof(number), "%u", s->net.port);
        (void) cvar_set(cvar_find(&s->cvars, "hostport"), number);
        (void) cvar_set(cvar_find(&s->cvars, "ip"), s->net.ip);
        console_print("Network: IP %s, mode MP, dedicated Yes, ports %u SV / %s CL", s->net.ip, s->net.port,
                either(argument(s->argv, "+clientport"), "27005"));
}

/* Only with the enabler plugin is a tick rate other than 30 to be had. */
static unsigned tickrate(Server *s) {
        const char *word = argument(s->argv, "-tickrate");
        unsigned long rate = DEFAULT_TICKRATE;
        char path[PATH_LEN];

        (void) snprintf(path, sizeof(path), "%s/addons/tickrate_enabler.vdf", s->game);
        if (!word || access(path, R_OK) < 0 || !parse_uint(word, 128, &rate) || rate < DEFAULT_TICKRATE)
                return DEFAULT_TICKRATE;
        return (unsigned) rate;
}

static void mount_content(Server *s) {
        int r;

        content_load(&s->content, s->game);
        for (size_t i = 0; i < s->content.n_addons; i++) {
                const Addon *a = &s->content.addons[i];

                if (a->broken)
                        console_print("WARNING: %s/addons/%s is not a valid VPK", s->game, a->file);
                else
                        standin_note("addon %s %s maps=%u missions=%u", a->file,
                                a->enabled ? "mounted" : "disabled", a->maps, a->missions);
        }
        standin_note("maps %zu", s->content.n_maps);
        r = content_write_addonlist(&s->content, s->game);
        if (r < 0)
                standin_note("addonlist.txt failed: %s", strerror(-r));
}

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

static int watch(int epoll, int fd, uint32_t events) {
        struct epoll_event e = { .events = events, .data.fd = fd };

        return fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0 && errno != EEXIST ? -errno : 0;
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

static void dispatch(Server *s, int epoll, int fd, int signals) {
        struct signalfd_siginfo si;

        if (fd == s->timers.fd)
                timers_dispatch(&s->timers, s);
        else if (fd == s->net.udp)
                net_drain_udp(&s->net);
        else if (fd == s->net.tcp)
                net_refuse_tcp(&s->net);
        else if (fd == s->control_fd)
                (void) read_lines(s, fd);
        else if (fd == STDIN_FILENO) {
                if (!read_lines(s, fd))
                        (void) epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
        } else if (fd == signals && read(signals, &si, sizeof(si)) == sizeof(si))
                console_execute(s, "standin_changelevel");
}

/* After every event: the map that it asked for is loaded, the state file tells of it, and only then does
 * the console line come that a test waits for. One map at a time: a cfg that asks for the next at each
 * map start must not keep the signals out. */
static void settle(Server *s, int epoll) {
        const char *news;

        game_load_requested(s);
        news = game_update_hibernation(s);
        (void) watch(epoll, s->control_fd, EPOLLIN);
        if (s->net.listening)
                (void) watch(epoll, s->net.tcp, EPOLLIN);
        if (s->state_dirty)
                state_write(s);
        if (news)
                console_print("%s", news);
}

static int loop(Server *s) {
        struct epoll_event events[8];
        int epoll, signals;
        sigset_t mask;

        epoll = epoll_create1(EPOLL_CLOEXEC);
        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGUSR2);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);
        signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (epoll < 0 || signals < 0 || watch(epoll, s->timers.fd, EPOLLIN) < 0 ||
                watch(epoll, s->net.udp, EPOLLIN) < 0 || watch(epoll, signals, EPOLLIN) < 0)
                return EXIT_SYS;
        (void) watch(epoll, STDIN_FILENO, EPOLLIN); /* EPERM for /dev/null: no console then */

        run_command_line(s);
        for (;;) {
                int n;

                settle(s, epoll);
                if (s->quit)
                        return s->exit_code;
                n = epoll_wait(epoll, events, ELEMENTSOF(events), *s->next_map ? 0 : -1);
                for (int i = 0; i < n && !s->quit; i++)
                        dispatch(s, epoll, events[i].data.fd, signals);
        }
}

static void server_done(Server *s) {
        log_stop(&s->log, &s->cvars);
        if (s->control_path)
                (void) unlink(s->control_path);
        free(s->control_path);
        if (s->control_fd >= 0)
                (void) close(s->control_fd);
        for (size_t i = 0; i < s->n_execs; i++)
                free(s->execs[i].file);
        free(s->execs);
        free_strings(s->marks, s->n_marks);
        net_close(&s->net);
        timers_done(&s->timers);
        content_done(&s->content);
        cvar_table_done(&s->cvars);
}

int main(int argc, char **argv) {
        Server s = { .argv = argv, .control_fd = -1, .tables = tables };
        struct stat st;
        int r;

        (void) argc;
        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        (void) signal(SIGHUP, SIG_IGN);
        (void) signal(SIGPIPE, SIG_IGN);
        crash_prepare();

        s.game = argument(argv, "-game");
        if (!s.game || !*s.game)
                s.game = "left4dead2";
        if (stat(s.game, &st) < 0 || !S_ISDIR(st.st_mode)) {
                console_print("ERROR: Couldn't find the game directory %s", s.game);
                return EXIT_SYS;
        }
        s.offline = has_argument(argv, "-insecure") || has_argument(argv, "-nomaster");
        cvar_table_init(&s.cvars);
        if (timers_init(&s.timers) < 0)
                return EXIT_SYS;

        console_print("Console initialized.");
        mount_content(&s);
        s.tickrate = tickrate(&s);
        console_print("Game.dll loaded for \"Left 4 Dead 2\"");
        console_print("maxplayers set to 18");
        open_port(&s);

        r = loop(&s);
        server_done(&s);
        return r;
}
