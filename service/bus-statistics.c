/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus-figures.h"
#include "service/bus-objects.h"
#include "service/instance.h"
#include "service/manager.h"
#include "service/unit.h"

/* Figures are asked for when somebody wants them: one question to systemd for each running server, all at once. */

/* What one question is about. */
typedef struct Question {
        FiguresCall *call;
        char *path; /* NULL: the answer is this one's a{sv}, else a{oa{sv}} */
} Question;

static int append_figures(sd_bus_message *m, GHashTable *figures) {
        GHashTableIter iter;
        gpointer key, value;
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");

        g_hash_table_iter_init(&iter, figures);
        while (r >= 0 && g_hash_table_iter_next(&iter, &key, &value))
                r = sd_bus_message_append(m, "{sv}", (char *) key, "t", *(uint64_t *) value);

        return r < 0 ? r : sd_bus_message_close_container(m);
}

static void on_figures(GHashTable *figures, void *userdata) {
        Question *q = userdata;
        FiguresCall *c = q->call;

        if (c->r >= 0 && q->path)
                c->r = sd_bus_message_open_container(c->reply, 'e', "oa{sv}");
        if (c->r >= 0 && q->path)
                c->r = sd_bus_message_append(c->reply, "o", q->path);
        if (c->r >= 0)
                c->r = append_figures(c->reply, figures);
        if (c->r >= 0 && q->path)
                c->r = sd_bus_message_close_container(c->reply);

        g_free(q->path);
        g_free(q);
        figures_call_unref(c);
}

static void ask(FiguresCall *c, Instance *i, const char *path) {
        g_autoptr(GHashTable) none = g_hash_table_new(g_str_hash, g_str_equal);
        Question *q = g_new(Question, 1);

        *q = (Question){ .call = figures_call_ref(c), .path = g_strdup(path) };
        if (unit_is_down(i->server) || unit_get_figures(i->server, on_figures, q) < 0)
                on_figures(none, q);
}

int bus_statistics_of(Instance *i, sd_bus_message *call, sd_bus_error *error) {
        FiguresCall *c;
        int r;

        r = figures_call_new(i->manager, call, NULL, &c, error);
        if (r < 0)
                return r;

        ask(c, i, NULL);
        figures_call_unref(c);
        return 1;
}

static gboolean ask_running(gpointer key, gpointer value, gpointer userdata) {
        Instance *i = value;

        if (!unit_is_down(i->server))
                ask(userdata, i, i->object.path);

        return FALSE;
}

int bus_statistics(Manager *m, sd_bus_message *call, sd_bus_error *error) {
        FiguresCall *c;
        int r;

        r = figures_call_new(m, call, "{oa{sv}}", &c, error);
        if (r < 0)
                return r;

        g_tree_foreach(m->instances, ask_running, c);
        figures_call_unref(c);
        return 1;
}
