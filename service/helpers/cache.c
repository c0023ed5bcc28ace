/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "beneath.h"
#include "cache.h"
#include "fail.h"

/* Versions hold a file by its other names. A build that is about to link one has touched it; one that downloads holds a lock. */
static bool is_unused(int cache, const char *name, time_t before) {
        _cleanup_fd_ int fd = -1;
        struct stat st;

        fd = beneath_open(cache, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        return fd >= 0 && fstat(fd, &st) >= 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
               st.st_mtime < before && flock(fd, LOCK_EX | LOCK_NB) >= 0;
}

int cache_prune(const Roots *roots, uint64_t age, GError **error) {
        time_t before = time(NULL) - (time_t) age;
        struct dirent *de;
        int r = 0, fd;
        DIR *dir;

        fd = beneath_open(roots->state, WORKSHOP_CACHE, O_RDONLY | O_DIRECTORY);
        if (fd == -ENOENT)
                return 0;
        dir = fd >= 0 ? fdopendir(fd) : NULL;
        if (!dir) {
                r = fd < 0 ? fd : -errno;
                close_fd(&fd);
                return fail_errno(error, -r, "cannot list %s", WORKSHOP_CACHE);
        }

        while (r >= 0 && (de = readdir(dir)))
                if (is_unused(dirfd(dir), de->d_name, before) && unlinkat(dirfd(dir), de->d_name, 0) < 0)
                        r = fail_errno(error, errno, "cannot remove %s/%s", WORKSHOP_CACHE, de->d_name);
        (void) closedir(dir);
        return r;
}
