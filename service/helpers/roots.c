/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "fail.h"
#include "roots.h"

static int root_open(const char *path, GError **error) {
        _cleanup_fd_ int fd = -1;
        struct stat st;

        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return fail_errno(error, errno, "cannot open %s", path);
        if (fstat(fd, &st) < 0)
                return fail_errno(error, errno, "cannot look at %s", path);
        if (st.st_uid != 0 || (st.st_mode & 022))
                return fail(error, EPERM, "%s must belong to root and be writable by nobody else", path);

        return steal_fd(&fd);
}

int roots_open(const char *state, const char *run, Roots *ret, GError **error) {
        g_auto(Roots) roots = ROOTS_INIT;
        g_autofree char *link = NULL;

        roots.state = root_open(state, error);
        if (roots.state < 0)
                return roots.state;
        roots.run = root_open(run, error);
        if (roots.run < 0)
                return roots.run;

        /* The path as the kernel has it, for it is compared with what the mount table says. */
        link = g_strdup_printf("/proc/self/fd/%d", roots.state);
        roots.state_path = g_file_read_link(link, NULL);
        if (!roots.state_path)
                return fail(error, ENOENT, "cannot read %s: is /proc mounted?", link);

        *ret = roots;
        roots = (Roots) ROOTS_INIT;
        return 0;
}

void roots_done(Roots *roots) {
        close_fd(&roots->state);
        close_fd(&roots->run);
        g_clear_pointer(&roots->state_path, g_free);
}

int ours_open(int dirfd, const char *name, const char *where, GError **error) {
        _cleanup_fd_ int fd = -1;
        struct stat st;

        fd = beneath_open(dirfd, name, O_RDONLY | O_DIRECTORY);
        if (fd < 0)
                return fail_errno(error, -fd, "cannot open directory %s", where);
        if (fstat(fd, &st) < 0)
                return fail_errno(error, errno, "cannot look at %s", where);
        if (st.st_uid != geteuid() || (st.st_mode & 022))
                return fail(error, EPERM, "%s must belong to left4me and be writable by nobody else", where);

        return steal_fd(&fd);
}

int ours_make(int dirfd, const char *name, mode_t mode, const char *where, GError **error) {
        if (mkdirat(dirfd, name, mode) < 0 && errno != EEXIST)
                return fail_errno(error, errno, "cannot make %s", where);
        return ours_open(dirfd, name, where, error);
}
