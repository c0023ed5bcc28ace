/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The files of an overlay or a server, one call a directory. What is in a directory follows on it; those that
 * are being gone through are kept in a list, so that a deep tree costs no deep stack.
 */

#include <string.h>

#include "dbus/names.h"
#include "files.h"
#include "format.h"
#include "json.h"
#include "suggest.h"
#include "table.h"

typedef struct {
        Cli *cli;
        const char *path;
        const FilesOptions *options;
        size_t prefix; /* of paths, which is not shown */
        GPtrArray *levels;
        Table *table;
        JsonArray *array;
} Listing;

typedef struct {
        char *directory;
        GVariantIter *files;
        char *last; /* the name before */
} Level;

typedef struct {
        const char *name, *type, *layer;
        guint64 size, modified;
        guint32 version;
        gboolean visible;
        gboolean again; /* another layer's, below one of the same name */
} File;

static void level_free(gpointer data) {
        Level *level = data;

        g_variant_iter_free(level->files);
        g_free(level->directory);
        g_free(level->last);
        g_free(level);
}

static void add_json(Listing *l, const char *path, const File *file) {
        JsonObject *object = json_object_new();

        json_object_set_string_member(object, "path", path);
        json_object_set_string_member(object, "type", file->type);
        json_object_set_int_member(object, "size", (gint64) MIN(file->size, G_MAXINT64));
        json_object_set_int_member(object, "modified", (gint64) MIN(file->modified, G_MAXINT64));
        if (l->options->instance) {
                json_object_set_string_member(object, "layer", file->layer);
                json_object_set_int_member(object, "version", file->version);
                json_object_set_boolean_member(object, "visible", file->visible);
        }
        json_array_add_object_element(l->array, object);
}

/* What became of a file of a layer; nothing is said of those that are simply there. */
static const char *file_state(const File *file) {
        if (g_str_equal(file->type, "whiteout"))
                return "whiteout";
        if (!file->visible)
                return "hidden";

        return file->again ? "merged" : "";
}

static void add_row(Listing *l, const char *path, const File *file) {
        gboolean directory = g_str_equal(file->type, "directory");
        gboolean sized = g_str_equal(file->type, "file") || g_str_equal(file->type, "symlink");
        g_autofree char *bytes = sized ? format_bytes(file->size) : g_strdup("-"), *name = NULL,
                        *layer = NULL;
        g_autofree char *date = file->modified > 0 ? format_date(file->modified) : g_strdup("-");

        name = g_strconcat(path + l->prefix,
                directory                            ? "/"
                : g_str_equal(file->type, "symlink") ? "@"
                : g_str_equal(file->type, "special") ? "|"
                                                     : "",
                NULL);
        if (!l->options->instance) {
                table_add(l->table, bytes, date, name, NULL);
                return;
        }

        layer = file->version > 0 ? g_strdup_printf("%s/%u", file->layer, file->version)
                                  : g_strdup(file->layer);
        if (!l->options->layers) {
                table_add(l->table, bytes, date, layer, name, NULL);
                return;
        }

        table_add(l->table, bytes, date, layer, file_state(file), name, NULL);
        if (!file->visible)
                for (unsigned column = 0; column < 5; column++)
                        table_style(l->table, column, STYLE_DIM);
}

static ClientCall list_call(const char *path, const FilesOptions *o, const char *directory) {
        ClientCall call = { .path = path, .method = "ListFiles", .interactive = TRUE };

        if (o->instance) {
                call.interface = LEFT4ME_INSTANCE_INTERFACE;
                call.arguments = g_variant_new("(sb)", directory, o->layers);
                call.reply = "(a(ssttsub))";
        } else {
                call.interface = LEFT4ME_OVERLAY_INTERFACE;
                call.arguments = g_variant_new("(su)", directory, (guint32) o->version);
                call.reply = "(a(sstt))";
        }

        return call;
}

static gboolean next_file(const FilesOptions *o, GVariantIter *files, File *ret) {
        *ret = (File){ .visible = TRUE, .layer = "" };
        if (!o->instance)
                return g_variant_iter_next(
                        files, "(&s&stt)", &ret->name, &ret->type, &ret->size, &ret->modified);

        return g_variant_iter_next(files, "(&s&stt&sub)", &ret->name, &ret->type, &ret->size, &ret->modified,
                &ret->layer, &ret->version, &ret->visible);
}

