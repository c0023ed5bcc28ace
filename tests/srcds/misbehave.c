/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "console.h"
#include "misbehave.h"
#include "server.h"
#include "util.h"

#define EXIT_SYS 100 /* the engine's own exit code for what it cannot run without */
#define FLOOD_SLICE_US 20000
#define LEAK_SLICE_US 100000
#define MIB (1U << 20)

/* Fixed before anything can crash: a handler must neither allocate nor format. */
static char dump_path[64];

static void on_crash(int sig) {
        static const char minidump[] = "MDMP\223\247\0\0 stand-in: no memory in this one\n";
        int fd, tries = 100;

        /* Whoever tidies up after another server takes the empty folder away. */
        do {
                (void) mkdir("/tmp/dumps", 0777);
                fd = open(dump_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        } while (fd < 0 && errno == ENOENT && --tries > 0);
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

static void print_flood(Server *s) {
        console_print("standin: flood %llu %s", (unsigned long long) s->flood_lines++,
                "................................................................");
}

static void on_flood(Server *s) {
        uint64_t n = (uint64_t) s->flood_rate * FLOOD_SLICE_US / 1000000;

        for (uint64_t i = 0; i < (n ? n : 1); i++)
                print_flood(s);
}

void misbehave_flood(Server *s) {
        for (unsigned i = 0; s->flood_endless && i < 256; i++)
                print_flood(s);
}

static void run_flood(Server *s, const Command *c) {
        bool endless = strcasecmp(c->argv[1], "max") == 0;
        unsigned long rate = 0;

        if (!endless && !parse_uint(c->argv[1], 10000000, &rate)) {
                standin_note("%s: not a number of lines: %s", c->argv[0], c->argv[1]);
                return;
        }
        s->flood_endless = endless;
        s->flood_rate = (unsigned) rate;
        if (rate == 0)
                timer_disarm(&s->timers, TIMER_FLOOD);
        else
                timer_arm(&s->timers, TIMER_FLOOD, 0, rate < 50 ? 1000000 / rate : FLOOD_SLICE_US, on_flood);
}

static void run_garbage(Server *s, const Command *c) {
        static const char *const words[] = { "a2s", "rcon", "both", "off" };
        unsigned long kind = 0;

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcasecmp(c->argv[1], words[i]) == 0 &&
                        (c->argc == 2 || parse_uint(c->argv[2], INT16_MAX, &kind))) {
                        garbage_set(s, c->argv[1], c->argc > 2 ? (int) kind : -1);
                        standin_note("garbage %s", c->argv[1]);
                        return;
                }
        standin_note("%s: not garbage: %s", c->argv[0], c->rest);
}

/* Written to, so that it is memory and not just addresses; and never given back. */
static void on_leak(Server *s) {
        char *p = malloc(s->leak_rate);

        if (!p)
                return;
        memset(p, 0xa5, s->leak_rate);
        __asm__ volatile("" : : "r"(p) : "memory"); /* or the compiler sees through it */
}

static void run_leak(Server *s, const Command *c) {
        unsigned long rate;

        if (!parse_uint(c->argv[1], 10240, &rate))
                standin_note("%s: not a number of MiB: %s", c->argv[0], c->argv[1]);
        else if (rate == 0)
                timer_disarm(&s->timers, TIMER_LEAK);
        else {
                s->leak_rate = rate * MIB / 10;
                timer_arm(&s->timers, TIMER_LEAK, 0, LEAK_SLICE_US, on_leak);
        }
}

/* Of the processor's time, not of the clock's: who does not get it needs longer for the same frame. */
void misbehave_burn(Server *s) {
        uint64_t work = (uint64_t) s->burn_percent * 10000 / s->tickrate, start = cpu_us();

        while (cpu_us() - start < work)
                ;
}

static void run_burn(Server *s, const Command *c) {
        unsigned long percent;

        if (!parse_uint(c->argv[1], 100, &percent))
                standin_note("%s: not a percentage: %s", c->argv[0], c->argv[1]);
        else
                s->burn_percent = (unsigned) percent;
}

/* Nothing is served meanwhile, as while the engine loads a map: connections and datagrams wait. */
void misbehave_stall(uint64_t ms) {
        struct timespec ts = { (time_t) (ms / 1000), (long) (ms % 1000) * 1000000 };

        while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
                ;
}

static void run_stall(Server *s, const Command *c) {
        unsigned long ms;

        (void) s;
        if (!parse_uint(c->argv[1], 86400000, &ms)) {
                standin_note("%s: not a number of milliseconds: %s", c->argv[0], c->argv[1]);
                return;
        }
        standin_note("stalls %lu ms", ms);
        misbehave_stall(ms);
        standin_note("goes on");
}

void misbehave_refuse_port(Server *s) {
        console_print(
                "ERROR: Port %u was unavailable - quitting due to \"-strictportbind\" command-line flag!",
                s->net.port);
        exit(EXIT_SYS);
}

static void run_refuse_port(Server *s, const Command *c) {
        (void) c;
        misbehave_refuse_port(s);
}

static void run_ignore(Server *s, const Command *c) {
        (void) s;
        (void) signal(SIGINT, SIG_IGN);
        if (c->argc > 1 && strcasecmp(c->argv[1], "SIGTERM") == 0)
                (void) signal(SIGTERM, SIG_IGN);
        standin_note("ignores SIGINT%s", c->argc > 1 ? " and SIGTERM" : "");
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

const CommandTable misbehave_commands = { (const CommandDef[]){
        { "standin_burn", 1, "<percent>", run_burn },
        { "standin_child", 0, "", run_child },
        { "standin_crash", 1, "SEGV|ABRT [ms]", run_crash },
        { "standin_exit", 1, "<code> [ms]", run_exit },
        { "standin_flood", 1, "<lines per second> | max", run_flood },
        { "standin_garbage", 1, "a2s|rcon|both|off [kind]", run_garbage },
        { "standin_hang", 0, "[ms]", run_hang },
        { "standin_ignore_sigint", 0, "[SIGTERM]", run_ignore },
        { "standin_leak", 1, "<MiB per second>", run_leak },
        { "standin_refuse_port", 0, "", run_refuse_port },
        { "standin_stall", 1, "<ms>", run_stall },
        { 0 },
} };
