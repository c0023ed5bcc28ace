/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "cache.h"
#include "commit.h"
#include "common/directory.h"
#include "fail.h"
#include "freeze.h"
#include "jobfile.h"
#include "names.h"
#include "remove.h"
#include "server-cfg.h"
#include "tree.h"
#include "unmount.h"

#define JOB_SIZE_MAX (256U * 1024U)

static int read_job(const Roots *roots, const char *number, JobFile **ret, GError **error) {
        g_autofree char *path = g_build_filename(number, "job", NULL), *text = NULL;
        _cleanup_fd_ int jobs = -1;
        uint32_t value;
        struct stat st;
        size_t size;
        int r;

        if (number_parse(number, &value) < 0)
                return fail(error, EINVAL, "\"%s\" is not the number of a job", number);
        jobs = beneath_open(roots->run, "jobs", O_RDONLY | O_DIRECTORY);
        if (jobs < 0 || fstat(jobs, &st) < 0)
                return fail(error, ENOENT, "the manager's directory jobs is missing: reinstall the package");
        r = beneath_read_from(jobs, path, st.st_uid, JOB_SIZE_MAX, &text, &size);
        if (r < 0)
                return fail_errno(error, -r, "cannot read jobs/%s as a plain file of the manager's", path);

        return jobfile_parse(text, size, ret, error);
}

/* Removes parent/name, below the state directory. */
static int remove_in(const Roots *roots, const char *parent, const char *name, GError **error) {
        _cleanup_fd_ int fd = -1;
        int r;

        fd = beneath_open(roots->state, parent, O_RDONLY | O_DIRECTORY);
        if (fd == -ENOENT)
                return 0;
        if (fd < 0)
                return fail_errno(error, -fd, "cannot open %s", parent);
        r = remove_by_rename(fd, name);
        if (r < 0)
                return fail_errno(error, -r, "cannot remove %s/%s", parent, name);
        if (r > 0)
                say(4, "%s/.%s cannot be emptied now; the next start of left4med does it", parent, name);
        return 0;
}

static int empty_trash_in(const Roots *roots, const char *parent, GError **error) {
        _cleanup_fd_ int fd = -1;
        int r;

        fd = beneath_open(roots->state, parent, O_RDONLY | O_DIRECTORY);
        if (fd < 0)
                return fd == -ENOENT ? 0 : fail_errno(error, -fd, "cannot open %s", parent);
        r = remove_trash(fd);
        return r < 0 ? fail_errno(error, -r, "cannot remove what lies in %s", parent) : 0;
}

/* What removals that were broken off have left, under names that nothing else has. */
static int empty_trash(const Roots *roots, GError **error) {
        static const char *const parents[] = { "uppers", "overlays", "builds", "runtime" };
        g_autofree char *overlays = g_strdup_printf("/proc/self/fd/%d/overlays", roots->state);
        const char *name;
        int r = 0;
        GDir *dir;

        for (size_t i = 0; r >= 0 && i < G_N_ELEMENTS(parents); i++)
                r = empty_trash_in(roots, parents[i], error);

        dir = r >= 0 ? g_dir_open(overlays, 0, NULL) : NULL;
        while (r >= 0 && dir && (name = g_dir_read_name(dir))) {
                g_autofree char *versions = g_strdup_printf("overlays/%s/versions", name);

                r = empty_trash_in(roots, versions, error);
        }
        if (dir)
                g_dir_close(dir);
        return r;
}

/* A mount would be emptied like any directory. The kernel refuses to cross into one here, this says it
 * before anything is gone. */
