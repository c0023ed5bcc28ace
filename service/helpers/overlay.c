/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "fail.h"
#include "generated.h"
#include "names.h"
#include "overlay.h"
#include "overlayfs.h"
#include "stack.h"
#include "unmount.h"
#include "upper.h"

#define RELEASE_WAIT_MS 1000

static int read_stack(const Roots *roots, const MountId *id, GArray **ret, GError **error) {
        bool server = id->kind == MOUNT_SERVER;
        const char *parent_name = server ? "instances" : "jobs";
        g_autofree char *path = g_build_filename(id->name, "stack", NULL), *text = NULL;
        g_autoptr(GArray) layers = NULL;
        _cleanup_fd_ int parent = -1;
        struct stat st;
        size_t size;
        int r;

        parent = beneath_open(server ? roots->state : roots->run, parent_name, O_RDONLY | O_DIRECTORY);
        if (parent < 0 || fstat(parent, &st) < 0)
                return fail(error, ENOENT, "the manager's directory %s is missing: reinstall the package",
                        parent_name);
        r = beneath_read_from(parent, path, st.st_uid, STACK_SIZE_MAX, &text, &size);
        if (r == -ENOENT)
                return fail(error, ENOENT,
                        "%s/%s is missing: start through the manager (left4mectl start), which writes it",
                        parent_name, path);
        if (r < 0)
                return fail_errno(error, -r,
                        "cannot read %s/%s as a plain file of the manager's with one name", parent_name,
                        path);

        r = stack_parse(text, size, &layers, error);
        if (r < 0)
                return r;
        if (server && layers->len == 0)
                return fail(error, EINVAL,
                        "the stack of %s is empty: give it a game (left4mectl configure %s --game OVERLAY)",
                        id->name, id->name);

        *ret = g_steal_pointer(&layers);
        return 0;
}

static int make_runtime(const Roots *roots, const MountId *id, GError **error) {
        g_autofree char *path = g_build_filename("runtime", id->text, NULL);
        _cleanup_fd_ int parent = -1, runtime = -1;

        parent = ours_open(roots->state, "runtime", "runtime", error);
        if (parent < 0)
                return parent;
        runtime = ours_make(parent, id->text, 0750, path, error);
        if (runtime < 0)
                return runtime;
        if (mkdirat(runtime, "merged", 0750) < 0 && errno != EEXIST)
                return fail_errno(error, errno, "cannot make %s/merged", path);

        return steal_fd(&runtime);
}

static int check_game(int merged, const MountId *id, const GArray *layers, GError **error) {
        const Layer *lowest = &g_array_index(layers, Layer, layers->len - 1);
        _cleanup_fd_ int fd = -1;
        struct stat st;

        fd = beneath_open(merged, "srcds_run", O_PATH | O_NOFOLLOW);
        if (fd >= 0 && fstat(fd, &st) >= 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111))
                return 0;
        return fail(error, ENOEXEC,
                "%s in the stack of %s (%u layers, the lowest is %s/%u): is the lowest one the game?",
                fd < 0 ? "there is no srcds_run" : "srcds_run is not an executable file", id->name,
                layers->len, lowest->overlay, lowest->version);
}

