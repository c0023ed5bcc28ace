/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>

#include "service/log.h"
#include "service/manager.h"
#include "service/network-remove.h"

/* Where the daemon reads and writes; for tests and development only, systemd starts it without. */
typedef struct Options {
        const char *root;
        const char *config;
        bool remove_network;
} Options;

static const char help[] =
        "left4med [OPTION...]\n\n"
        "The left4me service, org.left4me.Manager1 on the system bus. systemd starts it.\n\n"
        "  --root DIR     below which /var/lib/left4me, /run/left4me and /etc/left4me lie\n"
        "  --config FILE  instead of /etc/left4me/left4me.conf\n"
        "  --remove-network  takes off the host's network what left4med has put there, and ends\n"
        "  --version      shows the version\n"
        "  --help         shows this\n";

/* 1: go on; 0: end well; < 0: end badly. */
static int parse_options(int argc, char **argv, Options *ret) {
        *ret = (Options){ .root = "" };

        for (int k = 1; k < argc; k++) {
                if (strcmp(argv[k], "--help") == 0)
                        return fputs(help, stdout) < 0 ? -EIO : 0;
                if (strcmp(argv[k], "--version") == 0)
                        return puts("left4med " LEFT4ME_VERSION) < 0 ? -EIO : 0;

                if (strcmp(argv[k], "--root") == 0 && k + 1 < argc)
                        ret->root = argv[++k];
                else if (strcmp(argv[k], "--config") == 0 && k + 1 < argc)
                        ret->config = argv[++k];
                else if (strcmp(argv[k], "--remove-network") == 0)
                        ret->remove_network = true;
                else {
                        (void) fprintf(
                                stderr, "left4med: unknown option '%s', see left4med --help\n", argv[k]);
                        return -EPERM;
                }
        }

        return 1;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int run(const Options *options) {
        g_autoptr(Manager) m = NULL;
        int r;

        r = manager_new(options->root, options->config, &m);
        if (r < 0)
                return r;

        r = sd_event_add_signal(m->event, NULL, SIGTERM | SD_EVENT_SIGNAL_PROCMASK, on_signal, m);
        if (r >= 0)
                r = sd_event_add_signal(m->event, NULL, SIGINT | SD_EVENT_SIGNAL_PROCMASK, on_signal, m);
        if (r >= 0)
                r = sd_event_set_watchdog(m->event, true);
        if (r >= 0)
                r = manager_start(m);
        if (r < 0)
                return r;

        r = sd_event_loop(m->event);
        (void) sd_notify(false, "STOPPING=1");
        return r;
}

int main(int argc, char **argv) {
        Options options;
        int r;

        (void) umask(0027);
        /* A reader of a log that goes away is no reason to end. */
        (void) signal(SIGPIPE, SIG_IGN);

        r = parse_options(argc, argv, &options);
        if (r > 0)
                r = options.remove_network ? network_remove(options.root) : run(&options);

        /* What a restart would not cure: the unit tells systemd to leave it (RestartPreventExitStatus=). */
        if (r == -EINVAL || r == -EUCLEAN)
                return EX_CONFIG;
        /* sd-bus ends the loop with 1 when the bus is gone: systemd is to start us again. */
        return r != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
