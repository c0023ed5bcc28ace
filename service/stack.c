/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/stack.h"
#include "service/util.h"

Stack *stack_new(void) {
        return g_array_new(FALSE, TRUE, sizeof(Layer));
}

void stack_add(Stack *s, const char *overlay, uint32_t version) {
        Layer layer = { .version = version };

        (void) g_strlcpy(layer.overlay, overlay, sizeof(layer.overlay));
        g_array_append_val(s, layer);
}

bool stack_equal(const Stack *a, const Stack *b) {
        if (a->len != b->len)
                return false;

        for (unsigned i = 0; i < a->len; i++) {
                const Layer *x = &g_array_index(a, Layer, i), *y = &g_array_index(b, Layer, i);

                if (x->version != y->version || !g_str_equal(x->overlay, y->overlay))
                        return false;
        }

        return true;
}

char *stack_render(const Stack *s) {
        GString *text = g_string_new(NULL);

        for (unsigned i = 0; i < s->len; i++) {
                const Layer *l = &g_array_index(s, Layer, i);

                g_string_append_printf(text, "%s/%u\n", l->overlay, l->version);
        }

        return g_string_free(text, FALSE);
}

Stack *stack_from_text(const char *text) {
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        Stack *s = stack_new();

        for (char **l = lines; *l; l++) {
                char *slash = strchr(*l, '/');
                guint64 version;

                if (!slash || !g_ascii_string_to_unsigned(slash + 1, 10, 1, UINT32_MAX, &version, NULL))
                        continue;
                *slash = '\0';
                if (name_is_valid(*l))
                        stack_add(s, *l, (uint32_t) version);
        }

        return s;
}

/* ".../NAME/versions/N", whatever stands before it. */
static void add_path(Stack *s, const char *path) {
        g_auto(GStrv) parts = g_strsplit(path, "/", -1);
        unsigned n = g_strv_length(parts);
        guint64 version;

        if (n < 3 || !g_str_equal(parts[n - 2], "versions") || !name_is_valid(parts[n - 3]) ||
                !g_ascii_string_to_unsigned(parts[n - 1], 10, 1, UINT32_MAX, &version, NULL))
                return;

        stack_add(s, parts[n - 3], (uint32_t) version);
}

static void add_mount_options(Stack *s, const char *options) {
        g_auto(GStrv) words = g_strsplit(options, ",", -1);

        for (char **w = words; *w; w++)
                if (g_str_has_prefix(*w, "lowerdir+="))
                        add_path(s, *w + strlen("lowerdir+="));
}

Stack *stack_from_mount_options(const char *options) {
        Stack *s = stack_new();

        add_mount_options(s, options);
        return s;
}

/* id parent major:minor root target options [fields] - type source super-options: the last of them, or "". */
static const char *find_super_options(const char *line) {
        const char *rest = strstr(line, " - ");

        rest = rest ? strchr(rest + 3, ' ') : NULL;
        rest = rest ? strchr(rest + 1, ' ') : NULL;
        return rest ? rest + 1 : "";
}

Stack *stack_from_mountinfo(const char *mountinfo) {
        g_auto(GStrv) lines = g_strsplit(mountinfo, "\n", -1);
        Stack *s = stack_new();

        for (char **l = lines; *l; l++)
                add_mount_options(s, find_super_options(*l));

        return s;
}

/* Our targets need no octal escapes. */
static void read_line(char *line, const char *below, GHashTable *table) {
        const char *options = find_super_options(line);
        char *words[6], *end = strstr(line, " - ");

        if (!end)
                return;

        *end = '\0';
        for (unsigned k = 0; k < G_N_ELEMENTS(words); k++) {
                words[k] = line ? strsep(&line, " ") : NULL;
                if (!words[k])
                        return;
        }

        if (g_str_has_prefix(words[4], below))
                g_hash_table_insert(table, g_strdup(words[4]), g_strdup(options));
}

void stack_read_mountinfo(char *mountinfo, const char *below, GHashTable *table) {
        char *line;

        /* A later line lies over an earlier one. */
        while ((line = strsep(&mountinfo, "\n")))
                read_line(line, below, table);
}
