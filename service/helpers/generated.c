/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "fail.h"
#include "generated.h"
#include "remove.h"

#define ARGV_SIZE_MAX (128U * 1024U)

/* What the manager owns is known by whom its directory belongs to. */
static int manager_open(int root, const char *dir, uid_t *ret_owner, GError **error) {
        _cleanup_fd_ int fd = -1;
        struct stat st;

        fd = beneath_open(root, dir, O_RDONLY | O_DIRECTORY);
        if (fd < 0)
                return fail_errno(error, -fd, "cannot open the manager's directory %s", dir);
        if (fstat(fd, &st) < 0)
                return fail_errno(error, errno, "cannot look at the manager's directory %s", dir);

        *ret_owner = st.st_uid;
        return steal_fd(&fd);
}

static int fail_manager_file(GError **error, int err, const char *path) {
        if (err == ENOENT)
                return fail(error, err,
                        "%s is missing: start through the manager (left4mectl start), which writes it",
                        path);
        if (err == EPERM || err == ELOOP || err == EXDEV || err == EINVAL)
                return fail(error, err,
                        "%s is not a plain file of the manager's with one name: remove it and start again",
                        path);
        return fail_errno(error, err, "cannot use %s", path);
}

static int cfg_directory(
        int dirfd, const char *name, const char *path, const char *instance, GError **error) {
        int fd;

        fd = beneath_make(dirfd, name, 0755);
        if (fd == -ENOTDIR || fd == -ELOOP || fd == -EXDEV)
                return fail(error, ENOTDIR,
                        "%s is not a directory in the stack of %s: take the overlay that brings it off the "
                        "stack, or, if the server made it, run `left4mectl reset %s`",
                        path, instance, instance);
        if (fd < 0)
                return fail_errno(error, -fd, "cannot open %s in the stack of %s", path, instance);
        return fd;
}

static int clear_name(int cfg, const char *name, GError **error) {
        _cleanup_fd_ int fd = -1;
        struct stat st;
        int r;

        if (fstatat(cfg, name, &st, AT_SYMLINK_NOFOLLOW) >= 0) {
                if (S_ISREG(st.st_mode))
                        return 0;
                r = remove_tree(cfg, name);
                if (r < 0)
                        return fail_errno(
                                error, -r, "cannot clear what stands at %s/%s", GENERATED_DIR, name);
        } else if (errno != ENOENT)
                return fail_errno(error, errno, "cannot look at %s/%s", GENERATED_DIR, name);

        fd = openat(cfg, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0)
                return fail_errno(error, errno, "cannot make %s/%s", GENERATED_DIR, name);
        return 0;
}

int generated_prepare(int merged, const char *name, GError **error) {
        _cleanup_fd_ int game = -1, cfg = -1;
        int r;

        game = cfg_directory(merged, "left4dead2", "left4dead2", name, error);
        if (game < 0)
                return game;
        cfg = cfg_directory(game, "cfg", GENERATED_DIR, name, error);
        if (cfg < 0)
                return cfg;

        for (size_t i = 0; i < G_N_ELEMENTS(generated_files); i++) {
                r = clear_name(cfg, generated_files[i], error);
                if (r < 0)
                        return r;
        }
        return steal_fd(&cfg);
}

/* Mounts a clone of what fd is open on at name in dirfd: nobody writes through it, whoever owns it. */
static int clone_onto(int fd, int dirfd, const char *name) {
        struct mount_attr attr = {
                .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                .propagation = MS_PRIVATE,
        };
        _cleanup_fd_ int clone = -1;

        clone = open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (clone < 0)
                return -errno;
        if (mount_setattr(clone, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0)
                return -errno;
        /* Without MOVE_MOUNT_T_SYMLINKS a link at name is not followed. */
        if (move_mount(clone, "", dirfd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return -errno;
        return 0;
}

int generated_attach(const Roots *roots, const char *name, int cfg, GError **error) {
        _cleanup_fd_ int instances = -1;
        uid_t owner;
        int r;

        instances = manager_open(roots->state, "instances", &owner, error);
        if (instances < 0)
                return instances;

        for (size_t i = 0; i < G_N_ELEMENTS(generated_files); i++) {
                g_autofree char *path = g_build_filename(name, generated_files[i], NULL);
                _cleanup_fd_ int fd = -1;

                fd = beneath_open_from(instances, path, owner, O_PATH);
                if (fd < 0)
                        return fail_manager_file(error, -fd, path);
                r = clone_onto(fd, cfg, generated_files[i]);
                if (r < 0)
                        return fail_errno(error, -r, "cannot mount %s on %s/%s", path, GENERATED_DIR,
                                generated_files[i]);
        }
        return 0;
}

int generated_copy_argv(const Roots *roots, const char *name, int runtime, GError **error) {
        g_autofree char *path = g_build_filename(name, "argv", NULL), *argv = NULL;
        _cleanup_fd_ int instances = -1;
        size_t size;
        uid_t owner;
        int r;

        instances = manager_open(roots->state, "instances", &owner, error);
        if (instances < 0)
                return instances;
        r = beneath_read_from(instances, path, owner, ARGV_SIZE_MAX, &argv, &size);
        if (r < 0)
                return fail_manager_file(error, -r, path);
        if (size == 0 || argv[size - 1] != '\0')
                return fail(error, EINVAL, "%s is not a list of words that each end in a NUL", path);

        r = beneath_write(runtime, "argv", argv, size, 0640);
        if (r < 0)
                return fail_errno(error, -r, "cannot write runtime/server-%s/argv", name);
        return 0;
}

int generated_attach_job(const Roots *roots, const char *number, int runtime, GError **error) {
        _cleanup_fd_ int jobs = -1, job = -1, target = -1;
        struct stat st;
        uid_t owner;
        int r;

        jobs = manager_open(roots->run, "jobs", &owner, error);
        if (jobs < 0)
                return jobs;
        job = beneath_open(jobs, number, O_RDONLY | O_DIRECTORY);
        if (job < 0)
                return fail_errno(error, -job, "cannot open the job directory jobs/%s", number);
        if (fstat(job, &st) < 0 || st.st_uid != owner)
                return fail(
                        error, EPERM, "the job directory jobs/%s does not belong to the manager", number);

        target = beneath_make(runtime, "job", 0750);
        if (target < 0)
                return fail_errno(error, -target, "cannot make runtime/build-%s/job", number);
        r = clone_onto(job, runtime, "job");
        if (r < 0)
                return fail_errno(error, -r, "cannot mount the job directory jobs/%s", number);
        return 0;
}
