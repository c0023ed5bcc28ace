/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* left4me-build DIRECTORY
 *
 * Does one build on the tree at $OVERLAY, in the build sandbox and without rights: what the file `job` in
 * DIRECTORY says. Each kind of build is a file of its own (import.c, single.c,
 * script.c). Its exit status is that of the script, else 1 when something has failed. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "fail.h"
#include "import.h"
#include "jobfile.h"
#include "script.h"
#include "single.h"

#define JOB_SIZE_MAX (256U * 1024U)

static int read_job(int dir, JobFile **ret, GError **error) {
        g_autofree char *text = NULL;
        struct stat st;
        size_t size;
        int r;

        if (fstat(dir, &st) < 0)
                return fail_errno(error, errno, "cannot look at the job directory");
        r = beneath_read_from(dir, "job", st.st_uid, JOB_SIZE_MAX, &text, &size);
        if (r < 0)
                return fail_errno(error, -r, "cannot read the job file");
        return jobfile_parse(text, size, ret, error);
}

/* A pipe that had a writer from the beginning. Not to be waited for: it may be gone already, with all that it wrote in the pipe. */
static int open_upload(int dir, GError **error) {
        _cleanup_fd_ int upload = -1;
        struct stat st;

        upload = beneath_open(dir, "upload", O_RDONLY | O_NONBLOCK);
        if (upload < 0)
                return fail_errno(error, -upload, "cannot open the upload");
        if (fcntl(upload, F_SETFL, 0) < 0)
                return fail_errno(error, errno, "cannot wait for the upload");
        if (fstat(upload, &st) < 0 || !(S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode)))
                return fail(error, EINVAL, "the upload is neither a pipe nor a file");
        return steal_fd(&upload);
}

static int do_job(
        const JobFile *job, const char *path, int dir, int overlay, int *ret_status, GError **error) {
        _cleanup_fd_ int upload = -1;

        if (job->operation == OPERATION_SCRIPT)
                return script_run(job, path, overlay, ret_status, error);

        if (job->operation == OPERATION_REMOVE_FILE)
                return remove_files(job, overlay, error);
        if (job->operation != OPERATION_IMPORT && job->operation != OPERATION_PUT_FILE)
                return fail(error, EINVAL, "Operation=%s is not for left4me-build",
                        operation_to_string(job->operation));

        upload = open_upload(dir, error);
        if (upload < 0)
                return upload;
        return job->operation == OPERATION_IMPORT ? import(job, upload, overlay, stdout, error)
                                                  : put_file(job, upload, overlay, stdout, error);
}

static int run(const char *path, int *ret_status, GError **error) {
        _cleanup_fd_ int dir = -1, overlay = -1;
        const char *tree = getenv("OVERLAY");
        g_autoptr(JobFile) job = NULL;
        int r;

        dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return fail_errno(error, errno, "cannot open %s", path);
        overlay = open(tree ? tree : "", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (overlay < 0)
                return fail_errno(error, errno, "cannot open the tree ($OVERLAY)");

        r = read_job(dir, &job, error);
        return r < 0 ? r : do_job(job, path, dir, overlay, ret_status, error);
}

int main(int argc, char *argv[]) {
        g_autoptr(GError) error = NULL;
        int status = EXIT_FAILURE;

        if (argc != 2) {
                (void) fprintf(stderr, "Usage: OVERLAY=TREE %s JOB-DIRECTORY\n", argv[0]);
                return EXIT_FAILURE;
        }

        (void) umask(0022);
        /* Names in archives are UTF-8; libarchive converts to the locale's. */
        (void) setlocale(LC_CTYPE, "C.UTF-8");
        /* A file beyond the unit's LimitFSIZE is an error to report, not a death. */
        (void) signal(SIGXFSZ, SIG_IGN);

        if (run(argv[1], &status, &error) < 0) {
                /* How a script ended says little without what it said itself: no error, which would be quoted alone. */
                say(g_error_matches(error, HELPER_ERROR, ECHILD) ? 4 : 3, "%s", error->message);
                return status;
        }
        return EXIT_SUCCESS;
}
