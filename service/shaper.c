/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "service/log.h"
#include "service/manager.h"
#include "service/shaper-internal.h"
#include "service/shaper-networkd.h"
#include "service/store.h"

#define SETTING "shapers"

/* -- one of them ----------------------------------------------------------------------------------------------- */

static void shaper_free(gpointer data) {
        Shaper *shaper = data;

        g_free(shaper->interface);
        g_free(shaper->why);
        g_free(shaper->refusal);
        g_free(shaper->state);
        g_free(shaper);
}

Shaper *shapers_add(Shapers *s, const char *interface, const ShaperConfig *c) {
        Shaper *shaper = g_new0(Shaper, 1);

        shaper->all = s;
        shaper->interface = g_strdup(interface);
        shaper->config = *c;
        shaper->known = true;
        shaper->state = g_strdup("not looked at yet");
        g_tree_insert(s->shapers, shaper->interface, shaper);
        return shaper;
}

void shapers_forget(Shapers *s, const char *interface) {
        (void) g_tree_remove(s->shapers, interface);
        s->changed(s->manager);
}

ShaperPlan shaper_look(Shaper *shaper, GByteArray *messages) {
        const TcSnapshot *seen = &shaper->all->seen;
        g_autofree char *ifb_name = shaper_ifb_name(shaper->interface), *other = NULL;
        const TcLink *link = tc_snapshot_find(seen, shaper->interface),
                     *ifb = tc_snapshot_find(seen, ifb_name);

        shaper->link = link ? link->index : 0;
        shaper->ifb = ifb ? ifb->index : 0;
        g_clear_pointer(&shaper->why, g_free);
        if (link && !shaper->leaving && !shaper->config.takeover)
                other = networkd_manages_queue(shaper->all->manager->root, link->index);

        return shaper_plan(
                &(const ShaperWish){
                        .interface = shaper->interface,
                        .config = shaper->leaving ? NULL : &shaper->config,
                        .known = shaper->known,
                        .other = other,
                },
                seen, messages, &shaper->why);
}

bool shaper_is_unsupported(const Shaper *shaper) {
        return shaper->r == -ENOENT && shaper->refusal && strstr(shaper->refusal, "qdisc kind is unknown");
}

static char *describe(const Shaper *shaper) {
        if (shaper->all->r < 0)
                return g_strdup_printf("the kernel cannot be asked: %s", strerror(-shaper->all->r));
        if (shaper_is_unsupported(shaper))
                return g_strdup("this kernel has no CAKE (module sch_cake)");
        if (shaper->r < 0)
                return g_strdup_printf("the kernel refuses it: %s%s%s%s", strerror(-shaper->r),
                        shaper->refusal ? " (" : "", shaper->refusal ? shaper->refusal : "",
                        shaper->refusal ? ")" : "");
        if (shaper->tired)
                return g_strdup(
                        "another program takes it away again and again; left4me tries once more within a minute");

        switch (shaper->plan) {
        case SHAPER_DONE:
                return g_strdup(SHAPER_ACTIVE);
        case SHAPER_ABSENT:
                return g_strdup("there is no such interface now");
        case SHAPER_FOREIGN:
                return g_strdup(shaper->why);
        case SHAPER_SAY:
                break;
        }

        return g_strdup("the kernel does not keep it");
}

void shaper_settle(Shaper *shaper) {
        g_autofree char *state = describe(shaper);
        bool same = g_str_equal(state, shaper->state), active = g_str_equal(state, SHAPER_ACTIVE);

        if (shaper->leaving)
                same = true;
        else if (!same && active)
                log_plain(LOG_NOTICE, "The queue of %s is shaped.", shaper->interface);
        else if (!same)
                log_plain(LOG_WARNING, "The queue of %s is not shaped: %s", shaper->interface, state);
        else if (active && shaper->said && !shaper->asked)
                log_plain(LOG_NOTICE, "The queue of %s was changed by somebody, and is set again.",
                        shaper->interface);

        shaper->said = shaper->asked = false;
        g_free(shaper->state);
        shaper->state = g_steal_pointer(&state);
        if (!same)
                shaper->all->changed(shaper->all->manager);
}

/* -- the store ------------------------------------------------------------------------------------------------- */

typedef struct Rendering {
        GString *text;
        const char *without;
} Rendering;

static gboolean render(gpointer key, gpointer value, gpointer userdata) {
        const Shaper *shaper = value;
        Rendering *rendering = userdata;
        g_autofree char *line = NULL;

        if (g_strcmp0(rendering->without, key) == 0)
                return FALSE;

        line = shaper_config_render(key, &shaper->config);
        g_string_append_printf(rendering->text, "%s\n", line);
        return FALSE;
}

int shapers_store(Shapers *s, const char *without) {
        g_autoptr(GString) text = g_string_new(NULL);
        Rendering rendering = { text, without };

        g_tree_foreach(s->shapers, render, &rendering);
        return store_set_setting(s->manager->store, SETTING, text->str);
}

