/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* left4me-cpus apply LIST | settle
 *
 * Divides the CPUs of the host between the system and the games, through systemd. The one program of left4me that runs as root: its
 * word is a list of CPUs or "clear", it opens one folder of its own and the bus, and follows no path of anybody's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cpus.h"
#include "fail.h"

int main(int argc, char *argv[]) {
        g_autoptr(GError) error = NULL;
        const char *root = "";
        int r;

        /* For tests and development only; the unit starts it without. */
        if (argc > 2 && strcmp(argv[1], "--root") == 0) {
                root = argv[2];
                argv += 2;
                argc -= 2;
        }

        (void) umask(0077);
        if (argc == 3 && strcmp(argv[1], "apply") == 0)
                r = cpus_apply(root, argv[2], &error);
        else if (argc == 2 && strcmp(argv[1], "settle") == 0)
                r = cpus_settle(root, &error);
        else {
                (void) fprintf(stderr, "Usage: left4me-cpus apply LIST|clear\n       left4me-cpus settle\n");
                return EXIT_FAILURE;
        }

        if (r < 0) {
                say(3, "%s", error->message);
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
