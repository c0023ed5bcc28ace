/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "helper-stack.h"
#include "service/helpers/stack.h"

char *helper_stack_read(const char *text) {
        g_autoptr(GArray) layers = NULL;
        g_autoptr(GError) error = NULL;
        GString *again = g_string_new(NULL);

        (void) stack_parse(text, strlen(text), &layers, &error);
        g_assert_no_error(error);
        for (unsigned i = 0; i < layers->len; i++) {
                const Layer *l = &g_array_index(layers, Layer, i);

                g_string_append_printf(again, "%s/%u\n", l->overlay, l->version);
        }

        return g_string_free(again, FALSE);
}
