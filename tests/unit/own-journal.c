/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "own-journal.h"

#define JOURNALD "/usr/lib/systemd/systemd-journald"
#define JOURNALD_UNMERGED "/lib/systemd/systemd-journald"
#define SOCKET "/run/systemd/journal.left4me/socket"
#define NOTIFY "/run/notify"

static pid_t journald;
static int init_fd = -1; /* to PID 1 */

static const char *find_journald(void) {
        return g_access(JOURNALD, X_OK) == 0            ? JOURNALD
               : g_access(JOURNALD_UNMERGED, X_OK) == 0 ? JOURNALD_UNMERGED
                                                        : NULL;
}

static void send_entry(const char *entry, size_t size) {
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        g_assert_no_errno(fd);
        g_assert_no_errno(connect(fd, (struct sockaddr *) &address, sizeof(address)));
        g_assert_cmpint(send(fd, entry, size, MSG_NOSIGNAL), ==, (ssize_t) size);
        g_assert_no_errno(close(fd));
}

static int wait_for(pid_t pid) {
        int status;

        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

/* PID 1: sends what the test wants it to have said. The test is another process, because nobody dies of
 * abort() as PID 1. */
static void G_GNUC_NORETURN be_init(pid_t test, int fd) {
        char entry[1024];
        ssize_t n;

        while ((n = recv(fd, entry, sizeof(entry), 0)) > 0)
                send_entry(entry, (size_t) n);
        _exit(wait_for(test));
}

bool own_journal_enter(void) {
        int fds[2];
        pid_t pid;

        if (!find_journald() || g_access("/etc/machine-id", R_OK) != 0 ||
                unshare(CLONE_NEWNS | CLONE_NEWPID) < 0)
                return false;

        /* No exit(): what the leak checker does then takes a thread, and there are none for whoever has left its PID namespace. */
        pid = fork();
        g_assert_no_errno(pid);
        if (pid > 0)
                _exit(wait_for(pid));

        /* The test mounts for both. */
        g_assert_no_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds));
        pid = fork();
        g_assert_no_errno(pid);
        if (pid > 0) {
                (void) close(fds[1]);
                be_init(pid, fds[0]);
        }

        (void) close(fds[0]);
        init_fd = fds[1];
        return true;
}

static int bind_socket(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        g_assert_no_errno(fd);
        (void) g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
        g_assert_no_errno(bind(fd, (struct sockaddr *) &address, sizeof(address)));
        return fd;
}

static void G_GNUC_NORETURN exec_journald(void) {
        const char *path = find_journald();
        int null = open("/dev/null", O_RDWR);

        (void) setenv("NOTIFY_SOCKET", NOTIFY, 1);
        (void) dup2(null, STDOUT_FILENO);
        (void) dup2(null, STDERR_FILENO);
        (void) execl(path, path, "left4me", NULL);
        _exit(127);
}

void own_journal_start(void) {
        char message[256] = { 0 };
        struct statfs fs;
        int notify;

        g_assert_no_errno(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
        g_assert_no_errno(mount("run", "/run", "tmpfs", 0, NULL));
        g_assert_no_errno(mount("log", "/var/log", "tmpfs", 0, NULL));
        g_assert_no_errno(mount("proc", "/proc", "proc", 0, NULL));

        /* journald tells units only where the unified hierarchy is. */
        g_assert_no_errno(statfs("/sys/fs/cgroup", &fs));
        if (fs.f_type != CGROUP2_SUPER_MAGIC)
                g_assert_no_errno(mount("cgroup", "/sys/fs/cgroup", "cgroup2", 0, NULL));

        g_assert_no_errno(g_mkdir_with_parents("/run/systemd/journal.left4me", 0755));
        notify = bind_socket(NOTIFY);
        journald = fork();
        g_assert_no_errno(journald);
        if (journald == 0)
                exec_journald();

        while (!strstr(message, "READY=1"))
                g_assert_cmpint(recv(notify, message, sizeof(message) - 1, 0), >, 0);
        g_assert_no_errno(close(notify));
}

void own_journal_stop(void) {
        own_journal_reap(journald);
}

void own_journal_send(const char *entry) {
        g_assert_cmpint(send(init_fd, entry, strlen(entry), MSG_NOSIGNAL), ==, (ssize_t) strlen(entry));
}

pid_t own_journal_send_as(const char *unit, const char *const *entries) {
        g_autofree char *content = g_strdup_printf("0::/l4d2.slice/%s\n", unit);
        g_autofree char *path = g_strdup_printf("/run/cgroup-%s", unit);
        pid_t pid = fork();

        g_assert_no_errno(pid);
        if (pid > 0)
                return pid;

        (void) close(init_fd);

        /* In place of a real cgroup: what /proc says of this process. */
        g_assert_true(g_file_set_contents(path, content, -1, NULL));
        g_assert_no_errno(mount(path, "/proc/self/cgroup", NULL, MS_BIND, NULL));
        for (; *entries; entries++)
                send_entry(*entries, strlen(*entries));
        for (;;)
                (void) pause();
}

void own_journal_reap(pid_t pid) {
        int status;

        g_assert_no_errno(kill(pid, SIGKILL));
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
}
