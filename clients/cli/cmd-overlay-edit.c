/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overlay edit: a file of an overlay in the user's editor. What he wrote is not lost, whatever happens to it on its way. */

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "build.h"
#include "dbus/names.h"
#include "files.h"
#include "inventory.h"
#include "overlayfile.h"
#include "props.h"
#include "verbs.h"

#define SIZE_MAX_EDIT (4U * 1024U * 1024U)

typedef struct {
        Cli *cli;
        const char *overlay, *path;
        guint32 version;             /* that is edited, 0 for an overlay without one */
        GString *text;               /* as it is there; empty for a new file */
        char *directory, *temporary; /* where the editor works */
} Edit;

static void edit_clear(Edit *e) {
        if (e->directory)
                (void) g_rmdir(e->directory);
        if (e->text)
                g_string_free(e->text, TRUE);
        g_free(e->directory);
        g_free(e->temporary);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Edit, edit_clear)

static int get_current(Edit *e, guint32 *ret) {
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, e->overlay);
        g_autoptr(GVariant) properties = NULL;
        g_autoptr(GError) error = NULL;

        properties = inventory_get_all(e->cli, path, LEFT4ME_OVERLAY_INTERFACE, &error);
        if (!properties)
                return cli_error_about(e->cli, error, LEFT4ME_OVERLAY_PREFIX, e->overlay);

        *ret = (guint32) props_uint(properties, "Current");
        return EXIT_OK;
}

/* The text of the file in that version; that there is none is an empty one. */
static int read_version(Edit *e, guint32 version, GString *text) {
        char buffer[8192];
        ssize_t n;
        int fd, r;

        if (version == 0)
                return EXIT_OK;
        r = overlay_file_open(e->cli, e->overlay, e->path, version, TRUE, &fd);
        if (r == EXIT_NO_SUCH)
                return EXIT_OK;
        if (r != EXIT_OK)
                return r;

        while ((n = read(fd, buffer, sizeof(buffer))) > 0 && text->len <= SIZE_MAX_EDIT)
                g_string_append_len(text, buffer, n);
        (void) close(fd);
        if (n < 0)
                return cli_failed(e->cli, EXIT_FAILED, "cannot read %s: %s", e->path, g_strerror(errno));
        if (text->len > SIZE_MAX_EDIT || memchr(text->str, 0, text->len))
                return cli_failed(e->cli, EXIT_FAILED,
                        "%s is no text to edit; left4mectl overlay get and put take it as it is", e->path);
        return EXIT_OK;
}

static int make_temporary(Edit *e) {
        g_autofree char *name = g_path_get_basename(e->path);
        g_autoptr(GError) error = NULL;

        /* With its own name, by which editors know what it is. */
        e->directory = g_dir_make_tmp("left4mectl-XXXXXX", &error);
        if (!e->directory)
                return cli_failed(e->cli, EXIT_FAILED, "%s", error->message);

        e->temporary = g_build_filename(e->directory, name, NULL);
        if (!g_file_set_contents_full(e->temporary, e->text->str, (gssize) e->text->len,
                    G_FILE_SET_CONTENTS_NONE, 0600, &error))
                return cli_failed(e->cli, EXIT_FAILED, "%s", error->message);
        return EXIT_OK;
}

static int run_editor(Edit *e) {
        const char *visual = g_getenv("VISUAL"), *own = g_getenv("EDITOR"),
                   *editor = visual && *visual ? visual
                             : own && *own     ? own
                                               : "editor";
        /* Whoever set it may have put options behind its name: a shell reads it, as everywhere. */
        g_autofree char *script = g_strconcat(editor, " \"$@\"", NULL);
        const char *command[] = { "/bin/sh", "-c", script, editor, e->temporary, NULL };
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

/* Somebody else may have been there meanwhile. */
static int check_meanwhile(Edit *e) {
        g_autoptr(GString) now = g_string_new(NULL);
        g_autofree char *question = NULL;
        guint32 current;
        int r;

        r = get_current(e, &current);
        if (r != EXIT_OK || current == e->version)
                return r;

        r = read_version(e, current, now);
        if (r != EXIT_OK || g_string_equal(now, e->text))
                return r;

        question = g_strdup_printf(
                "Version %u of %s became current meanwhile, with another %s: yours would replace it.",
                current, e->overlay, e->path);
        return ask_before_loss(e->cli, question);
}

static int put_text(Edit *e, gsize size) {
        int fd, r;

        r = check_meanwhile(e);
        if (r != EXIT_OK)
                return r;

        fd = open(e->temporary, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return cli_failed(e->cli, EXIT_FAILED, "%s: %s", e->temporary, g_strerror(errno));

        r = build_put(e->cli, e->overlay, e->path, NULL, -1, fd, size);
        (void) close(fd);
        return r;
}

/* What was written goes where it belongs, or stays where it is. */
static int finish(Edit *e, int edited) {
        g_autofree char *text = NULL;
        g_autoptr(GError) error = NULL;
        gboolean same;
        gsize size;
        int r;

        if (!g_file_get_contents(e->temporary, &text, &size, &error))
                return cli_failed(e->cli, EXIT_FAILED, "%s", error->message);

        same = size == e->text->len && memcmp(text, e->text->str, size) == 0;
        r = edited;
        if (r == EXIT_OK && same) {
                if (e->cli->json)
                        terminal_printf(&e->cli->out, "{}\n");
                else if (!e->cli->quiet)
                        terminal_printf(&e->cli->out, "%s: nothing changed\n", e->path);
        } else if (r == EXIT_OK)
                r = put_text(e, size);

        if (r == EXIT_OK || same)
                (void) g_unlink(e->temporary);
        else
                cli_hint(e->cli, "your text is kept in %s", e->temporary);
        return r;
}

int cmd_overlay_edit(Cli *cli, char **words) {
        g_autofree char *path = NULL;
        g_auto(Edit) e = { .cli = cli };
        int r;

        if (!cli_parse(cli, NULL, &words))
                return cli->code;

        path = files_clean_path(words[1]);
        e.overlay = words[0];
        e.path = path;
        e.text = g_string_new(NULL);

        r = get_current(&e, &e.version);
        if (r == EXIT_OK)
                r = read_version(&e, e.version, e.text);
        if (r == EXIT_OK)
                r = make_temporary(&e);
        return r == EXIT_OK ? finish(&e, run_editor(&e)) : r;
}
