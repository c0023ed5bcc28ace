/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overlay app: which app of Steam's an overlay holds, and of which branch. */

#include "dbus/names.h"
#include "json.h"
#include "verbs.h"

#define PUBLIC_BRANCH "public"

int cmd_overlay_app(Cli *cli, char **words) {
        g_autofree char *path = NULL;
        guint64 app;
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;
        if (!g_ascii_string_to_unsigned(words[1], 10, 1, G_MAXUINT32, &app, NULL))
                return cli_usage(
                        cli, "%s is not the id of an app: a number such as 222860 is wanted", words[1]);

        path = client_path(LEFT4ME_OVERLAY_PREFIX, words[0]);
        r = cli_run_call(cli,
                &(const ClientCall){
                        .path = path,
                        .interface = LEFT4ME_OVERLAY_INTERFACE,
                        .method = "SetApp",
                        .arguments = g_variant_new(
                                "(us)", (guint32) app, words[2] ? words[2] : PUBLIC_BRANCH),
                        .interactive = TRUE,
                },
                LEFT4ME_OVERLAY_PREFIX, words[0]);
        if (r == EXIT_OK && cli->json) {
                JsonObject *object = json_object_new();

                json_object_set_string_member(object, "name", words[0]);
                json_object_set_int_member(object, "app", (gint64) app);
                json_object_set_string_member(object, "branch", words[2] ? words[2] : PUBLIC_BRANCH);
                json_print(cli, json_node_object(object));
        } else if (r == EXIT_OK && !cli->quiet)
                terminal_printf(&cli->out,
                        "%s holds app %u, branch %s; build it: left4mectl overlay build %s\n", words[0],
                        (unsigned) app, words[2] ? words[2] : PUBLIC_BRANCH, words[0]);
        return r;
}
