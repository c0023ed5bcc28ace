/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The files of an overlay, one call a directory. What is in a directory follows on it; those that are
 * being gone through are kept in a list, so that a deep tree costs no deep stack.
 */

#include <string.h>

#include "dbus/names.h"
#include "files.h"
#include "format.h"
#include "json.h"
#include "table.h"

typedef struct {
        Cli *cli;
        const char *overlay, *path;
        const FilesOptions *options;
        size_t prefix; /* of paths, which is not shown */
        GPtrArray *levels;
        Table *table;
        JsonArray *array;
} Listing;

typedef struct {
        char *directory;
        GVariantIter *files;
} Level;

static void level_free(gpointer data) {
        Level *level = data;

        g_variant_iter_free(level->files);
        g_free(level->directory);
        g_free(level);
}

static void add_file(Listing *l, const char *path, const char *type, uint64_t size, uint64_t modified) {
        gboolean directory = g_str_equal(type, "directory");
        g_autofree char *bytes = directory ? g_strdup("-") : format_bytes(size),
                        *date = format_date(modified), *name = NULL;
        JsonObject *object;

        if (l->cli->json) {
                object = json_object_new();
                json_object_set_string_member(object, "path", path);
                json_object_set_string_member(object, "type", type);
                json_object_set_int_member(object, "size", (gint64) MIN(size, G_MAXINT64));
                json_object_set_int_member(object, "modified", (gint64) MIN(modified, G_MAXINT64));
                json_array_add_object_element(l->array, object);
                return;
        }

        name = g_strconcat(path + l->prefix,
                directory                      ? "/"
                : g_str_equal(type, "symlink") ? "@"
                                               : "",
                NULL);
        table_add(l->table, bytes, date, name, NULL);
}

/* Reads one directory, and goes on in it until it is through. */
static gboolean enter_directory(Listing *l, const char *directory, GError **error) {
        const ClientCall call = {
                .path = l->path,
                .interface = LEFT4ME_OVERLAY_INTERFACE,
                .method = "ListFiles",
                .arguments = g_variant_new("(su)", directory, (guint32) l->options->version),
                .reply = "(a(sstt))",
                .interactive = TRUE,
        };
        g_autoptr(GVariant) reply = cli_call(l->cli, &call, error), files = NULL;
        Level *level;

        if (!reply)
                return FALSE;

        level = g_new0(Level, 1);
        files = g_variant_get_child_value(reply, 0);
        level->directory = g_strdup(directory);
        level->files = g_variant_iter_new(files);
        g_ptr_array_add(l->levels, level);
        return TRUE;
}

static gboolean read_all(Listing *l, const char *directory, GError **error) {
        if (!enter_directory(l, directory, error))
                return FALSE;

        while (l->levels->len > 0) {
                const Level *level = g_ptr_array_index(l->levels, l->levels->len - 1);
                g_autofree char *path = NULL;
                const char *name, *type;
                guint64 size, modified;

                if (!g_variant_iter_next(level->files, "(&s&stt)", &name, &type, &size, &modified)) {
                        g_ptr_array_remove_index(l->levels, l->levels->len - 1);
                        continue;
                }

                path = *level->directory ? g_strconcat(level->directory, "/", name, NULL) : g_strdup(name);
                add_file(l, path, type, size, modified);
                if (l->options->recursive && g_str_equal(type, "directory") &&
                        !enter_directory(l, path, error))
                        return FALSE;
        }

        return TRUE;
}

/* "/maps/", "./maps" and "maps" are the same to whoever types them. */
static char *clean_directory(const char *directory) {
        g_autofree char *clean = NULL;
        size_t length;

        while (*directory == '/' || g_str_has_prefix(directory, "./"))
                directory++;

        clean = g_strdup(g_str_equal(directory, ".") ? "" : directory);
        for (length = strlen(clean); length > 0 && clean[length - 1] == '/'; length--)
                clean[length - 1] = 0;

        return g_steal_pointer(&clean);
}

int files_show(Cli *cli, const char *overlay, const char *directory, const FilesOptions *o) {
        static const TableColumn columns[] = {
                { "SIZE", TABLE_RIGHT },
                { "MODIFIED", TABLE_LEFT },
                { "NAME", TABLE_SHRINK },
        };
        g_autofree char *path = client_path(LEFT4ME_OVERLAY_PREFIX, overlay),
                        *clean = clean_directory(directory);
        g_autoptr(GPtrArray) levels = g_ptr_array_new_with_free_func(level_free);
        g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
        Listing l = {
                .cli = cli,
                .overlay = overlay,
                .path = path,
                .options = o,
                .prefix = *clean ? strlen(clean) + 1 : 0,
                .levels = levels,
                .table = table,
                .array = json_array_new(),
        };
        g_autoptr(GError) error = NULL;
        int r = EXIT_OK;

        if (!read_all(&l, clean, &error))
                r = cli_error_about(cli, error, LEFT4ME_OVERLAY_PREFIX, overlay);
        else if (cli->json)
                json_print(cli, json_node_array(json_array_ref(l.array)));
        else
                table_print(table, &cli->out, !cli->quiet);

        json_array_unref(l.array);
        return r;
}
