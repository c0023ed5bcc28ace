/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"
#include "dbus/names.h"
#include "follow.h"
#include "format.h"
#include "inventory.h"
#include "props.h"

/* Opens what is to be sent, and finds out how much that is (0: not known). */
int build_open_source(Cli *cli, const char *file, const char *wanted, int *ret_fd, uint64_t *ret_size) {
        struct stat st;
        off_t position;
        int fd;

        if (!g_str_equal(file, "-"))
                fd = open(file, O_RDONLY | O_CLOEXEC);
        else if (isatty(STDIN_FILENO))
                return cli_usage(cli, "standard input is the terminal; %s is wanted there", wanted);
        else
                fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);

        if (fd < 0 || fstat(fd, &st) < 0)
                return cli_failed(cli, EXIT_FAILED, "%s: %s", file, g_strerror(errno));

        if (S_ISDIR(st.st_mode)) {
                (void) close(fd);
                return cli_failed(cli, EXIT_FAILED,
                        "%s is a directory; %s is wanted (tar -c %s | left4mectl overlay import NAME -)",
                        file, wanted, file);
        }

        *ret_size = 0;
        if (S_ISREG(st.st_mode)) {
                position = lseek(fd, 0, SEEK_CUR);
                *ret_size = (uint64_t) MAX(st.st_size - MAX(position, 0), 0);
        }

        *ret_fd = fd;
        return EXIT_OK;
}

/* "l4d2: version 1 is current, 2.4G in 3214 files". */
static int show_current(Cli *cli, const char *name, const char *path) {
        g_autoptr(GVariant) properties = NULL;
        g_autoptr(GVariantIter) versions = NULL;
        g_autoptr(GError) error = NULL;
        guint32 current, number;
        guint64 created, size, files;
        const char *label;

        properties = inventory_get_all(cli, path, LEFT4ME_OVERLAY_INTERFACE, &error);
        if (!properties)
                return cli_error(cli, error);

        current = (guint32) props_uint(properties, "Current");
        if (!g_variant_lookup(properties, "Versions", "a(uttts)", &versions))
                return EXIT_OK;

        while (g_variant_iter_next(versions, "(uttt&s)", &number, &created, &size, &files, &label))
                if (number == current) {
                        g_autofree char *bytes = format_bytes(size);

                        terminal_printf(&cli->out,
                                "%s: version %u is current, %s in %" G_GUINT64_FORMAT " file%s\n", name,
                                current, bytes, files, files == 1 ? "" : "s");
                }

        return EXIT_OK;
}

/* What a freeze could not keep stands behind what it made. */
static void show_losses(Cli *cli, const Build *b, const char *message) {
        g_autofree char *number = client_path_name(LEFT4ME_JOB_PREFIX, b->job);
        const char *losses = strstr(message, "; ");

        if (!losses)
                return;

        terminal_printf(&cli->out, "%s: %s (see left4mectl job logs %s)\n", b->overlay, losses + 2, number);
}

/* The job knows best that there is nothing new. */
static int show_outcome(Cli *cli, const Build *b) {
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, b->overlay);
        g_autoptr(GVariant) properties = inventory_get_all(cli, b->job, LEFT4ME_JOB_INTERFACE, NULL);
        const char *message = properties ? props_string(properties, "Message") : "";

        if (!g_str_has_prefix(message, "nothing changed")) {
                int r = show_current(cli, b->overlay, path);

                if (properties && g_str_has_prefix(props_string(properties, "Kind"), "freeze"))
                        show_losses(cli, b, message);
                return r;
        }

        terminal_printf(&cli->out, "%s: %s\n", b->overlay, message);
        return EXIT_OK;
}

int build_follow(Cli *cli, const Build *b) {
        g_autoptr(Follow) follow = follow_new(cli);
        g_autofree char *number = client_path_name(LEFT4ME_JOB_PREFIX, b->job);
        int r;

        follow_add(follow, b->job, NULL);
        if (b->pipe < 0 && b->detach)
                follow_detach(follow);
        else if (b->pipe >= 0)
                follow_upload(follow, b->source, b->pipe, b->size, b->detach);
        r = follow_run(follow);

        if (cli->json)
                follow_print_json(follow, FALSE);
        else if (follow_left(follow))
                terminal_printf(&cli->out, "job %s\n", number);
        else if (r == EXIT_OK && !cli->quiet)
                r = show_outcome(cli, b);

        return r;
}

/* Puts what the descriptor gives as one file. executable -1: as the file that is there. */
int build_put(Cli *cli, const char *overlay, const char *path, const char *label, int executable, int source,
        uint64_t size) {
        g_autofree char *object = client_path(LEFT4ME_OVERLAY_PREFIX, overlay);
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        GVariantDict options;
        const char *job;
        int pipe = -1;

        g_variant_dict_init(&options, NULL);
        if (size > 0)
                g_variant_dict_insert(&options, "Size", "t", size);
        if (label)
                g_variant_dict_insert(&options, "Label", "s", label);
        if (executable >= 0)
                g_variant_dict_insert(&options, "Executable", "b", executable);

        reply = cli_call_fd(cli,
                &(const ClientCall){
                        .path = object,
                        .interface = LEFT4ME_OVERLAY_INTERFACE,
                        .method = "PutFile",
                        .arguments = g_variant_new("(s@a{sv})", path, g_variant_dict_end(&options)),
                        .reply = "(oh)",
                        .interactive = TRUE,
                },
                1, &pipe, &error);
        if (!reply)
                return cli_error_about(cli, error, LEFT4ME_OVERLAY_PREFIX, overlay);

        g_variant_get_child(reply, 0, "&o", &job);
        return build_follow(cli, &(const Build){ overlay, job, source, pipe, size, FALSE });
}
