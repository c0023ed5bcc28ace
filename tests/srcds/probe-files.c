/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a server can see and write of the file system. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe.h"
#include "util.h"

#define WALK_MAX 200000
#define WALK_DEPTH 40
#define LIST_LEN 8192

static const char *const writable[] = { "/tmp", "/var/tmp", "/dev/shm" };

typedef struct Walk {
        Probe *probe;
        unsigned directories;
} Walk;

/* access() knows nothing of some refusals, so a file is really made, and removed. */
static int try_create(int dir) {
        int fd;

        if (faccessat(dir, ".", W_OK, 0) < 0)
                return errno;
        fd = openat(dir, ".left4me-probe", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return errno;
        (void) close(fd);
        (void) unlinkat(dir, ".left4me-probe", 0);
        return 0;
}

static void report_writable(Walk *w, const char *path) {
        bool expected = strcmp(path, w->probe->tree) == 0;
        char name[PATH_LEN];

        for (size_t i = 0; i < ELEMENTSOF(writable); i++)
                expected = expected || strcmp(path, writable[i]) == 0;
        (void) snprintf(name, sizeof(name), "writable:%s", path);
        report(w->probe, name, "allowed", expected ? "allowed" : "denied", "%s", "");
}

/* Does not descend into what is writable: the topmost such directory says it all. */
static void walk(Walk *w, int parent, const char *entry, const char *path, unsigned depth) {
        int fd = openat(parent, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        struct dirent *e;
        DIR *d;

        if (fd < 0)
                return;
        w->directories++;
        if (try_create(fd) == 0) {
                report_writable(w, path);
                (void) close(fd);
                return;
        }
        d = fdopendir(fd);
        if (!d) {
                (void) close(fd);
                return;
        }
        while (depth < WALK_DEPTH && w->directories < WALK_MAX && (e = readdir(d))) {
                char child[PATH_LEN];

                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                if (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN)
                        continue;
                if (snprintf(child, sizeof(child), "%s/%s", depth ? path : "", e->d_name) >=
                        (int) sizeof(child))
                        continue;
                /* Nothing can be created there; what can be written in place is tried by name elsewhere. */
                if (strcmp(child, "/proc") != 0)
                        walk(w, dirfd(d), e->d_name, child, depth + 1);
        }
        (void) closedir(d);
}

static void expect_writable(Probe *p, const char *name, const char *path) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;

        error = fd < 0 ? errno : try_create(fd);
        if (fd >= 0)
                (void) close(fd);
        report_attempt(p, name, "allowed", error);
}

void probe_directories(Probe *p) {
        Walk w = { .probe = p };

        expect_writable(p, "write-tree", p->tree);
        for (size_t i = 0; i < ELEMENTSOF(writable); i++) {
                char name[64];

                (void) snprintf(name, sizeof(name), "write:%s", writable[i]);
                expect_writable(p, name, writable[i]);
        }
        walk(&w, AT_FDCWD, p->walk, p->walk, strcmp(p->walk, "/") != 0);
        report(p, "writable-walk", "value", NULL, "%u directories", w.directories);
}

static size_t list_names(const char *path, char *ret, size_t size) {
        DIR *d = opendir(path);
        struct dirent *e;
        size_t n = 0, count = 0;

        ret[0] = '\0';
        if (!d)
                return 0;
        while ((e = readdir(d))) {
                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                count++;
                if (n < size)
                        n += (size_t) snprintf(ret + n, size - n, "%s%s", n ? " " : "", e->d_name);
        }
        (void) closedir(d);
        return count;
}

/* Hidden: not there, not to be opened, or an empty directory. */
static void expect_hidden(Probe *p, const char *path) {
        char name[PATH_LEN], names[LIST_LEN];
        struct stat st;
        int fd;

        (void) snprintf(name, sizeof(name), "see:%s", path);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0) {
                report(p, name, "hidden", "hidden", "%s", strerrorname_np(errno));
                return;
        }
        if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && list_names(path, names, sizeof(names)) == 0)
                report(p, name, "hidden", "hidden", "empty directory");
        else
                report(p, name, "visible", "hidden", "%s", S_ISDIR(st.st_mode) ? names : "can be read");
        (void) close(fd);
}

static void expect_no_service(Probe *p, const char *path) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;
        char name[PATH_LEN];

        (void) snprintf(name, sizeof(name), "connect:%s", path);
        (void) snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
        error = fd < 0 || connect(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0 ? errno : 0;
        report_attempt(p, name, "denied", error);
        if (fd >= 0)
                (void) close(fd);
}

