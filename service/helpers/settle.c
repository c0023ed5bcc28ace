/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "beneath.h"
#include "common/io.h"
#include "settle.h"

#define BUFFER_SIZE (256U * 1024U)
#define SCRATCH_NAME "tmp"

mode_t settle_mode(mode_t mode) {
        return (mode & 0111) ? 0755 : 0644;
}

int settle_attributes(int fd) {
        g_autofree char *names = NULL;
        ssize_t size, n;

        size = flistxattr(fd, NULL, 0);
        if (size <= 0)
                return size == 0 || errno == ENOTSUP ? 0 : -errno;
        names = g_malloc((gsize) size);
        n = flistxattr(fd, names, (size_t) size);
        if (n < 0)
                return -errno;

        for (const char *name = names; name < names + n; name += strlen(name) + 1) {
                if (!g_str_has_prefix(name, "user.") && !g_str_has_prefix(name, "system.posix_acl_"))
                        continue;
                if (fremovexattr(fd, name) < 0 && errno != ENODATA)
                        return -errno;
        }
        return 0;
}

bool settle_is_opaque(int fd) {
        char value[2];

        return fgetxattr(fd, "user.overlay.opaque", value, sizeof value) == 1 && value[0] == 'y';
}

/* A file that its owner may not read becomes readable; whether it may be executed must survive that, and
 * a crash after it. */
static int open_file(int dirfd, const char *name, mode_t mode) {
        int fd;

        fd = beneath_open(dirfd, name, O_RDONLY | O_NONBLOCK);
        if (fd == -EACCES) {
                if (fchmodat(dirfd, name, (mode & 0777) | 0400, 0) < 0)
                        return -errno;
                fd = beneath_open(dirfd, name, O_RDONLY | O_NONBLOCK);
        }
        return fd;
}

/* 1 if both files hold the same, from where they stand to the end. */
static int same_content(int a, int b) {
        g_autofree char *data = g_malloc(2 * BUFFER_SIZE);

        for (;;) {
                ssize_t n = read_full(a, data, BUFFER_SIZE),
                        m = read_full(b, data + BUFFER_SIZE, BUFFER_SIZE);

                if (n < 0 || m < 0)
                        return n < 0 ? (int) n : (int) m;
                if (n != m || memcmp(data, data + BUFFER_SIZE, (size_t) n) != 0)
                        return 0;
                if (n == 0)
                        return 1;
        }
}

static int same_as_base(int fd, const struct stat *st, int base, const char *name) {
        _cleanup_fd_ int old = -1;
        struct stat old_st;

        if (base < 0)
                return 0;
        if (fstatat(base, name, &old_st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISREG(old_st.st_mode) || old_st.st_size != st->st_size ||
                settle_mode(old_st.st_mode) != settle_mode(st->st_mode))
                return 0;

        old = beneath_open(base, name, O_RDONLY | O_NONBLOCK);
        if (old < 0)
                return old;
        return same_content(fd, old);
}

/* Whether moving the file would leave somebody able to write to what is then a committed version. A read
 * lease is given only while nobody has the file open for writing, in whatever mount, process or message
 * the descriptor may be. */
static bool must_copy(int fd, const struct stat *st) {
        if (st->st_uid != geteuid())
                return true;
        if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
                return true;
        (void) fcntl(fd, F_SETLEASE, F_UNLCK);
        return false;
}

/* The part of a file from where both stand, size bytes. */
static int copy_part(int from, int to, off_t size) {
        g_autofree char *data = NULL;

        while (size > 0) {
                /* Shares the blocks on Btrfs and XFS, at least stays in the kernel elsewhere. */
                ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t) size, 0);

                if (n == 0)
                        return -EIO; /* it was cut off meanwhile */
                if (n < 0 && errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
                        return -errno;
                if (n < 0) {
                        int r;

                        data = data ?: g_malloc(BUFFER_SIZE);
                        n = read_full(from, data, MIN((size_t) size, BUFFER_SIZE));
                        if (n <= 0)
                                return n < 0 ? (int) n : -EIO;
                        r = write_all(to, data, (size_t) n);
                        if (r < 0)
                                return r;
                }
                size -= n;
        }
        return 0;
}

