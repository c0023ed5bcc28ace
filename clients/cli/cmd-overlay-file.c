/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overlay put, get, cat and rm: single files of an overlay. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "ask.h"
#include "build.h"
#include "common/io.h"
#include "dbus/names.h"
#include "fetch.h"
#include "files.h"
#include "overlayfile.h"
#include "verbs.h"

#define BUFFER_SIZE (64U * 1024U)

int overlay_file_open(
        Cli *cli, const char *overlay, const char *path, guint32 version, gboolean quiet, int *ret_fd) {
        static const FilesOptions o = { 0 };
        g_autofree char *object = client_path(LEFT4ME_OVERLAY_PREFIX, overlay), *name = NULL;
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        reply = cli_call_fd(cli,
                &(const ClientCall){
                        .path = object,
                        .interface = LEFT4ME_OVERLAY_INTERFACE,
                        .method = "OpenFile",
                        .arguments = g_variant_new("(su)", path, version),
                        .reply = "(h)",
                        .interactive = TRUE,
                },
                0, ret_fd, &error);
        if (reply)
                return EXIT_OK;

        name = client_error_name(error);
        if (quiet && (g_str_equal(name, LEFT4ME_ERROR_NO_SUCH_FILE) ||
                             g_str_equal(name, LEFT4ME_ERROR_NO_SUCH_VERSION)))
                return EXIT_NO_SUCH;
        return files_error(cli, error, overlay, &o, path);
}

static int open_version(Cli *cli, char **words, int version, char **ret_path, int *ret_fd) {
        if (version < 0)
                return cli_usage(cli, "--version %d: versions count from 1", version);

        *ret_path = files_clean_path(words[1]);
        return overlay_file_open(cli, words[0], *ret_path, (guint32) version, FALSE, ret_fd);
}

int cmd_overlay_cat(Cli *cli, char **words) {
        g_autofree char *path = NULL;
        int version = 0, fd, r;
        const GOptionEntry entries[] = {
                { "version", 0, 0, G_OPTION_ARG_INT, &version, "Of that version (default: the current one)",
                        "NUMBER" },
                { NULL },
        };

        if (!cli_parse(cli, entries, &words))
                return cli->code;
        if (cli->json)
                return cli_usage(cli, "cat prints the file as it is; there is no JSON of it");

        r = open_version(cli, words, version, &path, &fd);
        if (r != EXIT_OK)
                return r;

        r = fetch_print(cli, fd);
        (void) close(fd);
        return r;
}

int cmd_overlay_get(Cli *cli, char **words) {
        g_autofree char *path = NULL;
        gboolean force = FALSE;
        int version = 0, fd, r;
        const GOptionEntry entries[] = {
                { "version", 0, 0, G_OPTION_ARG_INT, &version, "Of that version (default: the current one)",
                        "NUMBER" },
                { "force", 'f', 0, G_OPTION_ARG_NONE, &force, "Overwrite the file here", NULL },
                { NULL },
        };

        if (!cli_parse(cli, entries, &words))
                return cli->code;

        r = open_version(cli, words, version, &path, &fd);
        if (r != EXIT_OK)
                return r;

        r = fetch_save(cli, fd, path, words[2], force);
        (void) close(fd);
        return r;
}

/* Takes in all that comes, so that its size can be announced: only then a file that is cut off on its way is noticed. */
static int spool(Cli *cli, int fd, int *ret_fd, uint64_t *ret_size) {
        g_autofree char *buffer = g_malloc(BUFFER_SIZE), *name = NULL;
        int temporary;
        ssize_t n;

        temporary = g_file_open_tmp("left4mectl-XXXXXX", &name, NULL);
        if (temporary < 0)
                return cli_failed(cli, EXIT_FAILED, "cannot make a temporary file: %s", g_strerror(errno));
        (void) unlink(name);

        *ret_size = 0;
        while ((n = read(fd, buffer, BUFFER_SIZE)) > 0) {
                if (write_all(temporary, buffer, (size_t) n) < 0)
                        break;
                *ret_size += (uint64_t) n;
        }
        if (n != 0 || lseek(temporary, 0, SEEK_SET) < 0) {
                (void) close(temporary);
                return cli_failed(cli, EXIT_FAILED, "cannot read what is to be put: %s", g_strerror(errno));
        }

        *ret_fd = temporary;
        return EXIT_OK;
}

int cmd_overlay_put(Cli *cli, char **words) {
        g_autofree char *label = NULL, *path = NULL;
        gboolean executable = FALSE;
        const GOptionEntry entries[] = {
                { "label", 'l', 0, G_OPTION_ARG_STRING, &label, "What to remember of this version", "TEXT" },
                { "executable", 'x', 0, G_OPTION_ARG_NONE, &executable, "The file may be executed", NULL },
                { NULL },
        };
        uint64_t size = 0;
        int source, r;

        if (!cli_parse(cli, entries, &words))
                return cli->code;

        r = build_open_source(cli, words[2] ? words[2] : "-", "a file", &source, &size);
        if (r != EXIT_OK)
                return r;

        if (size == 0) {
                int whole = -1;

                r = spool(cli, source, &whole, &size);
                (void) close(source);
                source = whole;
        }
        if (r != EXIT_OK)
                return r;

        path = files_clean_path(words[1]);
        r = build_put(cli, words[0], path, label, executable ? 1 : -1, source, size);
        (void) close(source);
        return r;
}

int cmd_overlay_rm(Cli *cli, char **words) {
        g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *question = NULL, *list = NULL, *object = NULL;
        static const FilesOptions o = { 0 };
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        const char *job;
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        list = g_strjoinv(", ", words + 1);
        question = g_strdup_printf(
                "Removing %s from %s; older versions have it as long as they are kept.", list, words[0]);
        r = ask_before_loss(cli, question);
        if (r != EXIT_OK)
                return r;

        for (char **word = words + 1; *word; word++)
                g_ptr_array_add(paths, files_clean_path(*word));
        object = client_path(LEFT4ME_OVERLAY_PREFIX, words[0]);
        reply = cli_call(cli,
                &(const ClientCall){
                        .path = object,
                        .interface = LEFT4ME_OVERLAY_INTERFACE,
                        .method = "RemoveFiles",
                        .arguments = g_variant_new("(@as)",
                                g_variant_new_strv((const char *const *) paths->pdata, (gssize) paths->len)),
                        .reply = "(o)",
                        .interactive = TRUE,
                },
                &error);
        if (!reply)
                return files_error(cli, error, words[0], &o, words[2] ? "" : words[1]);

        g_variant_get(reply, "(&o)", &job);
        return build_follow(cli, &(const Build){ words[0], job, -1, -1, 0, FALSE });
}
