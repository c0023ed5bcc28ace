/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "beneath.h"
#include "fail.h"
#include "generated.h"
#include "holders.h"
#include "unmount.h"

/* An exiting process lets go of its files a moment after it is gone from its cgroup. */
#define BUSY_TRIES 10
#define BUSY_PAUSE_NS 20000000L

/* How many mounts may lie on or below one target. Two are ours; a server could not add any, an
 * administrator may have. */
#define MOUNTS_MAX 64

int is_mounted(int dirfd, const char *name) {
        struct statx sx;

        if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE, &sx) <
                0)
                return -errno;
        return (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* umount2() takes no descriptor, and one on the mount would make it busy: so the last name is given
 * relative to the directory that it stands in. */
static int unmount_name(int dirfd, const char *name) {
        int r;

        if (fchdir(dirfd) < 0)
                return -errno;
        r = umount2(name, UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
        if (chdir("/") < 0)
                return -errno;
        return r;
}

/* The last mount in the table that lies below path, relative to it; NULL if there is none. A server may
 * have renamed the directories above a file that we mounted, hence the search. */
static char *last_mount_below(const char *path) {
        g_autofree char *found = NULL;
        char *line = NULL;
        size_t size = 0;
        FILE *f;

        f = fopen("/proc/self/mountinfo", "re");
        if (!f)
                return NULL;
        while (getline(&line, &size, f) > 0) {
                g_auto(GStrv) fields = g_strsplit(line, " ", 6);
                g_autofree char *point = NULL;

                if (g_strv_length(fields) < 6)
                        continue;
                point = g_strcompress(fields[4]); /* blanks and the like stand there as \040 */
                if (!g_str_has_prefix(point, path) || point[strlen(path)] != '/')
                        continue;
                g_free(found);
                found = g_strdup(point + strlen(path) + 1);
        }

        free(line);
        (void) fclose(f);
        return g_steal_pointer(&found);
}

static int unmount_inner(int runtime, const char *name, const char *inner) {
        g_autofree char *path = g_build_filename(name, inner, NULL);
        g_autofree char *dir = g_path_get_dirname(path), *base = g_path_get_basename(path);
        _cleanup_fd_ int fd = -1;

        fd = beneath_open_across(runtime, dir, O_PATH | O_DIRECTORY);
        if (fd < 0)
                return fd;
        return unmount_name(fd, base);
}

/* What we ourselves mounted inside, without searching for it: the mount table of a host with many servers
 * is long. */
static void unmount_generated(int runtime, const char *name) {
        for (size_t i = 0; i < G_N_ELEMENTS(generated_files); i++) {
                g_autofree char *inner = g_build_filename(GENERATED_DIR, generated_files[i], NULL);

                (void) unmount_inner(runtime, name, inner);
        }
}

static int unmount_patiently(int runtime, const char *name) {
        int r = -EBUSY;

        for (int i = 0; i < BUSY_TRIES && r == -EBUSY; i++) {
                if (i > 0)
                        (void) nanosleep(&(struct timespec){ .tv_nsec = BUSY_PAUSE_NS }, NULL);
                r = unmount_name(runtime, name);
        }
        return r;
}

/* One mount less on name: what lies below it first, if that is what keeps it busy. */
static int unmount_top(int runtime, const char *name, const char *path) {
        int r;

        unmount_generated(runtime, name);
        r = unmount_name(runtime, name);
        for (int i = 0; r == -EBUSY && i < MOUNTS_MAX; i++) {
                g_autofree char *inner = last_mount_below(path);

                if (!inner)
                        return unmount_patiently(runtime, name);
                r = unmount_inner(runtime, name, inner);
                if (r >= 0)
                        r = unmount_name(runtime, name);
        }
        return r;
}

static int fail_busy(int runtime, const char *name, const char *path, GError **error) {
        g_autofree char *who = NULL;
        struct statx sx;

        if (statx(runtime, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &sx) < 0)
                return fail_errno(error, errno, "cannot look at %s", path);
        who = holders_describe(makedev(sx.stx_dev_major, sx.stx_dev_minor), path);
        return fail(error, EBUSY, "%s is still in use by %s; end that use and try again", path, who);
}

int unmount_below(const Roots *roots, const char *id, const char *name, GError **error) {
        g_autofree char *dir = g_strdup_printf("runtime/%s", id);
        g_autofree char *path = g_strdup_printf("%s/%s/%s", roots->state_path, dir, name);
        _cleanup_fd_ int runtime = -1;
        int r;

        runtime = beneath_open(roots->state, dir, O_RDONLY | O_DIRECTORY);
        if (runtime == -ENOENT)
                return 0;
        if (runtime < 0)
                return fail_errno(error, -runtime, "cannot open %s/%s", roots->state_path, dir);

        for (int i = 0; i < MOUNTS_MAX; i++) {
                r = is_mounted(runtime, name);
                if (r == 0 || r == -ENOENT)
                        return i;
                if (r > 0)
                        r = unmount_top(runtime, name, path);
                if (r == -EBUSY)
                        return fail_busy(runtime, name, path, error);
                if (r < 0)
                        return fail_errno(error, -r, "cannot unmount %s", path);
        }
        return fail(error, ELOOP, "more than %d mounts lie on %s: unmount them as root", MOUNTS_MAX, path);
}