static int check_unmounted(const Roots *roots, const char *id, GError **error) {
        static const char *const points[] = { "merged", "job" };
        g_autofree char *path = g_build_filename("runtime", id, NULL);
        _cleanup_fd_ int fd = -1;

        fd = beneath_open(roots->state, path, O_RDONLY | O_DIRECTORY);
        if (fd == -ENOENT)
                return 0;
        if (fd < 0)
                return fail_errno(error, -fd, "cannot open %s", path);

        for (size_t i = 0; i < G_N_ELEMENTS(points); i++)
                if (is_mounted(fd, points[i]) > 0)
                        return fail(error, EBUSY,
                                "%s/%s is still mounted: stop left4me-overlay@%s.service first", path,
                                points[i], id);
        return 0;
}

static int remove_runtime(const Roots *roots, const char *id, GError **error) {
        return remove_in(roots, "runtime", id, error);
}

static int remove_versions(const Roots *roots, const JobFile *job, GError **error) {
        g_autofree char *parent = g_strdup_printf("overlays/%s/versions", job->overlay);
        _cleanup_fd_ int fd = -1;
        int r = 0;

        fd = beneath_open(roots->state, parent, O_RDONLY | O_DIRECTORY);
        if (fd == -ENOENT)
                return 0;
        if (fd < 0)
                return fail_errno(error, -fd, "cannot open %s", parent);

        for (unsigned i = 0; r >= 0 && i < job->numbers->len; i++) {
                g_autofree char *version = g_strdup_printf("%u", g_array_index(job->numbers, uint32_t, i));
                g_autofree char *info = g_strdup_printf("%s.info", version);

                r = remove_in(roots, parent, version, error);
                if (r >= 0 && unlinkat(fd, info, 0) < 0 && errno != ENOENT)
                        r = fail_errno(error, errno, "cannot remove %s/%s", parent, info);
        }
        return r;
}

/* parent/from becomes parent/to. Neither there: there was nothing yet. */
static int rename_in(
        const Roots *roots, const char *parent, const char *from, const char *to, GError **error) {
        _cleanup_fd_ int fd = -1;

        fd = beneath_open(roots->state, parent, O_RDONLY | O_DIRECTORY);
        if (fd < 0)
                return fail_errno(error, -fd, "cannot open %s", parent);
        if (renameat2(fd, from, fd, to, RENAME_NOREPLACE) < 0 && errno != ENOENT)
                return fail_errno(error, errno, "cannot rename %s/%s to %s", parent, from, to);
        if (fsync(fd) < 0)
                return fail_errno(error, errno, "cannot write %s to the disk", parent);
        return 0;
}

/* Calls each() with every version of an overlay and the name. */
static int for_each_version(const Roots *roots, const char *overlay, const char *name,
        int (*each)(int version, const char *name, GError **error), GError **error) {
        g_autofree char *path = g_strdup_printf("overlays/%s/versions", overlay);
        _cleanup_directory_ DIR *dir = NULL;
        _cleanup_fd_ int versions = -1;
        struct dirent *entry;
        uint32_t number;
        int r;

        versions = beneath_open(roots->state, path, O_RDONLY | O_DIRECTORY);
        if (versions < 0)
                return versions == -ENOENT ? 0 : fail_errno(error, -versions, "cannot open %s", path);
        r = directory_open(versions, ".", &dir);
        if (r < 0)
                return fail_errno(error, -r, "cannot list %s", path);

        while (r >= 0 && (entry = directory_next(dir))) {
                _cleanup_fd_ int version = -1;

                if (number_parse(entry->d_name, &number) < 0)
                        continue;
                version = beneath_open(versions, entry->d_name, O_RDONLY | O_DIRECTORY);
                r = version < 0 ? fail_errno(error, -version, "cannot open %s/%s", path, entry->d_name)
                                : each(version, name, error);
        }

        return r;
}

/* What carries the overlay's name in its versions has both until it has the new one: whichever name it is found under after a crash,
 * it is whole. No server has any of it mounted. */
static int rename_overlay(const Roots *roots, const JobFile *job, GError **error) {
        int r;

        r = for_each_version(roots, job->overlay, job->to, server_cfg_add_name, error);
        if (r >= 0)
                r = rename_in(roots, "overlays", job->overlay, job->to, error);
        if (r >= 0)
                r = for_each_version(roots, job->to, job->overlay, server_cfg_drop_name, error);
        return r;
}

