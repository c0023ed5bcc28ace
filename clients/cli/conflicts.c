/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "conflicts.h"
#include "dbus/names.h"

/* So many names in one line. */
#define NAMES_MAX 5U

/* What is of one kind, in the same layers. */
typedef struct {
        char *kind;
        GStrv layers;
        GPtrArray *names;
} Group;

static void group_free(gpointer data) {
        Group *g = data;

        g_free(g->kind);
        g_strfreev(g->layers);
        g_ptr_array_unref(g->names);
        g_free(g);
}

GVariant *conflicts_get(Cli *cli, const char *path) {
        const ClientCall call = {
                .path = path,
                .interface = LEFT4ME_INSTANCE_INTERFACE,
                .method = "FindConflicts",
                .reply = "(a(ssas))",
        };
        g_autoptr(GVariant) reply = cli_call(cli, &call, NULL);

        return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

static Group *find_group(GPtrArray *groups, const char *kind, GStrv layers) {
        Group *g;

        for (guint i = 0; i < groups->len; i++) {
                g = g_ptr_array_index(groups, i);
                if (g_str_equal(g->kind, kind) &&
                        g_strv_equal((const char *const *) g->layers, (const char *const *) layers))
                        return g;
        }

        g = g_new(Group, 1);
        *g = (Group){ g_strdup(kind), g_strdupv(layers), g_ptr_array_new_with_free_func(g_free) };
        g_ptr_array_add(groups, g);
        return g;
}

/* "mods hides 2 maps of maps and game2: c1.bsp, c2.bsp" */
static char *group_words(const Group *g) {
        gboolean many = g->names->len != 1, data = g_str_equal(g->kind, "gamedata");
        g_autoptr(GString) words = g_string_new(NULL);

        g_string_append_printf(words, "%s hides %u %s%s of", g->layers[0], g->names->len,
                data ? "gamedata file" : g->kind, many ? "s" : "");
        for (char **layer = g->layers + 1; *layer; layer++)
                g_string_append_printf(words, "%s %s",
                        layer == g->layers + 1 ? ""
                        : layer[1]             ? ","
                                               : " and",
                        *layer);

        for (guint i = 0; i < MIN(g->names->len, NAMES_MAX); i++)
                g_string_append_printf(
                        words, "%s %s", i == 0 ? ":" : ",", (const char *) g_ptr_array_index(g->names, i));
        if (g->names->len > NAMES_MAX)
                g_string_append_printf(words, " and %u more", g->names->len - NAMES_MAX);

        return g_string_free(g_steal_pointer(&words), FALSE);
}

char *conflicts_words(GVariant *conflicts) {
        g_autoptr(GPtrArray) groups = g_ptr_array_new_with_free_func(group_free);
        GString *words = g_string_new(NULL);
        const char *kind, *path;
        GVariantIter iter;
        GStrv layers;

        if (conflicts) {
                g_variant_iter_init(&iter, conflicts);
                while (g_variant_iter_next(&iter, "(&s&s^as)", &kind, &path, &layers)) {
                        if (layers[0] && layers[1])
                                g_ptr_array_add(
                                        find_group(groups, kind, layers)->names, g_path_get_basename(path));
                        g_strfreev(layers);
                }
        }

        for (guint i = 0; i < groups->len; i++) {
                g_autofree char *line = group_words(g_ptr_array_index(groups, i));

                g_string_append_printf(words, "%s%s", words->len > 0 ? "\n" : "", line);
        }

        return g_string_free(words, FALSE);
}

void conflicts_warn(Cli *cli, const char *name, GVariant *conflicts) {
        g_autofree char *words = conflicts_words(conflicts);
        g_auto(GStrv) lines = g_strsplit(words, "\n", -1);

        if (cli->quiet)
                return;

        for (char **line = lines; *line; line++)
                cli_complain(cli, "%s: %s", name, *line);
}

void conflicts_add_json(JsonObject *object, GVariant *conflicts, gboolean none) {
        JsonArray *array;
        const char *kind, *path;
        GVariantIter iter;
        GStrv layers;

        if (!conflicts || (!none && g_variant_n_children(conflicts) == 0))
                return;

        array = json_array_new();
        g_variant_iter_init(&iter, conflicts);
        while (g_variant_iter_next(&iter, "(&s&s^as)", &kind, &path, &layers)) {
                JsonObject *conflict = json_object_new();
                JsonArray *names = json_array_new();

                for (char **layer = layers; *layer; layer++)
                        json_array_add_string_element(names, *layer);
                json_object_set_string_member(conflict, "kind", kind);
                json_object_set_string_member(conflict, "path", path);
                json_object_set_array_member(conflict, "layers", names);
                json_array_add_object_element(array, conflict);
                g_strfreev(layers);
        }

        json_object_set_array_member(object, "conflicts", array);
}
