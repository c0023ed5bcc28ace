/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "beneath.h"
#include "common/directory.h"
#include "holders.h"

#define HOLDERS_MAX 5U

/* The link is followed (that is the point of /proc's links), but without asking a network file system
 * anything that could hang. */
static int on_device(int dirfd, const char *link, dev_t dev) {
        struct statx sx;

        if (statx(dirfd, link, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &sx) < 0)
                return -errno;
        return makedev(sx.stx_dev_major, sx.stx_dev_minor) == dev;
}

static bool holds_open_file(int pidfd, dev_t dev) {
        _cleanup_directory_ DIR *dir = NULL;
        bool found = false;
        struct dirent *de;

        if (directory_open(pidfd, "fd", &dir) < 0)
                return false;

        while (!found && (de = directory_next(dir)))
                found = on_device(dirfd(dir), de->d_name, dev) > 0;

        return found;
}

static bool holds_mapping(int pidfd, dev_t dev) {
        bool found = false;
        char *line = NULL;
        size_t size = 0;
        FILE *f;
        int fd;

        fd = openat(pidfd, "maps", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        f = fdopen(fd, "r");
        if (!f) {
                (void) close(fd);
                return false;
        }
        while (!found && getline(&line, &size, f) > 0) {
                unsigned ma, mi;

                found = sscanf(line, "%*s %*s %*s %x:%x", &ma, &mi) == 2 && makedev(ma, mi) == dev;
        }

        free(line);
        (void) fclose(f);
        return found;
}

typedef struct Wanted {
        dev_t dev;
        const char *option; /* of a mount in its namespace */
        bool hidden;        /* there was a process that we were not allowed to look at */
} Wanted;

/* What the process holds it by, NULL if by nothing. */
typedef const char *(*HeldBy)(int pidfd, Wanted *wanted);

static const char *held_by_use(int pidfd, Wanted *wanted) {
        int r;

        r = on_device(pidfd, "cwd", wanted->dev);
        wanted->hidden |= r == -EACCES || r == -EPERM;
        if (r > 0)
                return "its current directory";
        if (on_device(pidfd, "root", wanted->dev) > 0)
                return "its root directory";
        if (on_device(pidfd, "exe", wanted->dev) > 0)
                return "its program";
        if (holds_open_file(pidfd, wanted->dev))
                return "an open file";
        if (holds_mapping(pidfd, wanted->dev))
                return "a mapped file";
        return NULL;
}

static char *read_all(int pidfd, const char *name) {
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%d/%s", pidfd, name), *content = NULL;

        return g_file_get_contents(path, &content, NULL, NULL) ? g_steal_pointer(&content) : NULL;
}

static const char *held_by_namespace(int pidfd, Wanted *wanted) {
        g_autofree char *table = read_all(pidfd, "mountinfo");

        return table && strstr(table, wanted->option) ? "its mount namespace" : NULL;
}

static bool list_holders(HeldBy held_by, Wanted *wanted, GString *text) {
        _cleanup_directory_ DIR *proc = opendir("/proc");
        struct dirent *de;
        unsigned found = 0;

        while (proc && found < HOLDERS_MAX && (de = directory_next(proc))) {
                _cleanup_fd_ int pidfd = -1;
                g_autofree char *comm = NULL;
                const char *how;

                if (!g_ascii_isdigit(de->d_name[0]) || g_ascii_strtoll(de->d_name, NULL, 10) == getpid())
                        continue;
                pidfd = openat(dirfd(proc), de->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                how = pidfd >= 0 ? held_by(pidfd, wanted) : NULL;
                if (!how)
                        continue;
                comm = read_all(pidfd, "comm");
                g_string_append_printf(text, "%sprocess %s (%s, %s)", found > 0 ? ", " : "", de->d_name,
                        comm ? g_strchomp(comm) : "?", how);
                found++;
        }

        return found > 0;
}

char *holders_describe(dev_t dev, const char *path) {
        g_autoptr(GString) text = g_string_new(NULL);
        Wanted wanted = { .dev = dev };

        if (!list_holders(held_by_use, &wanted, text))
                g_string_append_printf(text, "a process %s: `fuser -vm %s` as root names it",
                        wanted.hidden ? "of another user" : "that is not to be seen", path);
        return g_string_free(g_steal_pointer(&text), FALSE);
}

char *holders_describe_upper(const char *upper) {
        g_autofree char *option = g_strdup_printf("upperdir=%s,", upper);
        g_autoptr(GString) text = g_string_new(NULL);
        Wanted wanted = { .option = option };

        if (!list_holders(held_by_namespace, &wanted, text))
                g_string_append(
                        text, "a descriptor somewhere: a restart of the host frees it if nothing else does");
        return g_string_free(g_steal_pointer(&text), FALSE);
}
