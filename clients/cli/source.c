/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source of a script overlay: overlay source, and overlay edit without a path. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "build.h"
#include "dbus/names.h"
#include "json.h"
#include "source.h"
#include "textedit.h"
#include "verbs.h"

#define SOURCE_SIZE_MAX (256U * 1024U)

/* What the editor of a new script begins with. */
static const char template[] =
        "#!/bin/bash\n"
        "# Builds an overlay: what it leaves in $OVERLAY, where it starts, is the next version of it. It begins with\n"
        "# the current version. It reaches public addresses only; all else that it writes is gone at its end.\n"
        "# \"@progress 42 text\" on standard output shows how far it is. See left4mectl(1).\n"
        "set -euo pipefail\n"
        "\n";

static int get_source(Cli *cli, const char *overlay, char **ret) {
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, overlay);
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        reply = cli_call(cli,
                &(const ClientCall){
                        .path = path,
                        .interface = LEFT4ME_OVERLAY_INTERFACE,
                        .method = "GetSource",
                        .reply = "(s)",
                        .interactive = TRUE,
                },
                &error);
        if (!reply)
                return cli_error_about(cli, error, LEFT4ME_OVERLAY_PREFIX, overlay);

        g_variant_get(reply, "(s)", ret);
        return EXIT_OK;
}

static int check_text(Cli *cli, const char *where, const char *text, gsize size) {
        if (memchr(text, '\0', size) || !g_utf8_validate(text, (gssize) size, NULL))
                return cli_failed(
                        cli, EXIT_FAILED, "%s: that is no text: a script is UTF-8 without NUL bytes", where);
        if (size == 0 || size > SOURCE_SIZE_MAX)
                return cli_failed(
                        cli, EXIT_FAILED, "%s: a script has 1 to %u bytes", where, SOURCE_SIZE_MAX);
        return EXIT_OK;
}

static int set_source(Cli *cli, const char *overlay, const char *text) {
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, overlay);

        return cli_run_call(cli,
                &(const ClientCall){
                        .path = path,
                        .interface = LEFT4ME_OVERLAY_INTERFACE,
                        .method = "SetSource",
                        .arguments = g_variant_new("(s)", text),
                        .interactive = TRUE,
                },
                LEFT4ME_OVERLAY_PREFIX, overlay);
}

/* One byte more than there may be is enough to know that it is too much. */
int source_read(Cli *cli, const char *file, GString *text) {
        char buffer[8192];
        uint64_t size;
        ssize_t n;
        int fd, r;

        r = build_open_source(cli, file, "a script", &fd, &size);
        if (r != EXIT_OK)
                return r;

        while (text->len <= SOURCE_SIZE_MAX && (n = read(fd, buffer, sizeof(buffer))) != 0) {
                if (n < 0 && errno != EINTR) {
                        (void) close(fd);
                        return cli_failed(cli, EXIT_FAILED, "%s: %s", file, g_strerror(errno));
                }
                if (n > 0)
                        g_string_append_len(text, buffer, n);
        }

        (void) close(fd);
        return check_text(cli, file, text->str, text->len);
}

/* Somebody else may have been there meanwhile. */
static int check_meanwhile(Cli *cli, const char *overlay, const char *before) {
        g_autofree char *now = NULL, *question = NULL;
        int r;

        r = get_source(cli, overlay, &now);
        if (r != EXIT_OK || g_str_equal(now, before))
                return r;

        question = g_strdup_printf(
                "The source of %s was changed meanwhile: yours would replace that.", overlay);
        return ask_before_loss(cli, question);
}

static int edit_interactively(Cli *cli, const char *overlay, gboolean *ret_changed) {
        g_autofree char *before = NULL, *after = NULL, *name = g_strconcat(overlay, ".sh", NULL);
        g_auto(TextEdit) e = { 0 };
        const char *text;
        gsize size;
        int r;

        r = get_source(cli, overlay, &before);
        if (r != EXIT_OK)
                return r;

        text = *before != '\0' ? before : template;
        r = text_edit_begin(cli, name, text, strlen(text), &e);
        if (r != EXIT_OK)
                return r;

        r = text_edit_run(&e, text, strlen(text), ret_changed, &size);
        if (r == EXIT_OK && *ret_changed) {
                r = check_meanwhile(cli, overlay, before);
                if (r == EXIT_OK && !g_file_get_contents(e.path, &after, &size, NULL))
                        r = cli_failed(cli, EXIT_FAILED, "%s cannot be read any more", e.path);
                if (r == EXIT_OK)
                        r = check_text(cli, e.path, after, size);
                if (r == EXIT_OK)
                        r = set_source(cli, overlay, after);
        }

        text_edit_end(&e, r == EXIT_OK || !*ret_changed);
        return r;
}

static int take_from(Cli *cli, const char *overlay, const char *file) {
        g_autoptr(GString) text = g_string_new(NULL);
        int r;

        r = source_read(cli, file, text);
        return r == EXIT_OK ? set_source(cli, overlay, text->str) : r;
}

int source_edit(Cli *cli, const char *overlay, const char *from, gboolean build) {
        gboolean changed = TRUE;
        int r;

        r = from ? take_from(cli, overlay, from) : edit_interactively(cli, overlay, &changed);
        if (r != EXIT_OK)
                return r;
        if (build && (changed || from))
                return build_begin(cli, overlay, NULL, FALSE, FALSE);

        if (cli->json)
                terminal_printf(&cli->out, "{}\n");
        else if (!cli->quiet && !changed)
                terminal_printf(&cli->out, "%s: nothing changed\n", overlay);
        else if (!cli->quiet)
                terminal_printf(&cli->out, "%s: source set; to build it: left4mectl overlay build %s\n",
                        overlay, overlay);
        return EXIT_OK;
}

int cmd_overlay_source(Cli *cli, char **words) {
        g_autofree char *source = NULL;
        JsonObject *object;
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        r = get_source(cli, words[0], &source);
        if (r != EXIT_OK)
                return r;

        if (cli->json) {
                object = json_object_new();
                json_object_set_string_member(object, "name", words[0]);
                json_object_set_string_member(object, "source", source);
                json_print(cli, json_node_object(object));
        } else
                fputs(source, cli->out.file);
        return EXIT_OK;
}
