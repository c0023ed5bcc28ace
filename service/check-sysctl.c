/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/check.h"
#include "service/manager.h"

/* Which settings of our sysctl.d file are not in force, and who has another word. */

#define OURS "/usr/lib/sysctl.d/60-left4me.conf"

/* Where sysctl.d(5) looks, the strongest first. */
static const char *const folders[] = {
        "/etc/sysctl.d",
        "/run/sysctl.d",
        "/usr/local/lib/sysctl.d",
        "/usr/lib/sysctl.d",
};

/* Key and value of a line of sysctl.d; false for one that has none. They stand in the line. */
static bool read_line(char *line, const char **ret_key, const char **ret_value) {
        char *equals;

        line = g_strstrip(line);
        if (*line == '#' || *line == ';')
                return false;
        if (*line == '-')
                line++;

        equals = strchr(line, '=');
        if (!equals)
                return false;

        *equals = '\0';
        *ret_key = g_strstrip(g_strdelimit(line, "/", '.'));
        *ret_value = g_strstrip(equals + 1);
        return true;
}

/* Numbers may have any space between them. */
static char *normalize(const char *value) {
        g_auto(GStrv) words = g_strsplit_set(value, " \t\n", -1);
        g_autoptr(GStrvBuilder) kept = g_strv_builder_new();
        g_auto(GStrv) list = NULL;

        for (char **word = words; *word; word++)
                if (**word != '\0')
                        g_strv_builder_add(kept, *word);

        list = g_strv_builder_end(kept);
        return g_strjoinv(" ", list);
}

static bool file_sets(const char *path, const char *key) {
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;

        if (!g_file_get_contents(path, &text, NULL, NULL))
                return false;

        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++) {
                const char *found, *value;

                if (read_line(*line, &found, &value) && g_str_equal(found, key))
                        return true;
        }

        return false;
}

/* The file that comes last of those that set it: its name decides, whatever its folder. NULL for ours, or none. */
static char *find_setter(Manager *m, const char *key) {
        g_autofree char *best = NULL, *path = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
                g_autofree char *folder = g_strconcat(m->root, folders[i], NULL);
                g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
                const char *name;

                while (dir && (name = g_dir_read_name(dir))) {
                        g_autofree char *full = g_build_filename(folder, name, NULL);

                        if (!g_str_has_suffix(name, ".conf") || (best && strcmp(name, best) <= 0) ||
                                !file_sets(full, key))
                                continue;

                        g_free(best);
                        best = g_strdup(name);
                        g_free(path);
                        path = g_strdup(full + strlen(m->root));
                }
        }

        return path && !g_str_equal(path, OURS) ? g_steal_pointer(&path) : NULL;
}

static char *read_setting(Manager *m, const char *key) {
        g_autofree char *name = g_strdelimit(g_strdup(key), ".", '/'),
                        *path = g_strconcat(m->root, "/proc/sys/", name, NULL), *text = NULL;

        return g_file_get_contents(path, &text, NULL, NULL) ? normalize(text) : NULL;
}

void check_sysctl(Manager *m, GPtrArray *findings) {
        g_autofree char *path = g_strconcat(m->root, OURS, NULL), *text = NULL;
        g_autoptr(GString) others = g_string_new(NULL);
        g_auto(GStrv) lines = NULL;
        unsigned n = 0;

        if (!g_file_get_contents(path, &text, NULL, NULL)) {
                findings_add(findings, "sysctl", "warning", g_strdup_printf("%s cannot be read", OURS),
                        g_strdup("reinstall the package left4me"));
                return;
        }

        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++) {
                g_autofree char *wanted = NULL, *is = NULL, *setter = NULL;
                const char *key, *value;

                if (!read_line(*line, &key, &value))
                        continue;

                /* A container does not see all of them. */
                is = read_setting(m, key);
                if (!is)
                        continue;

                n++;
                wanted = normalize(value);
                if (g_str_equal(is, wanted))
                        continue;

                setter = find_setter(m, key);
                g_string_append_printf(others, "%s%s is %s, not %s%s%s%s", others->len > 0 ? "; " : "", key,
                        is, wanted, setter ? " (" : "", setter ? setter : "", setter ? ")" : "");
        }

        if (others->len > 0)
                findings_add(findings, "sysctl", "warning", g_strdup(others->str),
                        g_strdup("if that is not meant so: sysctl --system; see " OURS));
        else
                findings_add(findings, "sysctl", "ok",
                        g_strdup_printf("%u settings of the kernel are as shipped", n), g_strdup(""));
}
