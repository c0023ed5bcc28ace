/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* files, cat and get: what a server sees, and where it comes from. */

#include <unistd.h>

#include "dbus/names.h"
#include "fetch.h"
#include "files.h"
#include "verbs.h"

int cmd_files(Cli *cli, char **words) {
        FilesOptions o = { .instance = TRUE };
        const GOptionEntry entries[] = {
                { "layers", 0, 0, G_OPTION_ARG_NONE, &o.layers,
                        "All that its layers have, and what hides what", NULL },
                { "recursive", 'R', 0, G_OPTION_ARG_NONE, &o.recursive, "What is in directories, too",
                        NULL },
                { NULL },
        };

        if (!cli_parse(cli, entries, &words))
                return cli->code;

        return files_show(cli, words[0], words[1] ? words[1] : "", &o);
}

/* Returns EXIT_OK with the file, open. */
static int open_file(Cli *cli, const char *name, const char *path, const char *layer, int *ret_fd) {
        static const FilesOptions o = { .instance = TRUE };
        g_autofree char *object = client_path(LEFT4ME_INSTANCE_PREFIX, name);
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        reply = cli_call_fd(cli,
                &(const ClientCall){
                        .path = object,
                        .interface = LEFT4ME_INSTANCE_INTERFACE,
                        .method = "OpenFile",
                        .arguments = g_variant_new("(ss)", path, layer ? layer : ""),
                        .reply = "(h)",
                        .interactive = TRUE,
                },
                0, ret_fd, &error);
        if (!reply)
                return files_error(cli, error, name, &o, path);

        return EXIT_OK;
}

int cmd_cat(Cli *cli, char **words) {
        g_autofree char *layer = NULL, *path = NULL;
        const GOptionEntry entries[] = {
                { "layer", 0, 0, G_OPTION_ARG_STRING, &layer, "That layer's file, seen or not", "LAYER" },
                { NULL },
        };
        int fd, r;

        if (!cli_parse(cli, entries, &words))
                return cli->code;
        if (cli->json)
                return cli_usage(cli, "cat prints the file as it is; there is no JSON of it");

        path = files_clean_path(words[1]);
        r = open_file(cli, words[0], path, layer, &fd);
        if (r != EXIT_OK)
                return r;

        r = fetch_print(cli, fd);
        (void) close(fd);
        return r;
}

int cmd_get(Cli *cli, char **words) {
        g_autofree char *layer = NULL, *path = NULL;
        gboolean force = FALSE;
        const GOptionEntry entries[] = {
                { "layer", 0, 0, G_OPTION_ARG_STRING, &layer, "That layer's file, seen or not", "LAYER" },
                { "force", 'f', 0, G_OPTION_ARG_NONE, &force, "Overwrite the file here", NULL },
                { NULL },
        };
        int fd, r;

        if (!cli_parse(cli, entries, &words))
                return cli->code;

        path = files_clean_path(words[1]);
        r = open_file(cli, words[0], path, layer, &fd);
        if (r != EXIT_OK)
                return r;

        r = fetch_save(cli, fd, path, words[2], force);
        (void) close(fd);
        return r;
}
