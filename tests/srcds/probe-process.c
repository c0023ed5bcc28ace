/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What /proc says of the own process, and which others there are; shared memory and queues; the network. */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe.h"
#include "util.h"

#define SHM_KEY 0x4c344d45 /* the same in every probe: one that is there already is another server's */
#define QUEUE "/left4me-probe"

static void status_field(Probe *p, const char *status, const char *field, const char *expect) {
        char key[32], value[64];
        const char *at;

        (void) snprintf(key, sizeof(key), "\n%s:", field);
        at = strstr(status, key);
        if (!at)
                return;
        at += strlen(key);
        at += strspn(at, " \t");
        (void) snprintf(value, sizeof(value), "%.*s", (int) strcspn(at, "\n"), at);
        report(p, field, expect ? value : "value", expect, "%s", value);
}

void probe_status(Probe *p) {
        _cleanup_free_ char *status = read_file("/proc/self/status", 1 << 16, NULL);
        _cleanup_free_ char *mounts = read_file("/proc/self/mountinfo", 1 << 20, NULL);

        if (!status) {
                report_attempt(p, "status", "allowed", errno);
                return;
        }
        status_field(p, status, "CapInh", "0000000000000000");
        status_field(p, status, "CapPrm", "0000000000000000");
        status_field(p, status, "CapEff", "0000000000000000");
        status_field(p, status, "CapBnd", "0000000000000000");
        status_field(p, status, "CapAmb", "0000000000000000");
        status_field(p, status, "NoNewPrivs", "1");
        status_field(p, status, "Seccomp", "2");
        status_field(p, status, "Uid", NULL);
        status_field(p, status, "Gid", NULL);
        status_field(p, status, "Groups", NULL);
        report(p, "home", "value", NULL, "%s", getenv("HOME") ? getenv("HOME") : "");
        report(p, "mounts", "value", NULL, "%s", mounts ? mounts : "");
}

static void comm_of(const char *pid, char comm[static 64]) {
        _cleanup_free_ char *text = NULL;
        char path[PATH_LEN];

        (void) snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
        text = read_file(path, 256, NULL);
        (void) snprintf(comm, 64, "%.*s", text ? (int) strcspn(text, "\n") : 1, text ? text : "?");
}

/* In a PID namespace of its own, number 1 is left4me-run, and there is nobody but the server and its
 * children. */
void probe_processes(Probe *p) {
        DIR *d = opendir("/proc");
        char names[8192] = "", comm[64];
        size_t n = 0, count = 0;
        struct dirent *e;

        comm_of("1", comm);
        report(p, "pid-namespace", strcmp(comm, "left4me-run") == 0 ? "own" : "shared", "own",
                "pid 1 is %s, this is %d", comm, (int) getpid());
        while (d && (e = readdir(d))) {
                if (!isdigit((unsigned char) e->d_name[0]))
                        continue;
                count++;
                comm_of(e->d_name, comm);
                if (n < sizeof(names))
                        n += (size_t) snprintf(
                                names + n, sizeof(names) - n, "%s%s:%s", n ? " " : "", e->d_name, comm);
        }
        if (d)
                (void) closedir(d);
        report(p, "processes", count <= 2 ? "own" : "others", "own", "%s", names);
}

static void shared_memory_path(Probe *p, char path[static 64]) {
        (void) snprintf(path, 64, "/dev/shm/left4me-probe-%u", p->port);
}

static void probe_shared_memory_files(Probe *p) {
        char path[64], names[4096] = "";
        DIR *d = opendir("/dev/shm");
        size_t n = 0, others = 0;
        struct dirent *e;
        int fd;

        shared_memory_path(p, path);
        while (d && (e = readdir(d))) {
                if (e->d_name[0] == '.' || strcmp(e->d_name, path + strlen("/dev/shm/")) == 0)
                        continue;
                others++;
                if (n < sizeof(names))
                        n += (size_t) snprintf(
                                names + n, sizeof(names) - n, "%s%s", n ? " " : "", e->d_name);
        }
        if (d)
                (void) closedir(d);
        report(p, "dev-shm-others", others ? "visible" : "hidden", "hidden", "%s", names);

        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        report_attempt(p, "dev-shm-create", "allowed", fd < 0 ? errno : 0);
        if (fd >= 0)
                (void) close(fd);
}