static int reset(const Roots *roots, const char *instance, bool runtime_too, GError **error) {
        g_autofree char *id = g_strdup_printf("server-%s", instance);
        int r;

        r = check_unmounted(roots, id, error);
        if (r >= 0)
                r = remove_in(roots, "uppers", instance, error);
        if (r >= 0 && runtime_too)
                r = remove_runtime(roots, id, error);
        return r;
}

static int rename_instance(const Roots *roots, const JobFile *job, GError **error) {
        g_autofree char *id = g_strdup_printf("server-%s", job->instance);
        int r;

        r = check_unmounted(roots, id, error);
        if (r >= 0)
                r = rename_in(roots, "uppers", job->instance, job->to, error);
        if (r >= 0)
                r = remove_runtime(roots, id, error);
        return r;
}

static int discard_one(const Roots *roots, uint32_t number, GError **error) {
        g_autofree char *build = g_strdup_printf("%u", number), *id = g_strdup_printf("build-%u", number);
        int r;

        r = check_unmounted(roots, id, error);
        /* The manager sees builds/ only: what it sees goes last. */
        if (r >= 0)
                r = remove_runtime(roots, id, error);
        return r < 0 ? r : remove_in(roots, "builds", build, error);
}

/* One that something holds keeps the others from nothing; it is the first such that is told of. */
static int discard(const Roots *roots, const JobFile *job, GError **error) {
        int r = 0;

        for (unsigned i = 0; i < job->numbers->len; i++) {
                int k = discard_one(roots, g_array_index(job->numbers, uint32_t, i), r < 0 ? NULL : error);

                r = r < 0 ? r : MIN(k, 0);
        }
        return r;
}

static int commit_build(const Roots *roots, const JobFile *job, GError **error) {
        g_autofree char *id = g_strdup_printf("build-%u", job->build);
        int r;

        r = check_unmounted(roots, id, error);
        return r < 0 ? r : commit(roots, job, error);
}

static int freeze_instance(const Roots *roots, const JobFile *job, GError **error) {
        g_autofree char *id = g_strdup_printf("server-%s", job->instance);
        int r;

        r = check_unmounted(roots, id, error);
        return r < 0 ? r : freeze(roots, job, error);
}

int tree_run(const Roots *roots, const char *number, GError **error) {
        g_autoptr(JobFile) job = NULL;
        int r;

        r = read_job(roots, number, &job, error);
        if (r < 0)
                return r;

        switch (job->operation) {
        case OPERATION_FREEZE:
                return freeze_instance(roots, job, error);
        case OPERATION_COMMIT:
                return commit_build(roots, job, error);
        case OPERATION_REMOVE_VERSIONS:
                return remove_versions(roots, job, error);
        case OPERATION_REMOVE_OVERLAY:
                return remove_in(roots, "overlays", job->overlay, error);
        case OPERATION_RENAME_OVERLAY:
                return rename_overlay(roots, job, error);
        case OPERATION_RESET:
                return reset(roots, job->instance, false, error);
        case OPERATION_REMOVE_INSTANCE:
                return reset(roots, job->instance, true, error);
        case OPERATION_RENAME_INSTANCE:
                return rename_instance(roots, job, error);
        case OPERATION_DISCARD:
                return discard(roots, job, error);
        case OPERATION_EMPTY_TRASH:
                return empty_trash(roots, error);
        case OPERATION_PRUNE_CACHE:
                return cache_prune(roots, job->age, error);
        case OPERATION_IMPORT:
        case OPERATION_PUT_FILE:
        case OPERATION_REMOVE_FILE:
        case OPERATION_SCRIPT:
        case _OPERATION_MAX:
        case _OPERATION_INVALID:
                break;
        }
        return fail(
                error, EINVAL, "Operation=%s is not for left4me-tree", operation_to_string(job->operation));
}
