/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* logs and job logs. */

#include "dbus/names.h"
#include "logview.h"
#include "names.h"
#include "verbs.h"

#define LOG_ENTRIES 8

static void log_entries(LogOptions *o, GOptionEntry *ret_entries) {
        const GOptionEntry entries[LOG_ENTRIES] = {
                { "lines", 'n', 0, G_OPTION_ARG_INT, &o->lines, "The last so many lines (default 100)",
                        "NUMBER" },
                { "follow", 'f', 0, G_OPTION_ARG_NONE, &o->follow, "Go on with what is logged from now on",
                        NULL },
                { "since", 'S', 0, G_OPTION_ARG_STRING, &o->since, "Not older: \"10 min ago\", \"13:05\"",
                        "TIME" },
                { "until", 'U', 0, G_OPTION_ARG_STRING, &o->until, "Not newer", "TIME" },
                { "cursor", 0, 0, G_OPTION_ARG_STRING, &o->cursor, "Begin with this entry", "CURSOR" },
                { "after-cursor", 0, 0, G_OPTION_ARG_STRING, &o->after_cursor, "Begin after this entry",
                        "CURSOR" },
                { "show-cursor", 0, 0, G_OPTION_ARG_NONE, &o->show_cursor,
                        "Tell the cursor of the last entry", NULL },
                { NULL },
        };
        unsigned i;

        for (i = 0; i < LOG_ENTRIES; i++)
                ret_entries[i] = entries[i];
}

static void log_options_clear(LogOptions *o) {
        g_free(o->since);
        g_free(o->until);
        g_free(o->cursor);
        g_free(o->after_cursor);
}

int cmd_logs(Cli *cli, char **words) {
        LogOptions o = { .lines = -1 };
        GOptionEntry entries[LOG_ENTRIES];
        g_autofree char *path = NULL;
        int r;

        log_entries(&o, entries);
        if (cli_parse(cli, entries, &words)) {
                path = client_path(LEFT4ME_INSTANCE_PREFIX, words[0]);
                r = log_show(cli, path, LEFT4ME_INSTANCE_INTERFACE, &o);
        } else
                r = cli->code;

        log_options_clear(&o);
        return r;
}

int cmd_job_logs(Cli *cli, char **words) {
        LogOptions o = { .lines = -1 };
        GOptionEntry entries[LOG_ENTRIES];
        g_autofree char *path = NULL;
        unsigned number;
        int r;

        log_entries(&o, entries);
        if (cli_parse(cli, entries, &words)) {
                r = names_job(cli, words[0], &number);
                if (r == EXIT_OK) {
                        path = client_job_path(number);
                        r = log_show(cli, path, LEFT4ME_JOB_INTERFACE, &o);
                }
        } else
                r = cli->code;

        log_options_clear(&o);
        return r;
}
