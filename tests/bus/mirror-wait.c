/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mirror.h"

typedef struct Wait {
        Mirror *mirror;
        const char *path;
        const char *interface;
        const char *property;
        GVariant *value;
        const char *const *words;
        bool there;
} Wait;

static bool has_value(void *data) {
        Wait *w = data;
        GVariant *value = mirror_get(w->mirror, w->path, w->interface, w->property);

        return value && g_variant_equal(value, w->value);
}

/* What there is instead. */
G_NORETURN static void fail(const Wait *w, const char *wanted) {
        GVariant *value = mirror_get(w->mirror, w->path, w->interface, w->property);
        g_autofree char *text = value ? g_variant_print(value, TRUE) : g_strdup("not there");

        g_error("%s of %s should become %s, but is %s", w->property, w->path, wanted, text);
}

void mirror_wait(
        Mirror *m, const char *path, const char *interface, const char *property, const char *value) {
        Wait w = { .mirror = m, .path = path, .interface = interface, .property = property };

        w.value = g_variant_ref_sink(g_variant_new_parsed(value));
        if (!loop_try_until(has_value, &w))
                fail(&w, value);
        g_variant_unref(w.value);
}

static const char *word_of(const Wait *w) {
        GVariant *value = mirror_get(w->mirror, w->path, w->interface, w->property);

        for (gsize i = 0; value && w->words[i]; i++)
                if (g_str_equal(w->words[i], g_variant_get_string(value, NULL)))
                        return w->words[i];

        return NULL;
}

static bool has_word(void *data) {
        return word_of(data);
}

const char *mirror_wait_word(
        Mirror *m, const char *path, const char *interface, const char *property, const char *const *words) {
        Wait w = { .mirror = m, .path = path, .interface = interface, .property = property, .words = words };

        if (!loop_try_until(has_word, &w))
                fail(&w, words[0]);
        return word_of(&w);
}

static bool is_there(void *data) {
        Wait *w = data;

        return mirror_has(w->mirror, w->path) == w->there;
}

void mirror_wait_object(Mirror *m, const char *path, bool there) {
        g_autofree char *what = g_strdup_printf("%s to %s", path, there ? "appear" : "go");
        Wait w = { .mirror = m, .path = path, .there = there };

        loop_until(is_there, &w, what);
}