/* What is made here stays while the probe lives, for the next server's probe to look for. */
void probe_ipc(Probe *p) {
        int error;
        mqd_t mq;

        probe_shared_memory_files(p);
        p->shm_id = shmget(SHM_KEY, 4096, IPC_CREAT | IPC_EXCL | 0600);
        error = p->shm_id < 0 ? errno : 0;
        report(p, "sysv-shm-others", error == EEXIST ? "visible" : "hidden", "hidden", "%s",
                error ? strerrorname_np(error) : "none was there");
        report_attempt(p, "sysv-shm-create", NULL, error);

        mq = mq_open(QUEUE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, NULL);
        error = mq < 0 ? errno : 0;
        p->has_queue = error == 0;
        report(p, "mqueue-others", error == EEXIST ? "visible" : "hidden", "hidden", "%s",
                error ? strerrorname_np(error) : "none was there");
        report_attempt(p, "mqueue-create", NULL, error);
}

void probe_ipc_done(Probe *p) {
        char path[64];

        shared_memory_path(p, path);
        (void) unlink(path);
        if (p->shm_id >= 0)
                (void) shmctl(p->shm_id, IPC_RMID, NULL);
        if (p->has_queue)
                (void) mq_unlink(QUEUE);
}

static int bind_error(int type, unsigned port, int *ret_fd) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
        int error = 0, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return errno;
        if (bind(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0)
                error = errno;
        if (error == 0 && ret_fd)
                *ret_fd = fd;
        else
                (void) close(fd);
        /* Taken by somebody else: the sandbox let it through. */
        return error == EADDRINUSE ? 0 : error;
}

static void probe_bind(Probe *p, unsigned port, const char *expect) {
        char name[32];

        (void) snprintf(name, sizeof(name), "bind:udp:%u", port);
        report_attempt(p, name, expect, bind_error(SOCK_DGRAM, port, NULL));
        (void) snprintf(name, sizeof(name), "bind:tcp:%u", port);
        report_attempt(p, name, expect, bind_error(SOCK_STREAM, port, NULL));
}

void probe_network(Probe *p) {
        static const struct {
                const char *name, *expect;
                int family, type, protocol;
        } sockets[] = {
                { "socket:unix", NULL, AF_UNIX, SOCK_STREAM },
                { "socket:inet-udp", "allowed", AF_INET, SOCK_DGRAM },
                { "socket:inet-tcp", "allowed", AF_INET, SOCK_STREAM },
                { "socket:inet6", NULL, AF_INET6, SOCK_DGRAM },
                { "socket:netlink", NULL, AF_NETLINK, SOCK_RAW },
                { "socket:inet-raw", "denied", AF_INET, SOCK_RAW, IPPROTO_ICMP },
                { "socket:packet", "denied", AF_PACKET, SOCK_RAW },
                { "socket:alg", "denied", AF_ALG, SOCK_SEQPACKET },
                { "socket:vsock", "denied", AF_VSOCK, SOCK_STREAM },
                { "socket:bluetooth", "denied", AF_BLUETOOTH, SOCK_RAW },
        };
        int held = -1;

        for (size_t i = 0; i < ELEMENTSOF(sockets); i++) {
                int fd = socket(sockets[i].family, sockets[i].type | SOCK_CLOEXEC, sockets[i].protocol);

                report_attempt(p, sockets[i].name, sockets[i].expect, fd < 0 ? errno : 0);
                if (fd >= 0)
                        (void) close(fd);
        }
        probe_bind(p, 80, "denied");
        probe_bind(p, 8080, "denied");
        probe_bind(p, 26999, "denied");
        probe_bind(p, 27999, "allowed");
        probe_bind(p, 28000, "denied");
        /* The own port is kept, as a server would keep it. */
        report_attempt(p, "bind:own", "allowed", bind_error(SOCK_DGRAM, p->port, &held));
}
