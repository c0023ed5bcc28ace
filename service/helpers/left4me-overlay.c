/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* left4me-overlay mount|unmount ID
 *
 * The only part of left4me that mounts. Runs as the user left4me with CAP_SYS_ADMIN and CAP_DAC_OVERRIDE
 * in the host's mount namespace, so everything that others wrote (the manager: stack, argv, server.cfg;
 * games: upper layers) is reached by descriptor, without symbolic links, and checked for whose it is. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fail.h"
#include "overlay.h"

int main(int argc, char *argv[]) {
        g_auto(Roots) roots = ROOTS_INIT;
        g_autoptr(GError) error = NULL;
        bool mount;
        int r;

        if (argc != 3 || (strcmp(argv[1], "mount") != 0 && strcmp(argv[1], "unmount") != 0)) {
                (void) fprintf(stderr, "Usage: %s mount|unmount server-NAME|build-N\n", argv[0]);
                return EXIT_FAILURE;
        }

        (void) umask(0022);
        mount = strcmp(argv[1], "mount") == 0;
        r = roots_open(STATE_DIR, RUN_DIR, &roots, &error);
        if (r >= 0)
                r = mount ? overlay_mount(&roots, argv[2], &error)
                          : overlay_unmount(&roots, argv[2], &error);
        if (r < 0) {
                say(3, "%s %s: %s", argv[1], argv[2], error->message);
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