/* Reads one directory, and goes on in it until it is through. */
static gboolean enter_directory(Listing *l, const char *directory, GError **error) {
        const ClientCall call = list_call(l->path, l->options, directory);
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
                Level *level = g_ptr_array_index(l->levels, l->levels->len - 1);
                g_autofree char *path = NULL;
                File file;

                if (!next_file(l->options, level->files, &file)) {
                        g_ptr_array_remove_index(l->levels, l->levels->len - 1);
                        continue;
                }

                file.again = g_strcmp0(file.name, level->last) == 0;
                path = *level->directory ? g_strconcat(level->directory, "/", file.name, NULL)
                                         : g_strdup(file.name);
                if (l->cli->json)
                        add_json(l, path, &file);
                else
                        add_row(l, path, &file);

                g_free(level->last);
                level->last = g_strdup(file.name);
                if (l->options->recursive && g_str_equal(file.type, "directory") && !file.again &&
                        !enter_directory(l, path, error))
                        return FALSE;
        }

        return TRUE;
}

/* "/maps/", "./maps" and "maps" are the same to whoever types them. */
char *files_clean_path(const char *directory) {
        g_autofree char *clean = NULL;
        size_t length;

        while (*directory == '/' || g_str_has_prefix(directory, "./"))
                directory++;

        clean = g_strdup(g_str_equal(directory, ".") ? "" : directory);
        for (length = strlen(clean); length > 0 && clean[length - 1] == '/'; length--)
                clean[length - 1] = 0;

        return g_steal_pointer(&clean);
}

/* The name in the same directory that is nearest to one that is not there, as a path; NULL for none. */
static char *near_path(Cli *cli, const char *path, const FilesOptions *o, const char *file) {
        const char *slash = strrchr(file, '/'), *near;
        g_autofree char *directory = slash ? g_strndup(file, (gsize) (slash - file)) : g_strdup("");
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        const ClientCall call = list_call(path, o, directory);
        g_autoptr(GVariant) reply = cli_call(cli, &call, NULL);
        g_autoptr(GVariantIter) files = NULL;
        File f;

        if (!reply)
                return NULL;

        g_variant_get(reply, o->instance ? "(a(ssttsub))" : "(a(sstt))", &files);
        while (next_file(o, files, &f))
                g_ptr_array_add(names, g_strdup(f.name));
        g_ptr_array_add(names, NULL);

        near = suggest(slash ? slash + 1 : file, (const char *const *) names->pdata);
        return near ? g_strconcat(directory, *directory ? "/" : "", near, NULL) : NULL;
}

/* An error of a call about a file or directory of an overlay or server. Returns the exit code. */
int files_error(Cli *cli, const GError *error, const char *name, const FilesOptions *o, const char *file) {
        const char *prefix = o->instance ? LEFT4ME_INSTANCE_PREFIX : LEFT4ME_OVERLAY_PREFIX;
        g_autofree char *bus_name = client_error_name(error), *path = client_path(prefix, name),
                        *near = NULL;
        int r = cli_error_about(cli, error, prefix, name);

        if (g_str_equal(bus_name, LEFT4ME_ERROR_NO_SUCH_FILE) && *file)
                near = near_path(cli, path, o, file);
        /* Where the layer is what there is not, the file may well be there. */
        if (near && !g_str_equal(near, file))
                cli_hint(cli, "did you mean %s?", near);

        return r;
}

static Table *files_table(const FilesOptions *o) {
        static const TableColumn of_overlay[] = {
                { "SIZE", TABLE_RIGHT },
                { "MODIFIED", TABLE_LEFT },
                { "NAME", TABLE_SHRINK },
        };
        static const TableColumn of_server[] = {
                { "SIZE", TABLE_RIGHT },
                { "MODIFIED", TABLE_LEFT },
                { "LAYER", TABLE_SHRINK },
                { "NAME", TABLE_SHRINK },
        };
        static const TableColumn of_layers[] = {
                { "SIZE", TABLE_RIGHT },
                { "MODIFIED", TABLE_LEFT },
                { "LAYER", TABLE_SHRINK },
                { "", TABLE_LEFT },
                { "NAME", TABLE_SHRINK },
        };

        if (!o->instance)
                return table_new(of_overlay, G_N_ELEMENTS(of_overlay));

        return o->layers ? table_new(of_layers, G_N_ELEMENTS(of_layers))
                         : table_new(of_server, G_N_ELEMENTS(of_server));
}

int files_show(Cli *cli, const char *name, const char *directory, const FilesOptions *o) {
        const char *prefix = o->instance ? LEFT4ME_INSTANCE_PREFIX : LEFT4ME_OVERLAY_PREFIX;
        g_autofree char *path = client_path(prefix, name), *clean = files_clean_path(directory);
        g_autoptr(GPtrArray) levels = g_ptr_array_new_with_free_func(level_free);
        g_autoptr(Table) table = files_table(o);
        Listing l = {
                .cli = cli,
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
                r = files_error(cli, error, name, o, clean);
        else if (cli->json)
                json_print(cli, json_node_array(json_array_ref(l.array)));
        else
                table_print(table, &cli->out, !cli->quiet);

        json_array_unref(l.array);
        return r;
}
