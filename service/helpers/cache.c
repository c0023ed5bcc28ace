/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "beneath.h"
#include "cache.h"
#include "common/directory.h"
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
        _cleanup_directory_ DIR *dir = NULL;
        struct dirent *de;
        int r, fd;

        fd = beneath_open(roots->state, WORKSHOP_CACHE, O_RDONLY | O_DIRECTORY);
        if (fd == -ENOENT)
                return 0;
        r = fd < 0 ? fd : directory_take(fd, &dir);
        if (r < 0)
                return fail_errno(error, -r, "cannot list %s", WORKSHOP_CACHE);

        while (r >= 0 && (de = directory_next(dir)))
                if (is_unused(dirfd(dir), de->d_name, before) && unlinkat(dirfd(dir), de->d_name, 0) < 0)
                        r = fail_errno(error, errno, "cannot remove %s/%s", WORKSHOP_CACHE, de->d_name);

        return r;
}
