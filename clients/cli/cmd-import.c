/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overlay import: an archive becomes the next version of an overlay. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbus/names.h"
#include "follow.h"
#include "format.h"
#include "inventory.h"
#include "props.h"
#include "verbs.h"

typedef struct {
        char *directory, *label;
        gint64 size;
        gboolean detach;
} Options;

/* Opens what is to be sent, and finds out how much that is (0: not known). */
static int open_source(Cli *cli, const char *file, int *ret_fd, uint64_t *ret_size) {
        struct stat st;
        off_t position;
        int fd;

        if (!g_str_equal(file, "-"))
                fd = open(file, O_RDONLY | O_CLOEXEC);
        else if (isatty(STDIN_FILENO))
                return cli_usage(cli, "standard input is the terminal; an archive is wanted there");
        else
                fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);

        if (fd < 0 || fstat(fd, &st) < 0)
                return cli_failed(cli, EXIT_FAILED, "%s: %s", file, g_strerror(errno));

        if (S_ISDIR(st.st_mode)) {
                (void) close(fd);
                return cli_failed(cli, EXIT_FAILED,
                        "%s is a directory; an archive is wanted (tar -c %s | left4mectl overlay import NAME -)",
                        file, file);
        }

        *ret_size = 0;
        if (S_ISREG(st.st_mode)) {
                position = lseek(fd, 0, SEEK_CUR);
                *ret_size = (uint64_t) MAX(st.st_size - MAX(position, 0), 0);
        }

        *ret_fd = fd;
        return EXIT_OK;
}

static GVariant *import_options(const Options *o, uint64_t size) {
        GVariantDict dict;

        g_variant_dict_init(&dict, NULL);
        if (size > 0)
                g_variant_dict_insert(&dict, "Size", "t", size);
        if (o->directory)
                g_variant_dict_insert(&dict, "Directory", "s", o->directory);
        if (o->label)
                g_variant_dict_insert(&dict, "Label", "s", o->label);

        return g_variant_dict_end(&dict);
}

/* "l4d2: version 1 is current, 2.4G in 3214 files". */
static int show_version(Cli *cli, const char *name, const char *path) {
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

static int follow_import(Cli *cli, const char *name, const char *path, const char *job, int source, int pipe,
        uint64_t size, gboolean detach) {
        g_autoptr(Follow) follow = follow_new(cli);
        g_autofree char *number = client_path_name(LEFT4ME_JOB_PREFIX, job);
        int r;

        follow_add(follow, job, NULL);
        follow_upload(follow, source, pipe, size, detach);
        r = follow_run(follow);

        if (cli->json)
                follow_print_json(follow, FALSE);
        else if (follow_left(follow))
                terminal_printf(&cli->out, "job %s\n", number);
        else if (r == EXIT_OK && !cli->quiet)
                r = show_version(cli, name, path);

        return r;
}

static int import(Cli *cli, const char *name, const char *file, const Options *o) {
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, name);
        ClientCall call = {
                .path = path,
                .interface = LEFT4ME_OVERLAY_INTERFACE,
                .method = "Import",
                .reply = "(oh)",
                .interactive = TRUE,
        };
        int source = -1, pipe = -1, r;
        uint64_t size = 0;
        const char *job;

        r = open_source(cli, file, &source, &size);
        if (r != EXIT_OK)
                return r;

        if (o->size > 0)
                size = (uint64_t) o->size;

        call.arguments = g_variant_new("(@a{sv})", import_options(o, size));
        reply = cli_call_fd(cli, &call, 1, &pipe, &error);
        if (reply) {
                g_variant_get_child(reply, 0, "&o", &job);
                r = follow_import(cli, name, path, job, source, pipe, size, o->detach);
        } else
                r = cli_error_about(cli, error, LEFT4ME_OVERLAY_PREFIX, name);

        (void) close(source);
        return r;
}

int cmd_overlay_import(Cli *cli, char **words) {
        g_autofree char *directory = NULL, *label = NULL;
        Options o = { 0 };
        const GOptionEntry entries[] = {
                { "directory", 'd', 0, G_OPTION_ARG_STRING, &o.directory,
                        "Where in the overlay to unpack it", "DIRECTORY" },
                { "label", 'l', 0, G_OPTION_ARG_STRING, &o.label, "What to remember of this version",
                        "TEXT" },
                { "size", 0, 0, G_OPTION_ARG_INT64, &o.size, "How much comes on standard input", "BYTES" },
                { "detach", 0, 0, G_OPTION_ARG_NONE, &o.detach, "Print the job and do not wait for its end",
                        NULL },
                { NULL },
        };
        gboolean parsed;

        parsed = cli_parse(cli, entries, &words);
        directory = o.directory;
        label = o.label;
        if (!parsed)
                return cli->code;

        return import(cli, words[0], words[1], &o);
}