static int attach(int mount, int runtime, const MountId *id, GError **error) {
        int r;

        r = beneath_write(runtime, HELD_NAME, "", 0, 0640);
        if (r < 0)
                return fail_errno(error, -r, "cannot write runtime/%s/%s", id->text, HELD_NAME);
        if (move_mount(mount, "", runtime, "merged", MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return fail_errno(error, errno, "cannot attach the mount at runtime/%s/merged", id->text);
        return 0;
}

static int mount_server(
        const Roots *roots, const MountId *id, const GArray *layers, int runtime, GError **error) {
        _cleanup_fd_ int mount = -1, cfg = -1;
        int r;

        mount = overlayfs_make(roots, id, layers, error);
        if (mount < 0)
                return mount;
        r = check_game(mount, id, layers, error);
        if (r < 0)
                return r;
        cfg = generated_prepare(mount, id->name, error);
        if (cfg < 0)
                return cfg;

        r = attach(mount, runtime, id, error);
        if (r >= 0)
                r = generated_attach(roots, id->name, cfg, error);
        if (r >= 0)
                r = generated_copy_argv(roots, id->name, runtime, error);
        return r;
}

static int mount_build(
        const Roots *roots, const MountId *id, const GArray *layers, int runtime, GError **error) {
        _cleanup_fd_ int mount = -1;
        int r;

        mount = overlayfs_make(roots, id, layers, error);
        if (mount < 0)
                return mount;
        r = attach(mount, runtime, id, error);
        if (r >= 0)
                r = generated_attach_job(roots, id->name, runtime, error);
        return r;
}

/* A watch on the merged tree, which says when its file system is gone from the kernel. It does not keep
 * that busy. */
static int watch_merged(int runtime) {
        _cleanup_fd_ int fd = -1;
        int r;

        if (is_mounted(runtime, "merged") <= 0)
                return -ENOENT;
        fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (fd < 0 || fchdir(runtime) < 0)
                return -errno;
        r = inotify_add_watch(fd, "merged", IN_DELETE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW) < 0 ? -errno : 0;
        if (chdir("/") < 0)
                return -errno;
        return r < 0 ? r : steal_fd(&fd);
}

static bool watch_saw_end(int fd) {
        struct pollfd pfd = { .fd = fd, .events = POLLIN };
        struct inotify_event event;

        /* The namespace of a server or a build may live a moment longer than its last process. */
        return fd >= 0 && poll(&pfd, 1, RELEASE_WAIT_MS) > 0 &&
               read(fd, &event, sizeof event) == (ssize_t) sizeof event && (event.mask & IN_UNMOUNT);
}

/* Makes sure that with the mount its overlay went, and takes away the mark that it may be alive. */
static int release(const Roots *roots, const MountId *id, int runtime, int watch, GError **error) {
        int r;

        if (faccessat(runtime, HELD_NAME, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        if (!watch_saw_end(watch)) {
                r = upper_check_unused(roots, id, error);
                if (r < 0)
                        return r;
        }
        if (unlinkat(runtime, HELD_NAME, 0) < 0)
                return fail_errno(error, errno, "cannot remove runtime/%s/%s", id->text, HELD_NAME);
        return 0;
}

static int unmount_all(const Roots *roots, const MountId *id, GError **error) {
        g_autofree char *path = g_build_filename("runtime", id->text, NULL);
        _cleanup_fd_ int runtime = -1, watch = -1;
        int r;

        runtime = beneath_open(roots->state, path, O_RDONLY | O_DIRECTORY);
        if (runtime < 0)
                return runtime == -ENOENT ? 0 : fail_errno(error, -runtime, "cannot open %s", path);

        watch = watch_merged(runtime);
        r = unmount_below(roots, id->text, "merged", error);
        if (r > 1)
                close_fd(&watch); /* it saw only the topmost go */
        if (r >= 0 && id->kind == MOUNT_BUILD)
                r = unmount_below(roots, id->text, "job", error);
        if (r >= 0)
                r = release(roots, id, runtime, watch, error);
        return r;
}

static int id_parse(const char *text, MountId *ret, GError **error) {
        if (mount_id_parse(text, ret) < 0)
                return fail(error, EINVAL, "\"%s\" is neither server-NAME nor build-N", text);
        return 0;
}

int overlay_mount(const Roots *roots, const char *text, GError **error) {
        g_autoptr(GArray) layers = NULL;
        _cleanup_fd_ int runtime = -1;
        MountId id;
        int r;

        r = id_parse(text, &id, error);
        if (r < 0)
                return r;
        r = read_stack(roots, &id, &layers, error);
        if (r < 0)
                return r;
        runtime = make_runtime(roots, &id, error);
        if (runtime < 0)
                return runtime;

        /* A second mount with the same upper layer would corrupt it. */
        r = unmount_all(roots, &id, error);
        if (r < 0)
                return r;

        r = id.kind == MOUNT_SERVER ? mount_server(roots, &id, layers, runtime, error)
                                    : mount_build(roots, &id, layers, runtime, error);
        if (r < 0) {
                g_autoptr(GError) again = NULL;

                if (unmount_all(roots, &id, &again) < 0 && error)
                        g_prefix_error(error, "(and then: %s) ", again->message);
        }
        return r;
}

int overlay_unmount(const Roots *roots, const char *text, GError **error) {
        MountId id;
        int r;

        r = id_parse(text, &id, error);
        if (r < 0)
                return r;
        return unmount_all(roots, &id, error);
}
