/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* start, stop, restart, cancel. */

#include "control.h"
#include "names.h"
#include "verbs.h"
#include "when-empty.h"

/* The words after the options, as servers: none with --all where there is none, NULL when help was asked for. */
static int parse(Cli *cli, char **words, WhenEmpty *w, char ***ret_names) {
        GOptionEntry entries[1 + WHEN_EMPTY_ENTRIES + 1] = { 0 };
        gboolean all = FALSE;

        entries[0] = (GOptionEntry){ "all", 'a', 0, G_OPTION_ARG_NONE, &all, "All servers that there are",
                NULL };
        if (w)
                when_empty_entries(w, entries + 1);

        if (!cli_parse(cli, entries, &words))
                return cli->code;

        if (w && !w->when_empty && (w->deadline || w->announce))
                return cli_usage(cli, "--deadline and --announce go with --when-empty");

        return names_expand(cli, words, all, ret_names);
}

static int control(Cli *cli, char **words, const ControlAction *action) {
        g_auto(GStrv) names = NULL;
        int r;

        r = parse(cli, words, NULL, &names);
        return r != EXIT_OK || !names || !*names ? r : control_run(cli, names, action);
}

/* Now, or when nobody plays. */
static int control_end(Cli *cli, char **words, gboolean restart, const ControlAction *now) {
        ControlAction later = { "StopWhenEmpty", restart ? "restarting" : "stopping",
                restart ? "restarts when it is empty" : "stops when it is empty", restart, NULL };
        g_autoptr(GVariant) arguments = NULL;
        g_auto(WhenEmpty) w = { 0 };
        g_auto(GStrv) names = NULL;
        int r;

        r = parse(cli, words, &w, &names);
        if (r != EXIT_OK || !names || !*names)
                return r;

        if (!w.when_empty)
                return control_run(cli, names, now);

        arguments = when_empty_build(cli, &w, restart);
        if (!arguments)
                return EXIT_USAGE;

        later.arguments = g_variant_ref_sink(arguments);
        return control_run(cli, names, &later);
}

int cmd_start(Cli *cli, char **words) {
        return control(cli, words, &(const ControlAction){ "Start", "starting", "started", TRUE, NULL });
}

int cmd_stop(Cli *cli, char **words) {
        return control_end(
                cli, words, FALSE, &(const ControlAction){ "Stop", "stopping", "stopped", FALSE, NULL });
}

int cmd_restart(Cli *cli, char **words) {
        return control_end(cli, words, TRUE,
                &(const ControlAction){ "Restart", "restarting", "restarted", TRUE, NULL });
}

int cmd_cancel(Cli *cli, char **words) {
        return control(cli, words,
                &(const ControlAction){
                        "CancelIntent", "cancelling", "goes on when it is empty", FALSE, NULL });
}