static void load(Shapers *s) {
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;
        int r;

        r = store_get_setting(s->manager->store, SETTING, &text);
        if (r < 0)
                log_plain(LOG_WARNING, "Cannot read which queues are to be shaped, ignoring: %s",
                        strerror(-r));

        lines = g_strsplit(text ? text : "", "\n", -1);
        for (char **line = lines; *line; line++) {
                g_autofree char *interface = NULL;
                ShaperConfig c;

                if (**line == '\0')
                        continue;

                if (shaper_config_parse(*line, &interface, &c) < 0)
                        log_plain(
                                LOG_WARNING, "Cannot read which queue is to be shaped, ignoring: %s", *line);
                else
                        (void) shapers_add(s, interface, &c);
        }
}

/* -- news ------------------------------------------------------------------------------------------------------ */

typedef struct News {
        const TcLink *link; /* NULL: something about the queues of link number `index` */
        int index;
} News;

static gboolean concerns(gpointer key, gpointer value, gpointer userdata) {
        const Shaper *shaper = value;
        News *news = userdata;
        bool it = shaper->link == news->index || shaper->ifb == news->index;

        if (!it && news->link) {
                g_autofree char *ifb_name = shaper_ifb_name(shaper->interface);

                it = g_str_equal(shaper->interface, news->link->name) ||
                     g_str_equal(ifb_name, news->link->name);
        }
        if (it)
                news->index = 0;

        return it;
}

static void on_news(const struct nlmsghdr *message, void *userdata) {
        Shapers *s = userdata;
        News news = { 0 };
        TcLink link;

        /* What we did ourselves is looked at anyway. */
        if (message && message->nlmsg_pid == netlink_port(s->netlink))
                return;

        if (message && tc_parse_link(message, &link) >= 0)
                news = (News){ .link = &link, .index = link.index };
        else if (message)
                news.index = tc_link_of(message);

        if (news.index > 0)
                g_tree_foreach(s->shapers, concerns, &news);
        if (!message || (news.index == 0 && g_tree_nnodes(s->shapers) > 0))
                shapers_run(s);
}

static int listen_to(Shapers *s) {
        int r;

        r = netlink_open(s->manager->event, NETLINK_ROUTE, &s->netlink);
        if (r >= 0)
                r = netlink_subscribe(s->netlink, RTNLGRP_LINK, on_news, s);
        if (r >= 0)
                r = netlink_subscribe(s->netlink, RTNLGRP_TC, on_news, s);

        return r;
}

/* -- all of them ----------------------------------------------------------------------------------------------- */

static int compare(gconstpointer a, gconstpointer b, gpointer userdata) {
        return strcmp(a, b);
}

Shapers *shapers_new(Manager *m, void (*changed)(Manager *m)) {
        Shapers *s = g_new0(Shapers, 1);
        int r;

        s->manager = m;
        s->changed = changed;
        s->shapers = g_tree_new_full(compare, NULL, NULL, shaper_free);
        g_queue_init(&s->calls);
        load(s);

        r = listen_to(s);
        if (r < 0) {
                log_plain(LOG_WARNING, "Cannot speak with the kernel's network, ignoring: %s", strerror(-r));
                s->netlink = netlink_close(s->netlink);
        }

        if (g_tree_nnodes(s->shapers) > 0)
                shapers_run(s);
        return s;
}

Shapers *shapers_free(Shapers *s) {
        if (!s)
                return NULL;

        s->closing = true;
        netlink_close(s->netlink);
        shaper_calls_drop(s);
        sd_event_source_disable_unref(s->timer);
        tc_snapshot_clear(&s->seen);
        g_tree_unref(s->shapers);
        g_free(s);
        return NULL;
}

typedef struct Each {
        void (*each)(const ShaperInfo *i, void *userdata);
        void *userdata;
} Each;

static gboolean tell(gpointer key, gpointer value, gpointer userdata) {
        const Shaper *shaper = value;
        const Each *each = userdata;

        each->each(
                &(const ShaperInfo){
                        .interface = key,
                        .config = &shaper->config,
                        .state = shaper->state,
                        .warning = shaper->config.egress.preset == CAKE_DIFFSERV_BESTEFFORT ? SHAPER_BLIND
                                                                                            : NULL,
                },
                each->userdata);
        return FALSE;
}

void shapers_each(Shapers *s, void (*each)(const ShaperInfo *i, void *userdata), void *userdata) {
        Each both = { each, userdata };

        g_tree_foreach(s->shapers, tell, &both);
}

static gboolean leave(gpointer key, gpointer value, gpointer userdata) {
        Shaper *shaper = value;

        shaper->leaving = true;
        shaper->n_said = 0;
        return FALSE;
}

void shapers_take_down(Shapers *s, void (*done)(void *userdata), void *userdata) {
        if (!s->netlink || g_tree_nnodes(s->shapers) == 0) {
                done(userdata);
                return;
        }

        s->gone = done;
        s->gone_userdata = userdata;
        g_tree_foreach(s->shapers, leave, NULL);
        shapers_run(s);
}
