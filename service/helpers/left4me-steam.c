/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* left4me-steam DIRECTORY
 *
 * Builds an overlay of an app of Steam's with steamcmd, or fetches Workshop items with it, in the build sandbox: what the file `job` in DIRECTORY says, on the tree at
 * $OVERLAY, with the cache at $STEAM_CACHE. See steam.h. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "fail.h"
#include "steam.h"

#define JOB_SIZE_MAX (64U * 1024U)

static int read_order(const char *path, SteamOrder **ret, GError **error) {
        _cleanup_fd_ int dir = -1;
        g_autofree char *text = NULL;
        struct stat st;
        size_t size;
        int r;

        dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0 || fstat(dir, &st) < 0)
                return fail_errno(error, errno, "cannot open %s", path);

        r = beneath_read_from(dir, "job", st.st_uid, JOB_SIZE_MAX, &text, &size);
        if (r < 0)
                return fail_errno(error, -r, "cannot read the job file");
        return steam_order_parse(text, size, ret, error);
}

static int run(const char *path, GError **error) {
        const char *tree = getenv("OVERLAY"), *cache = getenv("STEAM_CACHE");
        g_autoptr(SteamOrder) order = NULL;
        int r;

        if (!cache || !g_path_is_absolute(cache))
                return fail(error, EINVAL, "$STEAM_CACHE is not the path of a directory");

        r = read_order(path, &order, error);
        if (r < 0)
                return r;
        if (!tree || !g_path_is_absolute(tree))
                return fail(error, EINVAL, "$OVERLAY is not the path of a directory");

        return steam_build(order, cache, tree, stdout, error);
}

int main(int argc, char *argv[]) {
        g_autoptr(GError) error = NULL;

        if (argc != 2) {
                (void) fprintf(
                        stderr, "Usage: OVERLAY=TREE STEAM_CACHE=DIRECTORY %s JOB-DIRECTORY\n", argv[0]);
                return EXIT_FAILURE;
        }

        (void) umask(0022);
        (void) setlocale(LC_CTYPE, "C.UTF-8");
        (void) signal(SIGXFSZ, SIG_IGN);
        (void) signal(SIGPIPE, SIG_IGN);
        /* steamcmd's orphans are ours to bury. */
        (void) prctl(PR_SET_CHILD_SUBREAPER, 1);

        if (run(argv[1], &error) < 0) {
                say(3, "%s", error->message);
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
