/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "common/directory.h"
#include "fail.h"
#include "holders.h"
#include "upper.h"

#define PROBE_NAME "probe"
#define CONTINUES_NAME "continues"

static const char *parent_name(const MountId *id) {
        return id->kind == MOUNT_SERVER ? "uppers" : "builds";
}

char *upper_path(const MountId *id) {
        return g_build_filename(parent_name(id), id->name, NULL);
}

static int is_empty(int fd) {
        _cleanup_directory_ DIR *dir = NULL;
        int r;

        r = directory_open(fd, ".", &dir);
        return r < 0 ? r : !directory_next(dir);
}

/* Whether the manager says that what stands there is of the same build, which has several parts. */
static bool is_continued(const Roots *roots, const MountId *id) {
        g_autofree char *path = g_build_filename("jobs", id->name, CONTINUES_NAME, NULL);
        _cleanup_fd_ int fd = beneath_open(roots->run, path, O_PATH);

        return fd >= 0;
}

int upper_make(const Roots *roots, const MountId *id, GError **error) {
        g_autofree char *path = upper_path(id);
        _cleanup_fd_ int parent = -1, own = -1, upper = -1, work = -1, base = -1;
        bool build = id->kind == MOUNT_BUILD;

        parent = ours_open(roots->state, parent_name(id), parent_name(id), error);
        if (parent < 0)
                return parent;
        own = ours_make(parent, id->name, 0750, path, error);
        if (own < 0)
                return own;

        work = beneath_make(own, "work", 0755);
        if (work >= 0)
                upper = beneath_make(own, "upper", 0755);
        if (upper >= 0 && build)
                base = beneath_make(own, "base", 0755);
        if (upper < 0 || (build && base < 0))
                return fail_errno(error, errno, "cannot make %s/{upper,work}", path);

        /* The root of the merged tree has the mode of upper, and a server may change that. It must not
         * lock itself out for ever. */
        if (fchmod(upper, 0755) < 0)
                return fail_errno(error, errno, "cannot set the mode of %s/upper", path);
        if (build && is_empty(upper) != 1 && !is_continued(roots, id))
                return fail(error, EEXIST, "%s/upper holds an earlier build: discard that first", path);
        return steal_fd(&own);
}

/* Whether an overlay can be made that claims this work directory for itself. (index=on is what makes the
 * kernel refuse one that is taken; that, and an upper layer of its own, keep the probe from leaving
 * anything in the real one.) Other failures mean nothing here. */
static bool work_is_taken(const char *path) {
        g_autofree char *work = g_build_filename(path, "work", NULL),
                        *upper = g_build_filename(path, PROBE_NAME, "upper", NULL);
        g_autofree char *lower = g_build_filename(path, PROBE_NAME, "lower", NULL);
        _cleanup_fd_ int fs = -1;

        fs = fsopen("overlay", FSOPEN_CLOEXEC);
        if (fs < 0)
                return false;
        (void) fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);
        (void) fsconfig(fs, FSCONFIG_SET_STRING, "index", "on", 0);
        (void) fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", lower, 0);
        (void) fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", upper, 0);
        (void) fsconfig(fs, FSCONFIG_SET_STRING, "workdir", work, 0);
        return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 && errno == EBUSY;
}

int upper_check_unused(const Roots *roots, const MountId *id, GError **error) {
        g_autofree char *below = upper_path(id), *path = g_build_filename(roots->state_path, below, NULL);
        g_autofree char *upper = g_build_filename(path, "upper", NULL), *who = NULL;
        _cleanup_fd_ int own = -1, probe = -1;
        bool taken;

        own = beneath_open(roots->state, below, O_RDONLY | O_DIRECTORY);
        if (own < 0)
                return own == -ENOENT ? 0 : fail_errno(error, -own, "cannot open %s", below);
        probe = beneath_make(own, PROBE_NAME, 0700);
        if (probe < 0 || (mkdirat(probe, "upper", 0700) < 0 && errno != EEXIST) ||
                (mkdirat(probe, "lower", 0700) < 0 && errno != EEXIST))
                return fail_errno(error, probe < 0 ? -probe : errno, "cannot make %s/%s", below, PROBE_NAME);

        taken = work_is_taken(path);
        (void) unlinkat(probe, "upper", AT_REMOVEDIR);
        (void) unlinkat(probe, "lower", AT_REMOVEDIR);
        (void) unlinkat(own, PROBE_NAME, AT_REMOVEDIR);
        (void) unlinkat(own, "work/index", AT_REMOVEDIR);
        if (!taken)
                return 0;

        who = holders_describe_upper(upper);
        return fail(error, EBUSY,
                "an overlay with %s is still alive outside of the host's mounts, held by %s; end that use and try again",
                below, who);
}
