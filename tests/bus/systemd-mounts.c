/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kernel's table of mounts, as far as left4med looks at it: a stack is there while its overlay unit is active. */

#include <string.h>

#include "systemd-internal.h"

/* The stack that is written when the unit starts is what stays mounted. */
static char *read_layers(SystemdUnit *u) {
        g_autofree char *id = g_strndup(strchr(u->name, '@') + 1, strcspn(strchr(u->name, '@') + 1, "."));
        const char *name = strchr(id, '-') + 1;
        g_autofree char *file = g_str_has_prefix(id, "build-")
                                        ? g_strdup_printf(
                                                  "%s/run/left4me/jobs/%s/stack", u->systemd->root, name)
                                        : g_strdup_printf("%s/var/lib/left4me/instances/%s/stack",
                                                  u->systemd->root, name);
        g_autofree char *text = NULL;
        g_auto(GStrv) layers = NULL;
        GString *line;

        if (!g_file_get_contents(file, &text, NULL, NULL))
                return NULL;

        line = g_string_new(NULL);
        g_string_append_printf(line,
                "99 1 0:60 / %s/var/lib/left4me/runtime/%s/merged rw,relatime - overlay left4me rw",
                u->systemd->root, id);
        layers = g_strsplit(g_strchomp(text), "\n", -1);
        for (char **layer = layers; *layer; layer++) {
                g_auto(GStrv) parts = g_strsplit(*layer, "/", 2);

                if (g_strv_length(parts) == 2)
                        g_string_append_printf(line, ",lowerdir+=%s/var/lib/left4me/overlays/%s/versions/%s",
                                u->systemd->root, parts[0], parts[1]);
        }
        g_string_append_c(line, '\n');
        return g_string_free(line, FALSE);
}

static void write_table(Systemd *s) {
        g_autofree char *file = g_strconcat(s->root, "/proc/self/mountinfo", NULL);
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        GHashTableIter iter;
        SystemdUnit *u;

        g_hash_table_iter_init(&iter, s->units);
        while (g_hash_table_iter_next(&iter, NULL, (gpointer *) &u))
                g_string_append(text, u->mounted ?: "");
        (void) g_file_set_contents(file, text->str, (gssize) text->len, &error);
        g_assert_no_error(error);
}

void unit_mount(SystemdUnit *u) {
        bool is_up = !g_str_equal(u->active_state, "inactive") && !g_str_equal(u->active_state, "failed");

        if (u->kind != UNIT_OVERLAY || !u->systemd->root)
                return;

        if (g_str_equal(u->active_state, "active") && !u->mounted)
                u->mounted = read_layers(u);
        else if (!is_up && u->mounted)
                g_clear_pointer(&u->mounted, g_free);
        else
                return;

        write_table(u->systemd);
}

void systemd_show_mounts(Systemd *s, const char *root) {
        g_free(s->root);
        s->root = g_strdup(root);
        if (root)
                write_table(s);
}
