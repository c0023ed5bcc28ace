/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/instance.h"
#include "service/manager.h"
#include "service/unit.h"

/* Figures are asked for when somebody wants them: one question to systemd for each running server, all at once. */

#define QUESTIONS_MAX 64U

/* An answer that is put together. */
typedef struct Statistics {
        Manager *manager;
        sd_bus_message *call;
        sd_bus_message *reply;
        bool single; /* a{sv} of one instance, not a{oa{sv}} */
        unsigned awaited;
        int r;
} Statistics;

/* What one question is about. */
typedef struct Question {
        Statistics *statistics;
        char *path;
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

static void statistics_unref(Statistics *s) {
        if (--s->awaited > 0)
                return;

        if (s->r >= 0 && !s->single)
                s->r = sd_bus_message_close_container(s->reply);
        if (s->r >= 0)
                (void) sd_bus_message_send(s->reply);
        else
                (void) sd_bus_reply_method_errnof(s->call, s->r, "Cannot answer the figures");

        s->manager->n_statistics--;
        sd_bus_message_unref(s->reply);
        sd_bus_message_unref(s->call);
        g_free(s);
}

static void on_figures(GHashTable *figures, void *userdata) {
        Question *q = userdata;
        Statistics *s = q->statistics;

        if (s->r >= 0 && !s->single)
                s->r = sd_bus_message_open_container(s->reply, 'e', "oa{sv}");
        if (s->r >= 0 && !s->single)
                s->r = sd_bus_message_append(s->reply, "o", q->path);
        if (s->r >= 0)
                s->r = append_figures(s->reply, figures);
        if (s->r >= 0 && !s->single)
                s->r = sd_bus_message_close_container(s->reply);

        g_free(q->path);
        g_free(q);
        statistics_unref(s);
}

static void ask(Statistics *s, Instance *i) {
        g_autoptr(GHashTable) none = g_hash_table_new(g_str_hash, g_str_equal);
        Question *q = g_new(Question, 1);

        *q = (Question){ .statistics = s, .path = g_strdup(i->object.path) };
        s->awaited++;

        if (unit_is_down(i->server) || unit_get_figures(i->server, on_figures, q) < 0)
                on_figures(none, q);
}

static int statistics_new(
        Manager *m, sd_bus_message *call, bool single, Statistics **ret, sd_bus_error *error) {
        sd_bus_message *reply;
        Statistics *s;
        int r;

        if (m->n_statistics >= QUESTIONS_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "%u calls ask for figures already. Try again later.", m->n_statistics);

        r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;

        s = g_new(Statistics, 1);
        *s = (Statistics){ .manager = m,
                .call = sd_bus_message_ref(call),
                .reply = reply,
                .single = single,
                .awaited = 1 };
        m->n_statistics++;

        *ret = s;
        return 0;
}

int bus_statistics_of(Instance *i, sd_bus_message *call, sd_bus_error *error) {
        Statistics *s;
        int r;

        r = statistics_new(i->manager, call, true, &s, error);
        if (r < 0)
                return r;

        ask(s, i);
        statistics_unref(s);
        return 1;
}

static gboolean ask_running(gpointer key, gpointer value, gpointer userdata) {
        Instance *i = value;

        if (!unit_is_down(i->server))
                ask(userdata, i);

        return FALSE;
}

int bus_statistics(Manager *m, sd_bus_message *call, sd_bus_error *error) {
        Statistics *s;
        int r;

        r = statistics_new(m, call, false, &s, error);
        if (r < 0)
                return r;

        s->r = sd_bus_message_open_container(s->reply, 'a', "{oa{sv}}");
        g_tree_foreach(m->instances, ask_running, s);
        statistics_unref(s);
        return 1;
}
