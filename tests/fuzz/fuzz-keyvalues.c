/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The texts of an addon: addoninfo.txt, and those in missions. */
#include "fuzz.h"
#include "protocol/keyvalues.h"

static unsigned check(const KeyValues *kv, unsigned depth) {
        unsigned n = 1;

        g_assert_cmpuint(depth, <=, KEYVALUES_DEPTH_MAX + 1);
        g_assert_true(g_utf8_validate(kv->key, -1, NULL));
        g_assert_true(!kv->value == !!kv->children);
        g_assert_true(!kv->value || g_utf8_validate(kv->value, -1, NULL));
        for (guint i = 0; kv->children && i < kv->children->len; i++) {
                const KeyValues *child = g_ptr_array_index(kv->children, i);

                g_assert_nonnull(keyvalues_get(kv, child->key));
                n += check(child, depth + 1);
        }
        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autofree uint8_t *exact = g_memdup2(data, size);
        g_autoptr(KeyValues) kv = NULL;

        if (keyvalues_parse(exact, size, &kv) == 0)
                g_assert_cmpuint(check(kv, 0), <=, KEYVALUES_NODES_MAX + 1);
        return 0;
}
