/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of /proc/self/mountinfo, in which anybody who may mount anywhere can write. The input's first line is the target. */
#include <string.h>

#include "fuzz.h"
#include "service/stack.h"
#include "service/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autoptr(GHashTable) table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_autofree char *target = g_strndup((const char *) data, size), *copy = NULL, *text = NULL;
        g_autoptr(Stack) s = NULL, all = NULL, read_back = NULL, again = stack_new();
        char *mountinfo = strchr(target, '\n');
        g_auto(GStrv) lines = NULL;
        const char *options;

        if (!mountinfo)
                return 0;
        *mountinfo++ = '\0';

        copy = g_strdup(mountinfo);
        stack_read_mountinfo(copy, "", table);
        options = g_hash_table_lookup(table, target);
        if (!options)
                return 0;
        g_assert_nonnull(strstr(mountinfo, options));
        g_assert_null(strchr(options, '\n'));
        g_assert_nonnull(strstr(mountinfo, target));

        /* A layer is a name and a number, and what is rendered of them can be read again. */
        s = stack_from_mount_options(options);
        text = stack_render(s);
        lines = g_strsplit(text, "\n", -1);
        g_assert_cmpuint(g_strv_length(lines), ==, s->len > 0 ? s->len + 1 : 0);
        for (unsigned i = 0; i < s->len; i++) {
                const Layer *l = &g_array_index(s, Layer, i);
                g_autofree char *line = g_strdup_printf("%s/%u", l->overlay, l->version);

                g_assert_true(name_is_valid(l->overlay));
                g_assert_cmpuint(l->version, >, 0);
                g_assert_cmpstr(lines[i], ==, line);
                stack_add(again, l->overlay, l->version);
        }
        g_assert_true(stack_equal(again, s));

        all = stack_from_mountinfo(mountinfo);
        g_assert_cmpuint(all->len, >=, s->len);
        read_back = stack_from_text(text);
        g_assert_true(stack_equal(read_back, s));
        return 0;
}
