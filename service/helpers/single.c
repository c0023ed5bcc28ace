/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "clashes.h"
#include "common/io.h"
#include "fail.h"
#include "input.h"
#include "remove.h"
#include "single.h"

static int fail_path(GError **error, int err, const char *path) {
        switch (err) {
        case ENOTDIR:
        case ELOOP:
                return fail(error, err, "%s: the path leads through a link or a file", path);
        case ENOSPC:
        case EDQUOT:
                return fail(error, err, "%s: no space left on the disk: free some and try again", path);
        case EFBIG:
                return fail(error, err, "%s: the file is larger than a build may write", path);
        default:
                return fail_errno(error, err, "%s", path);
        }
}

/* Splits a normalised path: its directory, "" for the root, and its last part. */
static char *split(const char *path, const char **ret_name) {
        const char *slash = strrchr(path, '/');

        *ret_name = slash ? slash + 1 : path;
        return g_strndup(path, slash ? (gsize) (slash - path) : 0);
}

/* Takes away what the file takes the place of; *ret_mode is what it has if nothing else was said. */
static int make_room(int parent, const char *name, mode_t *ret_mode) {
        struct stat st;

        *ret_mode = 0644;
        if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (S_ISREG(st.st_mode) && (st.st_mode & 0111))
                *ret_mode = 0755;
        return unlinkat(parent, name, 0) < 0 ? -errno : 0;
}

static int take_upload(const JobFile *job, int upload, int fd, FILE *out, GError **error) {
        g_autofree Input *input = g_new0(Input, 1);
        Progress progress = { .out = out };
        const void *data;
        ssize_t n;
        int r;

        input->fd = upload;
        input->expected = job->size;
        input->progress = &progress;
        while ((n = input_next(input, &data)) > 0) {
                r = write_all(fd, data, (size_t) n);
                if (r < 0)
                        return fail_path(error, -r, job->path);
                progress_report(&progress, input->total, job->size, job->path);
        }
        /* Also says what was wrong, if something was. */
        if (n < 0)
                return input_fail(input, error);
        return input_finish(input, error);
}

int put_file(const JobFile *job, int upload, int overlay, FILE *out, GError **error) {
        _cleanup_fd_ int parent = -1, fd = -1;
        const char *name;
        g_autofree char *directory = split(job->path, &name);
        mode_t mode;
        int r;

        r = clashes_check_path(overlay, job->path, error);
        if (r < 0)
                return r;
        parent = beneath_make_path(overlay, directory, 0755);
        if (parent < 0)
                return fail_path(error, -parent, job->path);
        r = make_room(parent, name, &mode);
        if (r < 0)
                return fail_path(error, -r, job->path);
        if (job->executable >= 0)
                mode = job->executable ? 0755 : 0644;

        fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return fail_path(error, errno, job->path);
        return take_upload(job, upload, fd, out, error);
}

/* Whether something is there, and takes it away if that is wanted. */
static int remove_path(const char *path, int overlay, bool really) {
        _cleanup_fd_ int parent = -1;
        const char *name;
        g_autofree char *directory = split(path, &name);
        struct stat st;

        parent = beneath_open(overlay, directory[0] ? directory : ".", O_RDONLY | O_DIRECTORY);
        if (parent < 0)
                return parent;
        if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return really ? remove_tree(parent, name) : 0;
}

int remove_files(const JobFile *job, int overlay, GError **error) {
        int r;

        for (char **path = job->paths; *path; path++) {
                r = remove_path(*path, overlay, false);
                if (r < 0)
                        return fail_path(error, -r, *path);
        }
        for (char **path = job->paths; *path; path++) {
                r = remove_path(*path, overlay, true);
                /* What was named beside the directory that it was in has gone with that. */
                if (r < 0 && r != -ENOENT)
                        return fail_path(error, -r, *path);
        }
        return 0;
}
