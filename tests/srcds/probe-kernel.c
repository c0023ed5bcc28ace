/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rights, system calls, devices, kernel interfaces. Each attempt runs in a child, so that one that works,
 * or kills, changes nothing for the next. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"
#include "util.h"

typedef struct Attempt {
        const char *name;
        const char *expect;
        int (*run)(void); /* 0 or an error number; in a child */
} Attempt;

static int error_of(long r) {
        return r < 0 ? errno : 0;
}

static int run_in_child(int (*run)(void), int *ret_signal) {
        int status = 0;
        pid_t pid = fork();

        *ret_signal = 0;
        if (pid == 0)
                _exit(run());
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                return errno;
        if (WIFSIGNALED(status))
                *ret_signal = WTERMSIG(status);
        return WEXITSTATUS(status);
}

static int open_error(const char *path, int flags) {
        int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd < 0)
                return errno;
        (void) close(fd);
        return 0;
}

static int try_setuid(void) {
        return error_of(setresuid(0, 0, 0));
}

static int try_setgid(void) {
        return error_of(setresgid(0, 0, 0));
}

static int try_setgroups(void) {
        gid_t gid = 0;

        return error_of(setgroups(1, &gid));
}

static int try_mount(void) {
        return error_of(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int try_umount(void) {
        return error_of(umount2("left4dead2/cfg/server.cfg", UMOUNT_NOFOLLOW | MNT_DETACH));
}

static int try_remount(void) {
        return error_of(mount("none", "/", NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int try_fsopen(void) {
        return error_of(syscall(SYS_fsopen, "tmpfs", 0));
}

static int try_open_tree(void) {
        return error_of(syscall(SYS_open_tree, AT_FDCWD, "/tmp", 1 /* OPEN_TREE_CLONE */));
}

static int try_chroot(void) {
        return error_of(chroot("/tmp"));
}

static int try_user_namespace(void) {
        return error_of(unshare(CLONE_NEWUSER));
}

static int try_mount_namespace(void) {
        return error_of(unshare(CLONE_NEWNS));
}

static int try_network_namespace(void) {
        return error_of(unshare(CLONE_NEWNET));
}

static int try_setns(void) {
        int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);

        return fd < 0 ? errno : error_of(setns(fd, 0));
}

static int try_ptrace(void) {
        pid_t parent = getppid();

        if (ptrace(PTRACE_ATTACH, parent, NULL, NULL) < 0)
                return errno;
        /* It can be let go only once it has stopped, and stays stopped if it is not. */
        (void) waitpid(parent, NULL, __WALL);
        (void) ptrace(PTRACE_DETACH, parent, NULL, NULL);
        return 0;
}

static int try_mknod(void) {
        int error = error_of(mknod("/tmp/.left4me-probe-node", S_IFCHR | 0600, makedev(1, 1)));

        (void) unlink("/tmp/.left4me-probe-node");
        return error;
}

static int try_set_id_file(void) {
        int error, fd = open("/tmp/.left4me-probe-suid", O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

        if (fd < 0)
                return errno;
        error = error_of(fchmod(fd, 04755));
        (void) close(fd);
        (void) unlink("/tmp/.left4me-probe-suid");
        return error;
}

static int try_realtime(void) {
        struct sched_param sp = { .sched_priority = 10 };

        return error_of(sched_setscheduler(0, SCHED_FIFO, &sp));
}

static int try_nice(void) {
        return error_of(setpriority(PRIO_PROCESS, 0, -20));
}

static int try_oom_score(void) {
        int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

        return fd < 0 ? errno : error_of(write(fd, "-1000", 5));
}

static int try_clock(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_REALTIME, &ts);
        return error_of(clock_settime(CLOCK_REALTIME, &ts));
}

static int try_hostname(void) {
        char name[256];

        return gethostname(name, sizeof(name)) < 0 ? errno : error_of(sethostname(name, strlen(name)));
}

static int try_kernel_log(void) {
        char buf[64];

        return error_of(klogctl(3 /* SYSLOG_ACTION_READ_ALL */, buf, sizeof(buf)));
}

static int try_bpf(void) {
        char attr[128] = { 0 };

        errno = 0;
        /* EINVAL would mean that the call came through. */
        return syscall(SYS_bpf, 5 /* BPF_PROG_LOAD */, attr, sizeof(attr)) < 0 && errno != EINVAL ? errno
                                                                                                  : 0;
}

static int try_keyring(void) {
        return error_of(syscall(SYS_add_key, "user", "left4me-probe", "x", 1, -2 /* the process's own */));
}

static int try_perf(void) {
        char attr[128] = { 0 };

        return syscall(SYS_perf_event_open, attr, 0, -1, -1, 0) < 0 && errno != EINVAL ? errno : 0;
}

static int try_io_uring(void) {
        /* EFAULT would mean that the call came through. */
        return syscall(SYS_io_uring_setup, 8, NULL) < 0 && errno != EFAULT ? errno : 0;
}

static const Attempt attempts[] = {
        { "setuid-root", "denied", try_setuid },
        { "setgid-root", "denied", try_setgid },
        { "setgroups-root", "denied", try_setgroups },
        { "mount", "denied", try_mount },
        { "umount-server-cfg", "denied", try_umount },
        { "remount", "denied", try_remount },
        { "fsopen", "denied", try_fsopen },
        { "open-tree", "denied", try_open_tree },
        { "chroot", "denied", try_chroot },
        { "user-namespace", "denied", try_user_namespace },
        { "mount-namespace", "denied", try_mount_namespace },
        { "network-namespace", "denied", try_network_namespace },
        { "setns", "denied", try_setns },
        { "ptrace", "denied", try_ptrace },
        { "device-node", "denied", try_mknod },
        { "set-id-file", NULL, try_set_id_file },
        { "realtime", "denied", try_realtime },
        { "nice-20", "denied", try_nice },
        { "oom-score-1000", "denied", try_oom_score },
        { "set-clock", "denied", try_clock },
        { "set-hostname", "denied", try_hostname },
        { "kernel-log", "denied", try_kernel_log },
        { "bpf", "denied", try_bpf },
        { "keyring", NULL, try_keyring },
        { "perf-event", "denied", try_perf },
        { "io-uring", "denied", try_io_uring },
};

static void probe_own_cgroup(Probe *p) {
        _cleanup_free_ char *text = read_file("/proc/self/cgroup", 1 << 16, NULL);
        const char *group = text ? strstr(text, "0::") : NULL;
        char path[PATH_LEN];

        if (!group)
                return;
        group += strlen("0::");
        (void) snprintf(
                path, sizeof(path), "/sys/fs/cgroup%.*s/cgroup.procs", (int) strcspn(group, "\n"), group);
        report_attempt(p, "cgroup-procs", "denied", open_error(path, O_WRONLY));
}

void probe_kernel(Probe *p) {
        static const char *const files[] = { "/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern",
                "/proc/sys/vm/drop_caches", "/proc/sys/net/ipv4/ip_forward", "/proc/sysrq-trigger",
                "/proc/1/mem", "/sys/power/state", "/sys/kernel/uevent_helper" };
        static const char *const secrets[] = { "/proc/kmsg", "/proc/kcore", "/dev/kmsg", "/dev/mem",
                "/dev/fuse", "/dev/kvm", "/dev/vda", "/dev/sda", "/dev/console", "/dev/net/tun",
                "/dev/loop-control" };
        char name[PATH_LEN];

        for (size_t i = 0; i < ELEMENTSOF(attempts); i++) {
                int sig, error = run_in_child(attempts[i].run, &sig);

                if (sig > 0)
                        report(p, attempts[i].name, "denied", attempts[i].expect, "killed by SIG%s",
                                sigabbrev_np(sig));
                else
                        report_attempt(p, attempts[i].name, attempts[i].expect, error);
        }
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                (void) snprintf(name, sizeof(name), "write:%s", files[i]);
                report_attempt(p, name, "denied", open_error(files[i], O_WRONLY));
        }
        for (size_t i = 0; i < ELEMENTSOF(secrets); i++) {
                (void) snprintf(name, sizeof(name), "open:%s", secrets[i]);
                report_attempt(p, name, "denied", open_error(secrets[i], O_RDONLY));
        }
        report_attempt(p, "open:/dev/null", "allowed", open_error("/dev/null", O_RDWR));
        report_attempt(p, "open:/dev/urandom", "allowed", open_error("/dev/urandom", O_RDONLY));
        probe_own_cgroup(p);
}

/* The engine's libraries have text relocations, SourceMod compiles at run time: both need writable code. */
void probe_memory(Probe *p) {
        void *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        report_attempt(p, "map-writable-code", "allowed", m == MAP_FAILED ? errno : 0);
        if (m != MAP_FAILED)
                (void) munmap(m, 4096);
        m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (m == MAP_FAILED)
                return;
        report_attempt(
                p, "make-code-executable", "allowed", error_of(mprotect(m, 4096, PROT_READ | PROT_EXEC)));
        (void) munmap(m, 4096);
}
