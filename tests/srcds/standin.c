/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "game.h"
#include "server.h"
#include "standin.h"
#include "util.h"

#define FLOOD_SLICE_US 20000

/* Fixed before anything can crash: a handler must neither allocate nor format. */
static char dump_path[64];

static void on_crash(int sig) {
        static const char minidump[] = "MDMP\223\247\0\0 stand-in: no memory in this one\n";
        int fd;

        (void) mkdir("/tmp/dumps", 0777);
        fd = open(dump_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd >= 0) {
                (void) !write(fd, minidump, sizeof(minidump) - 1);
                (void) close(fd);
        }
        /* SA_RESETHAND has put the default back: the process ends by the signal itself. */
        (void) raise(sig);
}

static void on_usr1(int sig) {
        (void) sig;
        (void) raise(SIGSEGV);
}

void crash_prepare(void) {
        struct sigaction crash = { .sa_handler = on_crash, .sa_flags = (int) SA_RESETHAND | SA_NODEFER };
        struct sigaction usr1 = { .sa_handler = on_usr1 };

        (void) snprintf(dump_path, sizeof(dump_path), "/tmp/dumps/crash_%llu_%d.dmp",
                (unsigned long long) now_ms(), (int) getpid());
        (void) sigaction(SIGSEGV, &crash, NULL);
        (void) sigaction(SIGABRT, &crash, NULL);
        (void) sigaction(SIGUSR1, &usr1, NULL);
}

static void arm(Server *s, TimerId id, const Command *c, int word, TimerCallback callback) {
        unsigned long ms = 0;

        if (c->argc > word && !parse_uint(c->argv[word], 86400000, &ms))
                standin_note("%s: not a number of milliseconds: %s", c->argv[0], c->argv[word]);
        else
                timer_arm(&s->timers, id, ms * 1000, 0, callback);
}

static void on_crash_time(Server *s) {
        standin_note("crash now");
        (void) raise(s->crash_signal);
}

static void run_crash(Server *s, const Command *c) {
        s->crash_signal = strcasecmp(c->argv[1], "ABRT") == 0 ? SIGABRT : SIGSEGV;
        arm(s, TIMER_CRASH, c, 2, on_crash_time);
}

static void on_exit_time(Server *s) {
        standin_note("exit %d now", s->late_exit_code);
        s->exit_code = s->late_exit_code;
        s->quit = true;
}

static void run_exit(Server *s, const Command *c) {
        unsigned long code;

        if (!parse_uint(c->argv[1], 255, &code)) {
                standin_note("%s: not an exit code: %s", c->argv[0], c->argv[1]);
                return;
        }
        s->late_exit_code = (int) code;
        arm(s, TIMER_EXIT, c, 2, on_exit_time);
}

/* A hang as the engine has them: the game thread is gone, SIGINT is not served, only SIGTERM and SIGKILL
 * end it. */
static void on_hang_time(Server *s) {
        (void) s;
        (void) signal(SIGINT, SIG_IGN);
        standin_note("hangs");
        for (;;)
                (void) pause();
}

static void run_hang(Server *s, const Command *c) {
        arm(s, TIMER_HANG, c, 1, on_hang_time);
}

static void on_flood(Server *s) {
        uint64_t n = (uint64_t) s->flood_rate * FLOOD_SLICE_US / 1000000;

        for (uint64_t i = 0; i < (n ? n : 1); i++)
                console_print("standin: flood %llu %s", (unsigned long long) s->flood_lines++,
                        "................................................................");
}

static void run_flood(Server *s, const Command *c) {
        unsigned long rate;

        if (!parse_uint(c->argv[1], 10000000, &rate))
                standin_note("%s: not a number of lines: %s", c->argv[0], c->argv[1]);
        else if (rate == 0)
                timer_disarm(&s->timers, TIMER_FLOOD);
        else {
                s->flood_rate = (unsigned) rate;
                timer_arm(&s->timers, TIMER_FLOOD, 0, rate < 50 ? 1000000 / rate : FLOOD_SLICE_US, on_flood);
        }
}

