/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program left4me-run, with shell scripts as the game. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beneath.h"
#include "fixture.h"

/* For ever, in the shell itself: a signal is handled at once. */
#define WAIT "mkfifo wait 2>&-; exec <>wait; while :; do read -r line; done"

typedef enum StartFlags {
        START_PLAIN = 0,
        START_PENDING = 1 << 0, /* a SIGTERM is pending before its first instruction */
        START_INIT = 1 << 1,    /* as PID 1 of a namespace of its own */
} StartFlags;

typedef struct Game {
        pid_t pid;
        FILE *out;
} Game;

static void write_script(const Fixture *f, const char *script) {
        g_autofree char *path = fixture_path(f, "game"), *text = g_strdup_printf("#!/bin/sh\n%s\n", script);

        fixture_put(f, "game", text);
        g_assert_no_errno(chmod(path, 0755));
}

/* Starts left4me-run with these words (size bytes) as its arguments' file. */
static Game start_words(const Fixture *f, const char *words, size_t size, StartFlags flags) {
        g_autofree char *file = fixture_path(f, "argv");
        Game game;
        int out[2];

        g_assert_true(g_file_set_contents(file, words, (gssize) size, NULL));
        g_assert_no_errno(pipe2(out, O_CLOEXEC));
        game.pid = (pid_t) syscall(
                SYS_clone, SIGCHLD | ((flags & START_INIT) ? CLONE_NEWPID : 0), NULL, NULL, NULL, 0UL);
        if (game.pid == 0) {
                sigset_t all;

                if (chdir(f->state) < 0 || dup2(out[1], STDOUT_FILENO) < 0)
                        _exit(99);
                (void) sigfillset(&all);
                if (flags & START_PENDING) {
                        (void) sigprocmask(SIG_SETMASK, &all, NULL);
                        (void) kill(getpid(), SIGTERM);
                }
                (void) execl(g_getenv("LEFT4ME_RUN"), "left4me-run", file, NULL);
                _exit(98);
        }
        (void) close(out[1]);
        game.out = fdopen(out[0], "r");
        return game;
}

static Game start(const Fixture *f, const char *script, StartFlags flags) {
        write_script(f, script);
        return start_words(f, "./game", sizeof "./game", flags);
}

static void expect(Game *game, const char *wanted) {
        char line[256] = "";

        g_assert_nonnull(fgets(line, sizeof line, game->out));
        g_assert_cmpstr(g_strchomp(line), ==, wanted);
}

/* Waits for the end of all that had our pipe, and of left4me-run. */
static int finish(Game *game) {
        int status;

        while (fgetc(game->out) != EOF)
                ;
        (void) fclose(game->out);
        g_assert_cmpint(waitpid(game->pid, &status, 0), ==, game->pid);
        g_assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void test_arguments(Fixture *f, gconstpointer data) {
        static const char words[] = "./game\0-game\0left4dead2\0\0a b\0+map";
        static const char once[] = "./game\0-norestart\0x";
        Game game;

        write_script(f, "for word; do echo \"<$word>\"; done");
        game = start_words(f, words, sizeof words, START_PLAIN);
        expect(&game, "<-norestart>");
        expect(&game, "<-game>");
        expect(&game, "<left4dead2>");
        expect(&game, "<>");
        expect(&game, "<a b>");
        expect(&game, "<+map>");
        g_assert_cmpint(finish(&game), ==, 0);

        game = start_words(f, once, sizeof once, START_PLAIN);
        expect(&game, "<-norestart>");
        expect(&game, "<x>");
        g_assert_cmpint(finish(&game), ==, 0);
}

static void test_bad_arguments(Fixture *f, gconstpointer data) {
        g_autofree char *many = g_malloc0(3000), *huge = g_malloc0(200 * 1024);
        const struct {
                const char *words;
                size_t size;
                int code;
        } cases[] = {
                { "", 0, 1 },
                { "\0", 1, 1 },
                { "./game", 6, 1 }, /* its NUL is missing: cut off */
                { "./missing", 10, 127 },
                { "./argv", 7, 126 },
                { ".", 2, 126 },
                { many, 3000, 1 },
                { huge, 200 * 1024, 1 },
        };

        memset(huge, 'x', 200 * 1024 - 1);
        for (int i = 0; i < 3000; i += 2)
                many[i] = 'x';
        write_script(f, "exit 0");
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                Game game = start_words(f, cases[i].words, cases[i].size, START_PLAIN);

                g_assert_cmpint(finish(&game), ==, cases[i].code);
        }
}

