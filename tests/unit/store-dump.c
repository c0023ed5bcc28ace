/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store-dump.h"
#include "config-rules.h"

static void dump_instance(
        const char *name, uint64_t named, InstanceConfig *c, const LastExit *e, void *userdata) {
        g_autoptr(InstanceConfig) config = c;
        g_autofree char *text = config_dump(config);

        g_string_append_printf(userdata, "instance %s\n%snamed %" G_GUINT64_FORMAT "\n", name, text, named);
}

static void dump_overlay(const StoredOverlay *o, void *userdata) {
        g_string_append_printf(userdata, "overlay %s %s %u", o->name, o->kind, o->current);
        if (o->keep != 3)
                g_string_append_printf(userdata, " keep %u", o->keep);
        g_string_append_c(userdata, '\n');
}

static void dump_version(const char *overlay, const StoredVersion *v, void *userdata) {
        g_string_append_printf(userdata,
                "version %s/%u created %" G_GUINT64_FORMAT " size %" G_GUINT64_FORMAT
                " files %" G_GUINT64_FORMAT " <%s>\n",
                overlay, v->number, v->created, v->size, v->files, v->label);
}

static void dump_job(const StoredJob *j, void *userdata) {
        g_string_append_printf(userdata,
                "job %u %s <%s> <%s> %s <%s> %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                " %d\n",
                j->id, j->kind, j->subject, j->argument, j->state, j->message, j->queued, j->started,
                j->finished, j->exit_status);
}

char *store_dump(Store *s) {
        GString *text = g_string_new(NULL);

        g_assert_cmpint(store_load_instances(s, dump_instance, text), ==, 0);
        g_assert_cmpint(store_load_overlays(s, dump_overlay, text), ==, 0);
        g_assert_cmpint(store_load_versions(s, dump_version, text), ==, 0);
        g_assert_cmpint(store_load_jobs(s, dump_job, text), ==, 0);
        return g_string_free(text, FALSE);
}

void store_assert(Store *s, const char *dump) {
        g_autofree char *now = store_dump(s);

        g_assert_cmpstr(now, ==, dump);
}

Store *store_open_good(const char *path) {
        Store *s;

        g_assert_cmpint(store_open(path, &s), ==, 0);
        return s;
}

InstanceConfig *store_example(uint16_t port, char letter, unsigned n_cvars) {
        InstanceConfig *c = instance_config_new();

        c->port = port;
        c->game = g_strdup("l4d2");
        g_strfreev(c->overlays);
        c->overlays = letter % 2 ? g_strsplit("maps,mods", ",", -1) : g_strsplit("mods", ",", -1);
        g_strfreev(c->arguments);
        c->arguments = g_strsplit("+map,c2m1_highway", ",", -1);
        c->arguments[0][1] = letter;
        for (unsigned i = 0; i < n_cvars; i++)
                g_hash_table_replace(c->cvars, g_strdup_printf("%c%u", letter, i), g_strnfill(200, letter));

        return c;
}

Store *store_open_example(const char *path) {
        static const char *const overlays[] = { "l4d2", "maps", "mods" };
        Store *s = store_open_good(path);

        for (size_t i = 0; i < G_N_ELEMENTS(overlays); i++)
                g_assert_cmpint(store_add_overlay(s, overlays[i], "import"), ==, 0);

        return s;
}
