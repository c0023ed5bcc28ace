/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* freeze: what a server wrote becomes an overlay. */

#include "build.h"
#include "dbus/names.h"
#include "verbs.h"

int cmd_freeze(Cli *cli, char **words) {
        gboolean everything = FALSE, detach = FALSE;
        const GOptionEntry entries[] = {
                { "everything", 0, 0, G_OPTION_ARG_NONE, &everything, "Also logs, caches and dumps", NULL },
                { "detach", 0, 0, G_OPTION_ARG_NONE, &detach, "Print the job and do not wait for its end",
                        NULL },
                { NULL },
        };
        g_autofree char *path = NULL;
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        GVariantDict options;
        const char *job;

        if (!cli_parse(cli, entries, &words))
                return cli->code;

        path = client_path(LEFT4ME_INSTANCE_PREFIX, words[0]);
        g_variant_dict_init(&options, NULL);
        g_variant_dict_insert(&options, "Everything", "b", everything);
        reply = cli_call(cli,
                &(const ClientCall){
                        .path = path,
                        .interface = LEFT4ME_INSTANCE_INTERFACE,
                        .method = "Freeze",
                        .arguments = g_variant_new("(s@a{sv})", words[1], g_variant_dict_end(&options)),
                        .reply = "(o)",
                        .interactive = TRUE,
                },
                &error);
        if (!reply)
                return cli_error_about(cli, error, LEFT4ME_INSTANCE_PREFIX, words[0]);

        g_variant_get(reply, "(&o)", &job);
        return build_follow(cli, &(const Build){ words[1], job, -1, -1, 0, detach });
}