/* All that is seen of left4me's own directory must be the way down to the own tree. */
static void expect_only_own_way(Probe *p) {
        char path[PATH_LEN] = "/var/lib/left4me", names[LIST_LEN];
        bool inside = strncmp(p->tree, path, strlen(path)) == 0 && p->tree[strlen(path)] == '/';
        const char *rest = p->tree + strlen(path);

        if (!inside) {
                expect_hidden(p, path);
                return;
        }
        while (*rest == '/') {
                size_t len = strcspn(rest + 1, "/"), n = list_names(path, names, sizeof(names));
                bool only = n <= 1 || (n == 2 && strstr(names, ".steam"));
                char name[PATH_LEN + 8];

                (void) snprintf(name, sizeof(name), "list:%s", path);
                report(p, name, only ? "own" : "others", "own", "%s", names);
                n = strlen(path);
                (void) snprintf(path + n, sizeof(path) - n, "/%.*s", (int) len, rest + 1);
                rest += 1 + len;
        }
}

void probe_visibility(Probe *p) {
        static const char *const hidden[] = { "/var/lib/left4me/manager",
                "/var/lib/left4me/manager/left4me.db", "/var/lib/left4me/instances",
                "/var/lib/left4me/uppers", "/var/lib/left4me/overlays", "/var/lib/left4me/builds",
                "/var/lib/left4me-web", "/etc/left4me", "/etc/shadow", "/etc/passwd", "/run/left4me",
                "/run/dbus", "/run/user", "/home", "/root", "/srv", "/opt", "/mnt", "/media",
                "/var/log/journal", "/boot" };
        static const char *const services[] = { "/run/dbus/system_bus_socket", "/run/systemd/private",
                "/run/systemd/notify", "/run/systemd/userdb/io.systemd.DynamicUser" };
        static const char *const listed[] = { "/", "/etc", "/run", "/run/systemd", "/var", "/var/lib",
                "/tmp", "/dev" };
        char names[LIST_LEN], name[PATH_LEN];

        for (size_t i = 0; i < ELEMENTSOF(hidden); i++)
                expect_hidden(p, hidden[i]);
        for (size_t i = 0; i < ELEMENTSOF(services); i++)
                expect_no_service(p, services[i]);
        expect_only_own_way(p);
        for (size_t i = 0; i < ELEMENTSOF(listed); i++) {
                (void) list_names(listed[i], names, sizeof(names));
                (void) snprintf(name, sizeof(name), "names:%s", listed[i]);
                report(p, name, "value", NULL, "%s", names);
        }
}

/* Puts back what an attempt that should have failed has changed. */
static void restore(const char *path, const char *text, size_t size) {
        _cleanup_fclose_ FILE *f = fopen(path, "we");

        if (f)
                (void) fwrite(text, 1, size, f);
}

static void report_error(Probe *p, const char *file, const char *verb, const char *expect, int error) {
        char name[PATH_LEN];

        (void) snprintf(name, sizeof(name), "%s:%s", verb, file);
        report(p, name, error ? strerrorname_np(error) : "allowed", expect, "%s", "");
}

static void attack(Probe *p, const char *file) {
        char path[PATH_LEN], other[PATH_LEN];
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int fd;

        (void) snprintf(path, sizeof(path), "%s/cfg/%s", p->game, file);
        (void) snprintf(other, sizeof(other), "%s/cfg/.left4me-probe", p->game);
        text = read_file(path, 1 << 20, &size);
        report_error(p, file, "read", "allowed", text ? 0 : errno);
        if (!text)
                return;
        report(p, file, "value", NULL, "size=%zu hash=%016llx", size,
                (unsigned long long) fnv1a(text, size));

        fd = open(path, O_WRONLY | O_CLOEXEC);
        report_error(p, file, "open-for-writing", "EROFS", fd < 0 ? errno : 0);
        if (fd >= 0)
                (void) close(fd);
        report_error(p, file, "chmod", "EROFS", chmod(path, 0666) < 0 ? errno : 0);
        if (unlink(path) < 0)
                report_error(p, file, "unlink", "EBUSY", errno);
        else {
                report_error(p, file, "unlink", "EBUSY", 0);
                restore(path, text, size);
        }
        if (rename(path, other) < 0)
                report_error(p, file, "rename", "EBUSY", errno);
        else {
                report_error(p, file, "rename", "EBUSY", 0);
                (void) rename(other, path);
        }
        restore(other, "probe\n", 6);
        if (rename(other, path) < 0)
                report_error(p, file, "rename-over", "EBUSY", errno);
        else {
                report_error(p, file, "rename-over", "EBUSY", 0);
                restore(path, text, size);
        }
        (void) unlink(other);
}

void probe_configuration(Probe *p) {
        char cfg[PATH_LEN], away[PATH_LEN];
        int error;

        attack(p, "server.cfg");
        attack(p, "left4me.cfg");

        (void) snprintf(cfg, sizeof(cfg), "%s/cfg", p->game);
        (void) snprintf(away, sizeof(away), "%s/cfg.left4me-probe", p->game);
        error = rename(cfg, away) < 0 ? errno : 0;
        if (error == 0)
                (void) rename(away, cfg);
        /* A merged directory: the kernel would have to leave a redirect, which the mount forbids. */
        report_error(p, "cfg", "rename", "EXDEV", error);
}
