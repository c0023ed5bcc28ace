/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beneath.h"
#include "fail.h"
#include "protocol/steamcmd.h"
#include "steam-run.h"

#define PROGRAM "linux32/steamcmd"

/* What it ends with after it has renewed itself. */
#define STATUS_AGAIN 42
#define RUNS_MAX 5U

/* As its own steamcmd.sh sets it. */
#define FILES_MAX 2048U

typedef struct Lines {
        char text[STEAMCMD_LINE_MAX];
        size_t size;
} Lines;

static void end_line(const SteamRun *run, Lines *l) {
        l->text[l->size] = '\0';
        l->size = 0;
        steamcmd_clean(l->text);
        if (l->text[0] != '\0')
                run->line(l->text, run->userdata);
}

/* What is longer than a line can be is cut there. */
static void take_output(const SteamRun *run, Lines *l, const char *data, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (data[i] == '\n')
                        end_line(run, l);
                else if (data[i] != '\0' && l->size < sizeof(l->text) - 1)
                        l->text[l->size++] = data[i];
}

static void G_GNUC_NORETURN exec_steamcmd(
        const SteamRun *run, const char *program, const char *const *words) {
        const struct rlimit files = { FILES_MAX, FILES_MAX };
        g_autofree char *libraries = g_build_filename(run->directory, "linux32", NULL);
        g_autoptr(GPtrArray) arguments = g_ptr_array_new();
        g_auto(GStrv) environment = NULL;
        int input;

        environment = g_environ_setenv(environment, "HOME", run->home, TRUE);
        environment = g_environ_setenv(environment, "LD_LIBRARY_PATH", libraries, TRUE);
        environment = g_environ_setenv(environment, "PATH", "/usr/bin:/bin", TRUE);
        environment = g_environ_setenv(environment, "LANG", "C.UTF-8", TRUE);
        environment = g_environ_setenv(environment, "TERM", "dumb", TRUE);
        environment = g_environ_setenv(environment, "USER", "left4me", TRUE);

        g_ptr_array_add(arguments, (gpointer) (gsize) program);
        for (; *words; words++)
                g_ptr_array_add(arguments, (gpointer) (gsize) *words);
        g_ptr_array_add(arguments, NULL);

        (void) setrlimit(RLIMIT_NOFILE, &files);
        (void) signal(SIGPIPE, SIG_DFL);
        (void) signal(SIGXFSZ, SIG_DFL);
        input = open("/dev/null", O_RDONLY);
        if (input >= 0 && dup2(input, STDIN_FILENO) >= 0 && chdir(run->directory) >= 0)
                (void) execve(program, (char **) arguments->pdata, environment);

        (void) fprintf(stderr, "cannot run %s: %s\n", program, g_strerror(errno));
        _exit(127);
}

/* Until the other end of the terminal is closed. */
static int follow(const SteamRun *run, int terminal) {
        Lines lines = { .size = 0 };

        for (;;) {
                char buffer[4096];
                ssize_t n;
                int r;

                r = progress_poll(run->progress, terminal, (int) run->silence * 1000);
                if (r < 0 && errno == EINTR)
                        continue;
                if (r == 0)
                        return -ETIMEDOUT;

                n = read(terminal, buffer, sizeof(buffer));
                if (n < 0 && errno == EINTR)
                        continue;
                /* A terminal that nobody has open any more says EIO. */
                if (n <= 0)
                        break;
                take_output(run, &lines, buffer, (size_t) n);
        }

        end_line(run, &lines);
        return 0;
}

static int run_once(const SteamRun *run, const char *program, const char *const *words, int *ret_status) {
        _cleanup_fd_ int terminal = -1;
        int status, r;
        pid_t pid;

        pid = forkpty(&terminal, NULL, NULL, NULL);
        if (pid < 0)
                return -errno;
        if (pid == 0)
                exec_steamcmd(run, program, words);

        r = follow(run, terminal);
        if (r < 0)
                (void) kill(-pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;

        *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return r;
}

int steam_run(const SteamRun *run, const char *const *words, int *ret_status, GError **error) {
        g_autofree char *program = g_build_filename(run->directory, PROGRAM, NULL);
        int r;

        for (unsigned n = 0; n < RUNS_MAX; n++) {
                r = run_once(run, program, words, ret_status);
                if (r == -ETIMEDOUT)
                        return fail(error, ETIMEDOUT,
                                "steamcmd said nothing for %u seconds and was ended: build again",
                                run->silence);
                if (r < 0)
                        return fail_errno(error, -r, "cannot run steamcmd on a terminal");
                if (*ret_status != STATUS_AGAIN)
                        return 0;
        }

        return fail(error, ELOOP,
                "steamcmd renews itself again and again: remove /var/lib/left4me/steam/steamcmd and build again");
}

/* -- what a program of 32 bits needs --------------------------------------------------------------------- */

static const char *const library_directories[] = { "/lib/i386-linux-gnu", "/usr/lib/i386-linux-gnu",
        "/usr/lib32", "/lib32" };
static const char *const libraries[] = { "libc.so.6", "libgcc_s.so.1", "libstdc++.so.6" };

static bool has_library(const char *name) {
        for (size_t i = 0; i < G_N_ELEMENTS(library_directories); i++) {
                g_autofree char *path = g_build_filename(library_directories[i], name, NULL);

                if (access(path, R_OK) >= 0)
                        return true;
        }

        return false;
}

/* 1: an ELF program of 32 bits; 0: something else, a script for instance. */
static int is_32_bit(const char *program, GError **error) {
        _cleanup_fd_ int fd = open(program, O_RDONLY | O_CLOEXEC);
        unsigned char ident[EI_NIDENT];

        if (fd < 0)
                return fail_errno(error, errno, "cannot open %s", program);
        if (read(fd, ident, sizeof(ident)) != (ssize_t) sizeof(ident))
                return 0;

        return memcmp(ident, ELFMAG, SELFMAG) == 0 && ident[EI_CLASS] == ELFCLASS32;
}

int steam_check_libraries(const char *program, GError **error) {
        g_autoptr(GString) missing = g_string_new(NULL);
        int r;

        r = is_32_bit(program, error);
        if (r <= 0)
                return r;

        if (access("/lib/ld-linux.so.2", X_OK) < 0)
                g_string_append(missing, " ld-linux.so.2");
        for (size_t i = 0; i < G_N_ELEMENTS(libraries); i++)
                if (!has_library(libraries[i]))
                        g_string_append_printf(missing, " %s", libraries[i]);
        if (missing->len == 0)
                return 0;

        return fail(error, ENOENT,
                "steamcmd and the game are programs of 32 bits, and this host lacks what they need:%s. Install it: "
                "dpkg --add-architecture i386 && apt update && apt install libc6:i386 libgcc-s1:i386 libstdc++6:i386",
                missing->str);
}