/* Holes stay holes: a file of some bytes that looks like gigabytes must not become them. */
static int copy_content(int from, int to, off_t size) {
        off_t begin = 0;
        int r;

        while ((begin = lseek(from, begin, SEEK_DATA)) >= 0 && begin < size) {
                off_t end = lseek(from, begin, SEEK_HOLE);

                if (end < 0 || lseek(from, begin, SEEK_SET) < 0 || lseek(to, begin, SEEK_SET) < 0)
                        return -errno;
                r = copy_part(from, to, MIN(end, size) - begin);
                if (r < 0)
                        return r;
                begin = end;
        }
        if (begin < 0 && errno != ENXIO)
                return -errno;
        return ftruncate(to, size) < 0 ? -errno : 0;
}

static int copy_file(const Settle *settle, int fd, const struct stat *st, int to, const char *name) {
        struct timespec times[2] = { st->st_atim, st->st_mtim };
        _cleanup_fd_ int new = -1;
        int r;

        if (unlinkat(settle->scratch, SCRATCH_NAME, 0) < 0 && errno != ENOENT)
                return -errno;
        new = openat(
                settle->scratch, SCRATCH_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (new < 0)
                return -errno;

        r = copy_content(fd, new, st->st_size);
        if (r < 0)
                return r;
        if (fchmod(new, settle_mode(st->st_mode)) < 0 || futimens(new, times) < 0)
                return -errno;
        return renameat(settle->scratch, SCRATCH_NAME, to, name) < 0 ? -errno : 0;
}

int settle_link_as(const Settle *settle, int base, const char *name, int to, const char *new_name) {
        _cleanup_fd_ int fd = -1;
        struct stat st;

        if (linkat(base, name, to, new_name, 0) >= 0 || errno == EEXIST)
                return 0;
        if (errno != EMLINK)
                return -errno;

        fd = beneath_open(base, name, O_RDONLY | O_NONBLOCK);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        return copy_file(settle, fd, &st, to, new_name);
}

int settle_link(const Settle *settle, int base, int to, const char *name) {
        return settle_link_as(settle, base, name, to, name);
}

/* The names of one file get one copy, which the scratch directory knows by the number of the file: a build
 * must not make the disk full with links. */
static int copy_linked_file(const Settle *settle, int fd, const struct stat *st, int to, const char *name) {
        g_autofree char *copy = g_strdup_printf("copy-%ju", (uintmax_t) st->st_ino);
        int r;

        if (linkat(settle->scratch, copy, to, name, 0) >= 0 || errno == EEXIST)
                return 0;
        /* There is none yet, or it has as many names as one may have. */
        if ((errno != ENOENT && errno != EMLINK) ||
                (unlinkat(settle->scratch, copy, 0) < 0 && errno != ENOENT))
                return -errno;

        r = copy_file(settle, fd, st, to, name);
        if (r < 0)
                return r;
        return linkat(to, name, settle->scratch, copy, 0) < 0 ? -errno : 0;
}

int settle_file(const Settle *settle, int from, int base, int to, const char *name) {
        _cleanup_fd_ int fd = -1;
        struct stat st, now;
        int r;

        if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        fd = open_file(from, name, st.st_mode);
        if (fd < 0)
                return fd;
        if (fstat(fd, &now) < 0)
                return -errno;
        if (!S_ISREG(now.st_mode) || now.st_ino != st.st_ino)
                return -ESTALE;

        r = same_as_base(fd, &st, base, name);
        if (r < 0)
                return r;
        if (r > 0)
                return settle_link(settle, base, to, name);
        if (st.st_nlink > 1)
                return copy_linked_file(settle, fd, &st, to, name);
        if (!settle->released || must_copy(fd, &st))
                return copy_file(settle, fd, &st, to, name);

        /* First the mode: attributes of a file that its owner may not write to stay. */
        if (fchmod(fd, settle_mode(st.st_mode)) < 0)
                return -errno;
        r = settle_attributes(fd);
        if (r < 0)
                return r;
        return renameat(from, name, to, name) < 0 ? -errno : 0;
}
