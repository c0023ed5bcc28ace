/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* left4mectl rename, overlay rename. */
#include "dbus/names.h"
#include "json.h"
#include "names.h"
#include "verbs.h"

static int rename_object(Cli *cli, char **words, const char *prefix, const char *interface) {
        g_autoptr(GVariant) reply = NULL;
        g_autofree char *path = NULL;
        g_autoptr(GError) error = NULL;
        JsonObject *object;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        path = client_path(prefix, words[0]);
        reply = cli_call(cli,
                &(const ClientCall){
                        .path = path,
                        .interface = interface,
                        .method = "Rename",
                        .arguments = g_variant_new("(s)", words[1]),
                        .reply = "(o)",
                        .interactive = TRUE,
                },
                &error);
        if (!reply)
                return cli_error_about(cli, error, prefix, words[0]);

        if (cli->json) {
                object = json_object_new();
                json_object_set_string_member(object, "name", words[1]);
                json_object_set_string_member(object, "old_name", words[0]);
                json_print(cli, json_node_object(object));
        } else if (!cli->quiet)
                terminal_printf(&cli->out, "%s is now %s\n", words[0], words[1]);

        return EXIT_OK;
}

int cmd_rename(Cli *cli, char **words) {
        return rename_object(cli, words, LEFT4ME_INSTANCE_PREFIX, LEFT4ME_INSTANCE_INTERFACE);
}

int cmd_overlay_rename(Cli *cli, char **words) {
        return rename_object(cli, words, LEFT4ME_OVERLAY_PREFIX, LEFT4ME_OVERLAY_INTERFACE);
}
