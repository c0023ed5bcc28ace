/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overlay import: an archive becomes the next version of an overlay. */

#include <unistd.h>

#include "build.h"
#include "dbus/names.h"
#include "verbs.h"

typedef struct {
        char *directory, *label;
        gint64 size;
        gboolean detach;
} Options;

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

        r = build_open_source(cli, file, "an archive", &source, &size);
        if (r != EXIT_OK)
                return r;

        if (o->size > 0)
                size = (uint64_t) o->size;

        call.arguments = g_variant_new("(@a{sv})", import_options(o, size));
        reply = cli_call_fd(cli, &call, 1, &pipe, &error);
        if (reply) {
                g_variant_get_child(reply, 0, "&o", &job);
                r = build_follow(cli, &(const Build){ name, job, source, pipe, size, o->detach });
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
