/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* start, stop, restart. */

#include "control.h"
#include "names.h"
#include "verbs.h"

static int parse_and_control(Cli *cli, char **words, const ControlAction *action) {
        gboolean all = FALSE;
        const GOptionEntry entries[] = {
                { "all", 'a', 0, G_OPTION_ARG_NONE, &all, "All servers that there are", NULL },
                { NULL },
        };
        g_auto(GStrv) names = NULL;
        int r;

        if (!cli_parse(cli, entries, &words))
                return cli->code;

        r = names_expand(cli, words, all, &names);
        if (r != EXIT_OK)
                return r;

        if (!*names)
                return EXIT_OK;

        return control_run(cli, names, action);
}

int cmd_start(Cli *cli, char **words) {
        return parse_and_control(cli, words, &(const ControlAction){ "Start", "starting", "started", TRUE });
}

int cmd_stop(Cli *cli, char **words) {
        return parse_and_control(cli, words, &(const ControlAction){ "Stop", "stopping", "stopped", FALSE });
}

int cmd_restart(Cli *cli, char **words) {
        return parse_and_control(
                cli, words, &(const ControlAction){ "Restart", "restarting", "restarted", TRUE });
}
