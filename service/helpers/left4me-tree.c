/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* left4me-tree N
 *
 * Moves, links and removes trees below /var/lib/left4me for job N: commits builds, resets upper layers,
 * removes old versions. Runs as the user left4me, without rights, alone on what it works on: the manager
 * starts it when nothing of the build or server lives. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fail.h"
#include "tree.h"

int main(int argc, char *argv[]) {
        g_auto(Roots) roots = ROOTS_INIT;
        g_autoptr(GError) error = NULL;
        int r;

        if (argc != 2) {
                (void) fprintf(stderr, "Usage: %s JOB\n", argv[0]);
                return EXIT_FAILURE;
        }

        (void) umask(0022);
        r = roots_open(STATE_DIR, RUN_DIR, &roots, &error);
        if (r >= 0)
                r = tree_run(&roots, argv[1], &error);
        if (r < 0) {
                say(3, "%s", error->message);
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
