/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "beneath.h"
#include "common/io.h"

void close_fd(int *fd) {
        if (*fd >= 0)
                (void) close(*fd);
        *fd = -1;
}

int steal_fd(int *fd) {
        int stolen = *fd;

        *fd = -1;
        return stolen;
}

static int open_resolved(int dirfd, const char *path, int flags, uint64_t resolve) {
        struct open_how how = {
                .flags = (uint64_t) (unsigned) (flags | O_CLOEXEC),
                .resolve = resolve | RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };
        int fd;

        fd = (int) syscall(SYS_openat2, dirfd, path, &how, sizeof how);
        return fd < 0 ? -errno : fd;
}

int beneath_open(int dirfd, const char *path, int flags) {
        return open_resolved(dirfd, path, flags, RESOLVE_NO_XDEV);
}

int beneath_open_across(int dirfd, const char *path, int flags) {
        return open_resolved(dirfd, path, flags, 0);
}

int beneath_open_closed(int dirfd, const char *name) {
        _cleanup_fd_ int fd = -1;
        struct stat st;

        fd = beneath_open(dirfd, name, O_RDONLY | O_DIRECTORY);
        if (fd == -EACCES) {
                /* Nobody else works on the tree, so it is still what it was: a directory. */
                if (fchmodat(dirfd, name, 0700, 0) < 0)
                        return -errno;
                fd = beneath_open(dirfd, name, O_RDONLY | O_DIRECTORY);
        }
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if ((st.st_mode & 0700) != 0700 && fchmod(fd, 0700) < 0)
                return -errno;

        return steal_fd(&fd);
}

int beneath_make(int dirfd, const char *name, mode_t mode) {
        if (mkdirat(dirfd, name, mode) < 0 && errno != EEXIST)
                return -errno;
        return beneath_open(dirfd, name, O_RDONLY | O_DIRECTORY);
}

int beneath_make_path(int dirfd, const char *path, mode_t mode) {
        g_auto(GStrv) parts = NULL;
        _cleanup_fd_ int fd = -1;

        fd = beneath_open(dirfd, path[0] ? path : ".", O_RDONLY | O_DIRECTORY);
        if (fd != -ENOENT)
                return steal_fd(&fd);

        fd = beneath_open(dirfd, ".", O_RDONLY | O_DIRECTORY);
        parts = g_strsplit(path, "/", -1);
        for (char **part = parts; *part && fd >= 0; part++) {
                int next = beneath_make(fd, *part, mode);

                close_fd(&fd);
                fd = next;
        }
        return steal_fd(&fd);
}

int beneath_open_from(int dirfd, const char *path, uid_t owner, int flags) {
        _cleanup_fd_ int fd = -1;
        struct stat st;

        /* Non-blocking, for what stands there may be a FIFO. */
        fd = beneath_open(dirfd, path, flags | ((flags & O_PATH) ? 0 : O_NONBLOCK | O_NOCTTY));
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != owner)
                return -EPERM;

        return steal_fd(&fd);
}

int beneath_read_from(int dirfd, const char *path, uid_t owner, size_t max, char **ret, size_t *ret_size) {
        g_autofree char *data = NULL;
        _cleanup_fd_ int fd = -1;
        ssize_t size;

        fd = beneath_open_from(dirfd, path, owner, O_RDONLY);
        if (fd < 0)
                return fd;

        /* One byte more than allowed tells that it is larger, whatever fstat() said before. */
        data = g_malloc(max + 2);
        size = read_full(fd, data, max + 1);
        if (size < 0)
                return (int) size;
        if ((size_t) size > max)
                return -EFBIG;

        data[size] = '\0';
        *ret = g_steal_pointer(&data);
        if (ret_size)
                *ret_size = (size_t) size;
        return 0;
}

int beneath_write(int dirfd, const char *name, const char *data, size_t size, mode_t mode) {
        g_autofree char *new = g_strdup_printf(".%s.new", name);
        _cleanup_fd_ int fd = -1;
        int r;

        if (unlinkat(dirfd, new, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(dirfd, new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;

        r = write_all(fd, data, size);
        if (r >= 0 && (fchmod(fd, mode) < 0 || renameat(dirfd, new, dirfd, name) < 0))
                r = -errno;
        if (r < 0)
                (void) unlinkat(dirfd, new, 0);
        return r;
}