static void run_ignore(Server *s, const Command *c) {
        (void) s;
        (void) signal(SIGINT, SIG_IGN);
        if (c->argc > 1 && strcasecmp(c->argv[1], "SIGTERM") == 0)
                (void) signal(SIGTERM, SIG_IGN);
        standin_note("ignores SIGINT%s", c->argc > 1 ? " and SIGTERM" : "");
}

static void on_mapcycle(Server *s) {
        const char *next = content_next_map(&s->content, s->map);

        if (next && *s->map)
                game_request_map(s, next, "", true);
}

static void run_mapcycle(Server *s, const Command *c) {
        unsigned long ms;

        if (!parse_uint(c->argv[1], 86400000, &ms))
                standin_note("%s: not a number of milliseconds: %s", c->argv[0], c->argv[1]);
        else if (ms == 0)
                timer_disarm(&s->timers, TIMER_MAPCYCLE);
        else
                timer_arm(&s->timers, TIMER_MAPCYCLE, ms * 1000, ms * 1000, on_mapcycle);
}

static void run_changelevel(Server *s, const Command *c) {
        if (c->argc > 1)
                game_request_map(s, c->argv[1], "", true);
        else
                on_mapcycle(s);
}

/* Twice forked, in a session of its own, deaf to SIGINT and SIGTERM: what a stop has to find and end as
 * well. */
static void run_child(Server *s, const Command *c) {
        pid_t pid = fork();

        (void) s;
        (void) c;
        if (pid != 0)
                return;
        (void) setsid();
        pid = fork();
        if (pid != 0)
                _exit(0);
        (void) signal(SIGINT, SIG_IGN);
        (void) signal(SIGTERM, SIG_IGN);
        standin_note("child %d", (int) getpid());
        for (;;)
                (void) pause();
}

static void run_mark(Server *s, const Command *c) {
        s->marks = xrealloc(s->marks, (s->n_marks + 1) * sizeof(*s->marks));
        s->marks[s->n_marks++] = xstrdup(c->rest);
        s->state_dirty = true;
        standin_note("mark %s", c->rest);
}

/* Writes anywhere the server may: into the tree (a copy-up), or at least tries to. */
static void run_write(Server *s, const Command *c) {
        FILE *f = fopen(c->argv[1], "we");
        bool ok;

        (void) s;
        if (!f) {
                standin_note("write %s failed: %s", c->argv[1], strerror(errno));
                return;
        }
        ok = fprintf(f, "%s\n", c->argc > 2 ? c->argv[2] : "") >= 0;
        ok = fclose(f) == 0 && ok;
        standin_note("write %s %s", c->argv[1], ok ? "ok" : strerror(errno));
}

static void run_control(Server *s, const Command *c) {
        if (s->control_fd >= 0)
                return; /* server.cfg says it again at each map start */
        if (mkfifo(c->argv[1], 0600) < 0 && errno != EEXIST) {
                standin_note("control %s failed: %s", c->argv[1], strerror(errno));
                return;
        }
        /* Opened for writing too, so that the last writer leaving is no end of file. */
        s->control_fd = open(c->argv[1], O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
        if (s->control_fd < 0) {
                standin_note("control %s failed: %s", c->argv[1], strerror(errno));
                return;
        }
        s->control_path = xstrdup(c->argv[1]);
        standin_note("control %s", c->argv[1]);
}

const CommandTable standin_commands = { (const CommandDef[]){
        { "standin_changelevel", 0, "[map]", run_changelevel },
        { "standin_child", 0, "", run_child },
        { "standin_control", 1, "<fifo>", run_control },
        { "standin_crash", 1, "SEGV|ABRT [ms]", run_crash },
        { "standin_exit", 1, "<code> [ms]", run_exit },
        { "standin_flood", 1, "<lines per second>", run_flood },
        { "standin_hang", 0, "[ms]", run_hang },
        { "standin_ignore_sigint", 0, "[SIGTERM]", run_ignore },
        { "standin_mapcycle", 1, "<ms>", run_mapcycle },
        { "standin_mark", 1, "<text>", run_mark },
        { "standin_write", 1, "<path> [text]", run_write },
        { 0 },
} };
