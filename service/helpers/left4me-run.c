/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* left4me-run FILE
 *
 * The init of a server's PID namespace. The kernel drops what is sent to PID 1 of a namespace if it has
 * no handler for it and does not block it; so the first thing done here is to block everything, and a
 * stop that comes before the game runs waits for us to read it. Reads the argument vector from FILE
 * (words that each end in a NUL), runs it in the current directory, passes signals on, reaps orphans, and
 * exits as the game does: with its code, or 128 + the signal that ended it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGV_SIZE_MAX (128 * 1024)
#define ARGV_WORDS_MAX 1024

/* srcds_run would start a crashed game again; that is systemd's work, which counts. */
#define NO_RESTART "-norestart"

static const int forwarded[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT };

static int complain(const char *what, const char *object) {
        (void) fprintf(stderr, "left4me-run: %s %s: %s\n", what, object, strerror(errno));
        return EXIT_FAILURE;
}

/* The whole file, NUL-terminated once more, in a buffer that lives as long as we do. */
static ssize_t read_file(const char *path, char *data, size_t max) {
        size_t size = 0;
        ssize_t n = 1;
        int fd;

        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -1;
        while (n > 0 && size < max) {
                n = read(fd, data + size, max - size);
                if (n > 0)
                        size += (size_t) n;
                else if (n < 0 && errno == EINTR)
                        n = 1;
        }
        (void) close(fd);
        if (n < 0)
                return -1;
        if (size == max) {
                errno = EFBIG;
                return -1;
        }
        return (ssize_t) size;
}

static int split_words(char *data, size_t size, char *words[ARGV_WORDS_MAX + 2]) {
        size_t n = 0;

        if (size == 0 || data[0] == '\0' || data[size - 1] != '\0') {
                errno = EINVAL;
                return -1;
        }
        for (char *word = data; word < data + size; word += strlen(word) + 1) {
                static char no_restart[] = NO_RESTART;

                if (n == ARGV_WORDS_MAX) {
                        errno = E2BIG;
                        return -1;
                }
                words[n++] = word;
                if (n == 1 && strcmp(word + strlen(word) + 1, NO_RESTART) != 0)
                        words[n++] = no_restart;
        }
        words[n] = NULL;
        return 0;
}

/* In the child. A signal that came for its group already is delivered here, before exec. `report` closes
 * at a successful exec. */
static _Noreturn void run_game(char *words[], int report) {
        struct sigaction action = { .sa_handler = SIG_DFL };
        sigset_t none;

        (void) setpgid(0, 0);
        /* Not possible for SIGKILL and the like; and SIGPIPE stays as systemd gave it, ignored. */
        for (int sig = 1; sig < NSIG; sig++)
                if (sig != SIGPIPE)
                        (void) sigaction(sig, &action, NULL);
        (void) unsetenv("NOTIFY_SOCKET");
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);

        (void) execv(words[0], words);
        (void) !write(report, &errno, sizeof errno);
        _exit(errno == ENOENT ? 127 : 126); /* as a shell says it */
}

/* Waits until the game runs, or could not be run. */
static bool game_runs(int report, const char *program) {
        int err = 0;
        ssize_t n;

        do
                n = read(report, &err, sizeof err);
        while (n < 0 && errno == EINTR);
        (void) close(report);
        if (n <= 0)
                return true;

        errno = err;
        (void) complain("cannot run", program);
        return false;
}

/* Where the unit is Type=notify: its start is done now, for from here on a stop is heard. */
static void notify_ready(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const char *path = getenv("NOTIFY_SOCKET");
        size_t length = path ? strlen(path) : 0;
        int fd;

        if (length < 2 || length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
                return;
        memcpy(address.sun_path, path, length);
        if (path[0] == '@')
                address.sun_path[0] = '\0';

        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return;
        if (sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *) &address,
                    (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length)) < 0)
                (void) complain("cannot tell", path);
        (void) close(fd);
}

static bool is_forwarded(int sig) {
        for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++)
                if (forwarded[i] == sig)
                        return true;
        return false;
}

/* Reaps all that has ended; true, with how it ended, when the game is among it. */
static bool reap(pid_t game, int *ret_status) {
        bool ended = false;
        int status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                if (pid == game) {
                        *ret_status = status;
                        ended = true;
                }
        return ended;
}

static int follow(pid_t game, const sigset_t *all) {
        int status;

        for (;;) {
                int sig = sigwaitinfo(all, NULL);

                if (sig == SIGCHLD && reap(game, &status))
                        break;
                if (is_forwarded(sig))
                        (void) kill(-game, sig);
        }

        /* What the game left behind of its group goes with it, as in a PID namespace all goes with its
         * init. */
        (void) kill(-game, SIGKILL);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char *argv[]) {
        static char data[ARGV_SIZE_MAX + 1];
        static char *words[ARGV_WORDS_MAX + 2];
        int report[2];
        sigset_t all;
        ssize_t size;
        pid_t game;

        (void) sigfillset(&all);
        (void) sigprocmask(SIG_SETMASK, &all, NULL);

        /* The game runs as the same user: it must not write our memory, and speak to systemd through us. Its own exec ends that. */
        (void) prctl(PR_SET_DUMPABLE, 0);

        if (argc != 2) {
                (void) fprintf(stderr, "Usage: %s FILE\n", argv[0]);
                return EXIT_FAILURE;
        }
        size = read_file(argv[1], data, ARGV_SIZE_MAX);
        if (size < 0 || split_words(data, (size_t) size, words) < 0)
                return complain("cannot read the arguments in", argv[1]);

        /* Where we are not PID 1, orphans come to us all the same. */
        (void) prctl(PR_SET_CHILD_SUBREAPER, 1);
        if (pipe2(report, O_CLOEXEC) < 0)
                return complain("cannot start", words[0]);
        game = fork();
        if (game < 0)
                return complain("cannot start", words[0]);
        if (game == 0)
                run_game(words, report[1]);
        (void) close(report[1]);

        /* Both sides do it, for a signal may be passed on before the child has come so far. */
        (void) setpgid(game, game);
        if (game_runs(report[0], words[0]))
                notify_ready();
        return follow(game, &all);
}
