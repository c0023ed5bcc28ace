/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "config-rules.h"

static void assert_printable(const char *text, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (text[i] < ' ' || text[i] > '~')
                        g_error("byte %02x at %zu of: %s", (guint8) text[i], i, text);
}

static void assert_argv(const InstanceConfig *c) {
        static const char *const fixed[] = { "./srcds_run", "-norestart", "-game", "left4dead2",
                "-strictportbind", "-ip", "0.0.0.0", "-port", NULL, "+exec", "left4me.cfg" };
        g_autoptr(GByteArray) argv = instance_config_render_argv(c);
        g_autofree char *port = g_strdup_printf("%u", c->port);
        const char *word = (const char *) argv->data, *end = word + argv->len;
        unsigned n = 0, n_arguments = g_strv_length(c->arguments);
        bool map = false;

        for (; word < end; word += strlen(word) + 1, n++) {
                g_assert_nonnull(memchr(word, '\0', (size_t) (end - word)));
                g_assert_cmpuint(strlen(word), >, 0);
                assert_printable(word, strlen(word));
                g_assert_null(strpbrk(word, " *?[]\"'\\"));

                if (n < G_N_ELEMENTS(fixed))
                        g_assert_cmpstr(word, ==, fixed[n] ?: port);
                else if (n < G_N_ELEMENTS(fixed) + n_arguments) {
                        g_assert_cmpstr(word, ==, c->arguments[n - G_N_ELEMENTS(fixed)]);
                        map = map || g_str_equal(word, "+map");
                }
        }

        g_assert_cmpuint(n, ==, G_N_ELEMENTS(fixed) + n_arguments + (map ? 0 : 2));
}

/* NAME "VALUE" */
static void assert_cvar(const InstanceConfig *c, const char *line) {
        size_t n = strspn(line, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_"), size = strlen(line);
        g_autofree char *name = g_strndup(line, n), *value = NULL;
        const char *known;

        g_assert_cmpuint(n, >, 0);
        g_assert_true(g_str_has_prefix(line + n, " \"") && size >= n + 3 && line[size - 1] == '"');
        value = g_strndup(line + n + 2, size - n - 3);
        g_assert_null(strchr(value, '"'));
        known = g_hash_table_lookup(c->cvars, name);
        if (known)
                g_assert_cmpstr(value, ==, known);
        else
                g_assert_cmpstr(name, ==, "hostname");
        g_assert_cmpint(g_ascii_strcasecmp(name, "rcon_password"), !=, 0);
}

static void assert_cfg(const InstanceConfig *c, const char *name, const char *const *execs) {
        g_autofree char *cfg = instance_config_render_cfg(c, name, execs);
        g_auto(GStrv) lines = g_strsplit(cfg, "\n", -1);
        unsigned n_execs = 0;
        unsigned n_cvars = g_hash_table_size(c->cvars) + !g_hash_table_contains(c->cvars, "hostname");
        unsigned n, n_lines = g_strv_length(c->lines);

        while (execs && execs[n_execs])
                n_execs++;
        n = 1 + n_execs + n_cvars;

        /* The last line is ended too. */
        g_assert_cmpuint(g_strv_length(lines), ==, n + n_lines + 1);
        g_assert_cmpstr(lines[n + n_lines], ==, "");

        g_assert_true(g_str_has_prefix(lines[0], "//"));
        for (char **l = lines; *l; l++)
                assert_printable(*l, strlen(*l));
        for (unsigned i = 0; i < n_execs; i++) {
                g_autofree char *exec = g_strdup_printf("exec server_%s.cfg", execs[i]);

                g_assert_cmpstr(lines[1 + i], ==, exec);
        }
        for (unsigned i = 1 + n_execs; i < n; i++)
                assert_cvar(c, lines[i]);
        for (unsigned i = 0; i < n_lines; i++)
                g_assert_cmpstr(lines[n + i], ==, c->lines[i]);
}

void config_assert_rules(const InstanceConfig *c, const char *name, const char *const *execs) {
        assert_argv(c);
        assert_cfg(c, name, execs);
        g_assert_cmpuint(g_hash_table_size(c->cvars), <=, CONFIG_CVARS_MAX);
        g_assert_cmpuint(g_strv_length(c->overlays), <=, CONFIG_OVERLAYS_MAX);
        g_assert_cmpuint(g_strv_length(c->arguments), <=, CONFIG_ARGUMENTS_MAX);
        g_assert_cmpuint(g_strv_length(c->lines), <=, CONFIG_LINES_MAX);
}

static void dump_list(GString *text, const char *key, GStrv list) {
        g_string_append_printf(text, "%s:\n", key);
        for (char **l = list; *l; l++)
                g_string_append_printf(text, "<%s>\n", *l);
}

static int compare_keys(gconstpointer a, gconstpointer b) {
        return strcmp(a, b);
}

GStrv config_list(const char *const *items) {
        g_autoptr(GStrvBuilder) b = g_strv_builder_new();

        for (; *items; items++)
                g_strv_builder_add(b, *items);
        return g_strv_builder_end(b);
}

char *config_dump(const InstanceConfig *c) {
        GString *text = g_string_new(NULL);
        g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(c->cvars), compare_keys),
                         held = g_list_sort(g_hash_table_get_keys(c->held), compare_keys);

        g_string_append_printf(
                text, "port %u\ngame %s\nautostart %d\n", c->port, c->game ?: "(none)", c->autostart);
        dump_list(text, "overlays", c->overlays);
        dump_list(text, "arguments", c->arguments);
        dump_list(text, "lines", c->lines);
        for (GList *l = names; l; l = l->next)
                g_string_append_printf(text, "<%s>=<%s>\n", (const char *) l->data,
                        (const char *) g_hash_table_lookup(c->cvars, l->data));
        for (GList *l = held; l; l = l->next)
                g_string_append_printf(text, "held %s/%u\n", (const char *) l->data,
                        GPOINTER_TO_UINT(g_hash_table_lookup(c->held, l->data)));

        return g_string_free(text, FALSE);
}

bool config_try(InstanceConfig *c, const Setting *s) {
        g_autofree char *before = config_dump(c), *after = NULL, *why = NULL;
        int r;

        r = instance_config_set(c, s, RULES_PORT_FIRST, RULES_PORT_LAST, &why);
        if (r >= 0) {
                g_assert_cmpint(r, ==, 0);
                g_assert_null(why);
                return true;
        }

        /* The message goes over the bus, which takes UTF-8 only. */
        g_assert_cmpint(r, ==, -EINVAL);
        g_assert_nonnull(why);
        g_assert_true(g_utf8_validate(why, -1, NULL));
        after = config_dump(c);
        g_assert_cmpstr(after, ==, before);
        return false;
}
