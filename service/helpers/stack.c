/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "fail.h"
#include "names.h"
#include "stack.h"

static int layer_parse(char *line, Layer *ret) {
        char *slash = strchr(line, '/');
        Layer layer = { 0 };

        if (!slash)
                return -EINVAL;
        *slash = '\0';
        if (!name_valid(line) || number_parse(slash + 1, &layer.version) < 0)
                return -EINVAL;

        (void) g_strlcpy(layer.overlay, line, sizeof layer.overlay);
        *ret = layer;
        return 0;
}

int stack_parse(const char *text, size_t size, GArray **ret, GError **error) {
        g_autoptr(GArray) layers = g_array_new(FALSE, TRUE, sizeof(Layer));
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_auto(GStrv) lines = NULL;

        if (memchr(text, '\0', size))
                return fail(error, EINVAL, "the stack file holds a NUL");

        lines = g_strsplit(text, "\n", -1);
        for (size_t i = 0; lines[i]; i++) {
                g_autofree char *line = NULL;
                Layer layer;

                /* Only behind the last line end may there be nothing. */
                if (lines[i][0] == '\0' && !lines[i + 1])
                        break;

                line = g_strdup(lines[i]);
                if (layer_parse(lines[i], &layer) < 0)
                        return fail(
                                error, EINVAL, "line %zu of the stack file is not `overlay/version`", i + 1);
                if (!g_hash_table_add(seen, g_steal_pointer(&line)))
                        return fail(error, EINVAL, "layer %s/%u stands twice in the stack: remove one",
                                layer.overlay, layer.version);
                if (layers->len == STACK_LAYERS_MAX)
                        return fail(error, E2BIG,
                                "the stack has more than %u layers, the kernel mounts no more: "
                                "merge some of the overlays",
                                STACK_LAYERS_MAX);
                g_array_append_val(layers, layer);
        }

        *ret = g_steal_pointer(&layers);
        return 0;
}
