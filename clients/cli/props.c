/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "props.h"

const char *props_string(GVariant *properties, const char *name) {
        const char *string;

        return g_variant_lookup(properties, name, "&s", &string) ||
                               g_variant_lookup(properties, name, "&o", &string)
                       ? string
                       : "";
}

/* Of any unsigned type. */
uint64_t props_uint(GVariant *properties, const char *name) {
        guint16 q;
        guint32 u;
        guint64 t;

        if (g_variant_lookup(properties, name, "t", &t))
                return t;
        if (g_variant_lookup(properties, name, "u", &u))
                return u;

        return g_variant_lookup(properties, name, "q", &q) ? q : 0;
}

gboolean props_has(GVariant *properties, const char *name) {
        g_autoptr(GVariant) value = g_variant_lookup_value(properties, name, NULL);

        return value != NULL;
}

gboolean props_boolean(GVariant *properties, const char *name) {
        gboolean value;

        return g_variant_lookup(properties, name, "b", &value) && value;
}

double props_double(GVariant *properties, const char *name, double otherwise) {
        double value;

        return g_variant_lookup(properties, name, "d", &value) ? value : otherwise;
}

/* An array of strings as one. */
char *props_joined(GVariant *properties, const char *name, const char *separator) {
        g_auto(GStrv) words = NULL;

        if (!g_variant_lookup(properties, name, "^as", &words))
                return g_strdup("");

        return g_strjoinv(separator, words);
}

/* A value of that type, empty (of zeros) when there is none. */
GVariant *props_value(GVariant *properties, const char *name, const char *type) {
        GVariant *value = g_variant_lookup_value(properties, name, G_VARIANT_TYPE(type));
        g_autoptr(GVariant) nothing = NULL;

        if (value)
                return value;

        nothing = g_variant_ref_sink(
                g_variant_new_from_data(G_VARIANT_TYPE(type), NULL, 0, FALSE, NULL, NULL));
        return g_variant_get_normal_form(nothing);
}
