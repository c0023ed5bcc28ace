/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* left4me-workshop DIRECTORY
 *
 * Builds an overlay of Workshop items, in the build sandbox: what the files `job` and `items` in DIRECTORY say, on the tree at $OVERLAY, with the
 * cache at $WORKSHOP_CACHE. See workshop.h. */
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
#include "protocol/workshop.h"
#include "workshop.h"

#define JOB_SIZE_MAX (256U * 1024U)

static int read_order(int dir, WorkshopOrder **ret, GError **error) {
        g_autofree char *job = NULL, *items = NULL;
        size_t job_size, items_size;
        struct stat st;
        int r;

        if (fstat(dir, &st) < 0)
                return fail_errno(error, errno, "cannot look at the job directory");
        r = beneath_read_from(dir, "job", st.st_uid, JOB_SIZE_MAX, &job, &job_size);
        if (r >= 0)
                r = beneath_read_from(dir, "items", st.st_uid, ORDER_SIZE_MAX, &items, &items_size);
        if (r < 0)
                return fail_errno(error, -r, "cannot read the files of the job");
        return workshop_order_parse(job, job_size, items, items_size, ret, error);
}

static int open_directory(const char *variable, GError **error) {
        const char *path = getenv(variable);
        int fd;

        fd = open(path ? path : "", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? fail_errno(error, errno, "cannot open the directory in $%s", variable) : fd;
}

static int run(const char *path, GError **error) {
        _cleanup_fd_ int dir = -1, overlay = -1, cache = -1;
        g_autoptr(WorkshopOrder) order = NULL;
        int r;

        dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return fail_errno(error, errno, "cannot open %s", path);
        overlay = open_directory("OVERLAY", error);
        if (overlay < 0)
                return overlay;
        cache = open_directory("WORKSHOP_CACHE", error);
        if (cache < 0)
                return cache;

        r = read_order(dir, &order, error);
        return r < 0 ? r : workshop_build(order, cache, overlay, stdout, error);
}

int main(int argc, char *argv[]) {
        g_autoptr(GError) error = NULL;
        int r;

        if (argc != 2) {
                (void) fprintf(
                        stderr, "Usage: OVERLAY=TREE WORKSHOP_CACHE=DIRECTORY %s JOB-DIRECTORY\n", argv[0]);
                return EXIT_FAILURE;
        }

        (void) umask(0022);
        (void) setlocale(LC_CTYPE, "C.UTF-8");
        /* A file beyond the unit's LimitFSIZE and a connection that is gone are errors to report, not deaths. */
        (void) signal(SIGXFSZ, SIG_IGN);
        (void) signal(SIGPIPE, SIG_IGN);

        r = run(argv[1], &error);
        if (r < 0) {
                say(3, "%s", error->message);
                return EXIT_FAILURE;
        }
        return r > 0 ? WORKSHOP_WISHES_STATUS : EXIT_SUCCESS;
}
