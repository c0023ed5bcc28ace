/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>

#include "textedit.h"

void text_edit_clear(TextEdit *e) {
        if (e->directory)
                (void) g_rmdir(e->directory);
        g_free(e->directory);
        g_free(e->path);
}

int text_edit_begin(Cli *cli, const char *name, const char *text, gsize size, TextEdit *ret) {
        g_autoptr(GError) error = NULL;

        ret->cli = cli;
        ret->directory = g_dir_make_tmp("left4mectl-XXXXXX", &error);
        if (!ret->directory)
                return cli_failed(cli, EXIT_FAILED, "%s", error->message);

        ret->path = g_build_filename(ret->directory, name, NULL);
        if (!g_file_set_contents_full(
                    ret->path, text, (gssize) size, G_FILE_SET_CONTENTS_NONE, 0600, &error))
                return cli_failed(cli, EXIT_FAILED, "%s", error->message);
        return EXIT_OK;
}

static int run_editor(TextEdit *e) {
        const char *visual = g_getenv("VISUAL"), *own = g_getenv("EDITOR"),
                   *editor = visual && *visual ? visual
                             : own && *own     ? own
                                               : "editor";
        /* Whoever set it may have put options behind its name: a shell reads it, as everywhere. */
        g_autofree char *script = g_strconcat(editor, " \"$@\"", NULL);
        const char *command[] = { "/bin/sh", "-c", script, editor, e->path, NULL };
        g_autoptr(GError) error = NULL;
        int status;

        fflush(e->cli->out.file);
        if (!g_spawn_sync(NULL, (char **) (gsize) command, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL,
                    NULL, NULL, &status, &error) ||
                !g_spawn_check_wait_status(status, &error))
                return cli_failed(
                        e->cli, EXIT_FAILED, "%s: %s; nothing was changed", editor, error->message);
        return EXIT_OK;
}

int text_edit_run(TextEdit *e, const char *text, gsize size, gboolean *ret_changed, gsize *ret_size) {
        g_autofree char *now = NULL;
        g_autoptr(GError) error = NULL;
        int r;

        r = run_editor(e);
        *ret_changed = TRUE;
        if (!g_file_get_contents(e->path, &now, ret_size, &error))
                return cli_failed(e->cli, EXIT_FAILED, "%s", error->message);

        *ret_changed = *ret_size != size || memcmp(now, text, size) != 0;
        return r;
}

void text_edit_end(TextEdit *e, gboolean done) {
        if (done)
                (void) g_unlink(e->path);
        else
                cli_hint(e->cli, "your text is kept in %s", e->path);
}