static void test_exit_codes(Fixture *f, gconstpointer data) {
        static const struct {
                const char *script;
                int code;
        } cases[] = {
                { "exit 0", 0 },
                { "exit 3", 3 },
                { "exit 255", 255 },
                { "kill -KILL $$", 128 + SIGKILL },
                { "kill -SEGV $$", 128 + SIGSEGV },
                { "kill -TERM $$", 128 + SIGTERM },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                for (StartFlags flags = START_PLAIN; flags <= START_INIT; flags += START_INIT) {
                        Game game = start(f, cases[i].script, flags);

                        g_assert_cmpint(finish(&game), ==, cases[i].code);
                }
}

/* Each is passed on, and to the whole group: both the script and what it started say so. */
static void test_signals(Fixture *f, gconstpointer data) {
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT };

        for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
                for (StartFlags flags = START_PLAIN; flags <= START_INIT; flags += START_INIT) {
                        g_autofree char *script = g_strdup_printf(
                                "trap 'exit 5' %1$d\n"
                                "sh -c 'trap \"echo child; exit\" %1$d; echo ready; " WAIT "'\n"
                                "exit 6",
                                signals[i]);
                        Game game = start(f, script, flags);

                        expect(&game, "ready");
                        g_assert_no_errno(kill(game.pid, signals[i]));
                        expect(&game, "child");
                        g_assert_cmpint(finish(&game), ==, 5);
                }
}

/* A stop that came before anything ran is not lost. */
static void test_early_signal(Fixture *f, gconstpointer data) {
        for (StartFlags flags = START_PLAIN; flags <= START_INIT; flags += START_INIT) {
                Game game = start(f, WAIT, START_PENDING | flags);

                g_assert_cmpint(finish(&game), ==, 128 + SIGTERM);
        }
}

static void test_other_signals(Fixture *f, gconstpointer data) {
        Game game = start(f, "trap 'exit 7' USR1\necho ready\n" WAIT, START_PLAIN);

        expect(&game, "ready");
        g_assert_no_errno(kill(game.pid, SIGALRM));
        g_assert_no_errno(kill(game.pid, SIGPIPE));
        g_assert_no_errno(kill(game.pid, SIGTSTP));
        g_assert_no_errno(kill(game.pid, SIGUSR1));
        g_assert_cmpint(finish(&game), ==, 7);
}

/* Orphans become its children, and do not stay as zombies: in the end the script is the only child. */
static void test_orphans(Fixture *f, gconstpointer data) {
        Game game = start(f,
                "for i in 1 2 3 4 5; do (true & (true &) &) ; done\n"
                "while read -r children < /proc/$PPID/task/$PPID/children && [ \"$children\" != $$ ]; do :; done\n"
                "exit 9",
                START_PLAIN);

        g_assert_cmpint(finish(&game), ==, 9);
}

/* What the game leaves behind ends with it; else finish() would wait for it for ever. */
static void test_left_behind(Fixture *f, gconstpointer data) {
        Game game = start(f, "sleep 1000 &\nexit 4", START_PLAIN);

        g_assert_cmpint(finish(&game), ==, 4);
        game = start(f, "setsid sleep 1000 &\nexit 4", START_INIT);
        g_assert_cmpint(finish(&game), ==, 4);
}

static void test_notify(Fixture *f, gconstpointer data) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        g_autofree char *path = fixture_path(f, "notify");
        _cleanup_fd_ int fd = -1;
        char text[64] = "";
        Game game;

        (void) g_strlcpy(address.sun_path, path, sizeof address.sun_path);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        g_assert_no_errno(bind(fd, (struct sockaddr *) &address, sizeof address));
        g_assert_true(g_setenv("NOTIFY_SOCKET", path, TRUE));
        game = start(f, "echo \"<$NOTIFY_SOCKET>\"", START_PLAIN);
        expect(&game, "<>");
        g_assert_cmpint(finish(&game), ==, 0);
        g_assert_cmpint(recv(fd, text, sizeof text - 1, MSG_DONTWAIT), ==, 7);
        g_assert_cmpstr(text, ==, "READY=1");

        /* Nothing to be ready with. */
        game = start_words(f, "./missing", sizeof "./missing", START_PLAIN);
        g_assert_cmpint(finish(&game), ==, 127);
        g_assert_cmpint(recv(fd, text, sizeof text, MSG_DONTWAIT), ==, -1);
        g_unsetenv("NOTIFY_SOCKET");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        fixture_namespace();

        FIXTURE_ADD("/run/arguments", test_arguments);
        FIXTURE_ADD("/run/bad-arguments", test_bad_arguments);
        FIXTURE_ADD("/run/exit-codes", test_exit_codes);
        FIXTURE_ADD("/run/signals", test_signals);
        FIXTURE_ADD("/run/early-signal", test_early_signal);
        FIXTURE_ADD("/run/other-signals", test_other_signals);
        FIXTURE_ADD("/run/orphans", test_orphans);
        FIXTURE_ADD("/run/left-behind", test_left_behind);
        FIXTURE_ADD("/run/notify", test_notify);
        return g_test_run();
}
