/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/directory.h"

int directory_take(int fd, DIR **ret) {
        DIR *dir;
        int r;

        dir = fdopendir(fd);
        if (!dir) {
                r = -errno;
                (void) close(fd);
                return r;
        }

        *ret = dir;
        return 0;
}

int directory_open(int dirfd, const char *name, DIR **ret) {
        int fd;

        fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : directory_take(fd, ret);
}

struct dirent *directory_next(DIR *dir) {
        struct dirent *entry;

        do {
                errno = 0;
                entry = readdir(dir);
        } while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));

        return entry;
}

void directory_closep(DIR **dir) {
        if (*dir)
                (void) closedir(*dir);
}
