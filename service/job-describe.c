/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/job-kinds.h"
#include "service/overlay.h"
#include "service/stack.h"
#include "service/util.h"

/* What the units of a build read, in the directory of the job: the stack that is mounted, what is to be done, the pipe of an upload. */

static int write_description(const Overlay *o, int fd, GKeyFile *job) {
        g_autofree char *description = g_key_file_to_data(job, NULL, NULL), *layers = NULL;
        g_autoptr(Stack) stack = stack_new();
        int r;

        if (o->current > 0)
                stack_add(stack, o->name, o->current);
        layers = stack_render(stack);

        r = file_write(fd, "stack", layers, strlen(layers), 0640);
        return r < 0 ? r : file_write(fd, "job", description, strlen(description), 0640);
}

int build_describe_upload(const Overlay *o, const BuildPlan *plan, int fd) {
        g_autoptr(GKeyFile) job = g_key_file_new();

        g_key_file_set_string(job, "Job", "Operation", job_kind_to_string(plan->kind));
        if (plan->kind == JOB_REMOVE_FILE) {
                g_key_file_set_string_list(
                        job, "Job", "Paths", (const char *const *) plan->paths, g_strv_length(plan->paths));
        } else {
                g_key_file_set_string(
                        job, "Job", plan->kind == JOB_IMPORT ? "Directory" : "Path", plan->path);
                g_key_file_set_uint64(job, "Job", "Size", plan->size);
        }
        if (plan->kind == JOB_PUT_FILE && plan->executable >= 0)
                g_key_file_set_boolean(job, "Job", "Executable", plan->executable);

        return write_description(o, fd, job);
}

int build_describe_kind(const Overlay *o, const Job *j, int fd) {
        g_autoptr(GKeyFile) job = g_key_file_new();
        int r;

        r = o->kind->describe(o, j, fd, job);
        return r < 0 ? r : write_description(o, fd, job);
}

/* Both ends exist from the start: the caller may write before the build runs, and the build may begin before he writes. */
int build_make_pipe(int fd, int *ret_read, int *ret_write) {
        int reader, writer;

        if (mkfifoat(fd, "upload", 0640) < 0)
                return -errno;

        reader = openat(fd, "upload", O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        if (reader < 0)
                return -errno;

        writer = openat(fd, "upload", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
        if (writer < 0) {
                int r = -errno;

                (void) close(reader);
                return r;
        }

        *ret_read = reader;
        *ret_write = writer;
        return 0;
}
