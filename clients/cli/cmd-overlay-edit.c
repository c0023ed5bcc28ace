/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overlay edit: a file of an overlay, or the source of a script, in the user's editor. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "build.h"
#include "dbus/names.h"
#include "files.h"
#include "inventory.h"
#include "overlayfile.h"
#include "props.h"
#include "source.h"
#include "textedit.h"
#include "verbs.h"

#define SIZE_MAX_EDIT (4U * 1024U * 1024U)

typedef struct {
        Cli *cli;
        const char *overlay, *path;
        guint32 version; /* that is edited, 0 for an overlay without one */
        GString *text;   /* as it is there; empty for a new file */
        TextEdit edited;
} Edit;

static void edit_clear(Edit *e) {
        if (e->text)
                g_string_free(e->text, TRUE);
        text_edit_clear(&e->edited);
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

        fd = open(e->edited.path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return cli_failed(e->cli, EXIT_FAILED, "%s: %s", e->edited.path, g_strerror(errno));

        r = build_put(e->cli, e->overlay, e->path, NULL, -1, fd, size);
        (void) close(fd);
        return r;
}

/* What was written goes where it belongs, or stays where it is. */
static int finish(Edit *e) {
        gboolean changed = FALSE;
        gsize size;
        int r;

        r = text_edit_run(&e->edited, e->text->str, e->text->len, &changed, &size);
        if (r == EXIT_OK && changed)
                r = put_text(e, size);
        else if (r == EXIT_OK && e->cli->json)
                terminal_printf(&e->cli->out, "{}\n");
        else if (r == EXIT_OK && !e->cli->quiet)
                terminal_printf(&e->cli->out, "%s: nothing changed\n", e->path);

        text_edit_end(&e->edited, r == EXIT_OK || !changed);
        return r;
}

static int edit_file(Cli *cli, const char *overlay, const char *path) {
        g_auto(Edit) e = { .cli = cli, .overlay = overlay, .path = path };
        g_autofree char *name = g_path_get_basename(path);
        int r;

        e.text = g_string_new(NULL);
        r = get_current(&e, &e.version);
        if (r == EXIT_OK)
                r = read_version(&e, e.version, e.text);
        if (r == EXIT_OK)
                r = text_edit_begin(cli, name, e.text->str, e.text->len, &e.edited);
        return r == EXIT_OK ? finish(&e) : r;
}

int cmd_overlay_edit(Cli *cli, char **words) {
        g_autofree char *from = NULL, *path = NULL;
        gboolean build = FALSE;
        const GOptionEntry entries[] = {
                { "from", 0, 0, G_OPTION_ARG_FILENAME, &from, "Take the source from there, not an editor",
                        "FILE|-" },
                { "build", 'b', 0, G_OPTION_ARG_NONE, &build, "Build it with its new source", NULL },
                { NULL },
        };

        if (!cli_parse(cli, entries, &words))
                return cli->code;
        if (!words[1])
                return source_edit(cli, words[0], from, build);
        if (from || build)
                return cli_usage(cli,
                        "--from and --build are for the source of a script; left4mectl overlay put"
                        " takes a file from elsewhere");

        path = files_clean_path(words[1]);
        return edit_file(cli, words[0], path);
}
