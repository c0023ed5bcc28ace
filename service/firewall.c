/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "service/firewall-host.h"
#include "service/firewall-internal.h"
#include "service/instance.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/qos.h"
#include "service/shield.h"

/* When others change the ruleset again and again, we answer this often: at once the first time, and never later than this. */
#define NEWS_INTERVAL (G_USEC_PER_SEC / 2)
/* After a failure that may pass. */
#define RETRY_INTERVAL (10 * G_USEC_PER_SEC)
/* Between two lines of the log about changes by others. */
#define LOG_INTERVAL (60 * G_USEC_PER_SEC)

typedef struct Waiter {
        FirewallDone done;
        void *userdata;
} Waiter;

static void sync_begin(Firewall *f);

static int compare_names(gconstpointer a, gconstpointer b) {
        return strcmp(a, b);
}

/* -- from one state to the next ---------------------------------------------------------------------------------- */

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Firewall *f = userdata;

        if (!f->busy && (f->wanted || f->damaged))
                sync_begin(f);
        return 0;
}

static void schedule(Firewall *f, uint64_t delay) {
        uint64_t when, now;

        if (!f->started || f->busy || sd_event_now(f->manager->event, CLOCK_MONOTONIC, &now) < 0)
                return;

        /* An earlier appointment stays. */
        if (sd_event_source_get_enabled(f->timer, NULL) > 0 &&
                sd_event_source_get_time(f->timer, &when) >= 0 && when <= now + delay)
                return;

        (void) sd_event_source_set_time(f->timer, now + delay);
        (void) sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
}

static bool may_pass(int r) {
        return r != -EOPNOTSUPP && r != -EPERM && r != -EPROTONOSUPPORT && r != -ENOENT;
}

static void set_result(Firewall *f, int r, const char *why) {
        g_autofree char *old = g_steal_pointer(&f->why);

        f->why = r < 0 ? g_strdup(why ?: strerror(-r)) : NULL;
        f->r = r;
        if (g_strcmp0(old, f->why) == 0)
                return;

        object_changed(&f->manager->qos->object, QOS_FIREWALL);
        shield_firewall_changed(f->manager->shield);
        if (r < 0)
                log_plain(LOG_WARNING, "The firewall is not as it should be: %s", f->why);
        else if (f->complained)
                log_plain(LOG_INFO, "The firewall is as it should be again");
        f->complained = r < 0;
}

static void log_repair(Firewall *f) {
        uint64_t now = (uint64_t) g_get_monotonic_time();

        f->repairs++;
        if (f->logged != 0 && now - f->logged < LOG_INTERVAL)
                return;

        log_plain(LOG_NOTICE,
                "Somebody (%s) changed or deleted the table inet " FIREWALL_TABLE
                ": it was made anew (%u times since this was last said)",
                f->culprit ?: "not known", f->repairs);
        f->logged = now;
        f->repairs = 0;
}

static void sync_end(Firewall *f, int r, const char *why) {
        g_autoptr(GPtrArray) served = f->served;

        f->served = g_ptr_array_new_with_free_func(g_free);
        f->busy = false;
        content_done(&f->next);
        if (r != -ECANCELED)
                set_result(f, r, why);

        for (unsigned k = 0; k < served->len; k++) {
                const Waiter *w = served->pdata[k];

                w->done(f->stands && r != -ECANCELED ? 0 : r, f->why, w->userdata);
        }

        if (r < 0 && may_pass(r)) {
                f->wanted = true;
                schedule(f, RETRY_INTERVAL);
        } else if (f->wanted || f->damaged)
                schedule(f, 0);
}

static void on_host(int r, const char *why, void *userdata) {
        Firewall *f = userdata;

        f->everywhere = f->everywhere && r < 0 && r != -ENOENT;
        sync_end(f, r, why);
}

static void put_host(Firewall *f) {
        const Config *c = &f->manager->config;

        if (c->n_host_chains == 0 && !f->everywhere)
                sync_end(f, 0, NULL);
        else
                firewall_host_put(f->netlink, c->host_chains, c->n_host_chains, f->in_force.ports,
                        f->everywhere, on_host, f);
}

static void take_over(Firewall *f) {
        if (!content_same_ports(&f->in_force, &f->next))
                object_changed(&f->manager->qos->object, QOS_OPEN_PORTS);

        firewall_forget_counters(f);
        content_done(&f->in_force);
        f->in_force = f->next;
        f->next = (Content){ 0 };
        f->stands = true;
}

static void put_table(Firewall *f);

static void on_table(int r, const char *why, void *userdata) {
        Firewall *f = userdata;

        if (r >= 0) {
                if (f->making && f->broken)
                        log_repair(f);
                f->broken = false;
                g_clear_pointer(&f->culprit, g_free);
                take_over(f);
                put_host(f);
        } else if (!f->making && r != -ECANCELED) {
                /* Somebody took the table away, and we have not heard of it yet. */
                f->making = true;
                put_table(f);
        } else {
                f->damaged = true;
                f->stands = false;
                sync_end(f, r, why);
        }
}

static void put_table(Firewall *f) {
        NftBatch *b = f->making ? content_make(f->manager, &f->next)
                                : content_change(f->manager, &f->in_force, &f->next);
        int r;

        if (nft_batch_is_empty(b)) {
                nft_batch_free(b);
                on_table(0, NULL, f);
                return;
        }

        r = nft_batch_send(f->netlink, b, 0, on_table, f);
        if (r < 0)
                on_table(r, NULL, f);
}

static void on_counters(int r, const char *why, void *userdata) {
        Firewall *f = userdata;

        /* A counter that cannot be read begins from where it was last seen. */
        if (r == -ECANCELED)
                sync_end(f, r, why);
        else
                put_table(f);
}

static void sync_begin(Firewall *f) {
        g_autoptr(GPtrArray) none = f->served;

        f->busy = true;
        f->making = f->damaged;
        f->wanted = f->damaged = false;
        f->served = f->waiting;
        f->waiting = g_ptr_array_new_with_free_func(g_free);
        content_read(f->manager, &f->next);

        if (f->making)
                firewall_read_counters(f, on_counters, f);
        else
                put_table(f);
}

/* -- news -------------------------------------------------------------------------------------------------------- */

static int take_name(const struct nlattr *attribute, void *userdata) {
        if (mnl_attr_get_type(attribute) == NFTA_GEN_PROC_NAME &&
                mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
                *(const char **) userdata = mnl_attr_get_str(attribute);
        return MNL_CB_OK;
}

/* The generation comes after what made it, and tells who did. */
static void note_culprit(Firewall *f, const struct nlmsghdr *m) {
        const char *name = NULL;

        if (!f->broken || f->culprit || m->nlmsg_pid == netlink_port(f->netlink))
                return;
        if (mnl_attr_parse(m, sizeof(struct nfgenmsg), take_name, &name) >= 0 && name)
                f->culprit = g_utf8_make_valid(name, -1);
}

static bool is_host_table(const Config *c, uint8_t family, const char *table) {
        for (unsigned k = 0; k < c->n_host_chains; k++)
                if (c->host_chains[k].family == family && g_str_equal(c->host_chains[k].table, table))
                        return true;

        return false;
}

static void on_news(const struct nlmsghdr *m, void *userdata) {
        Firewall *f = userdata;
        const char *table;
        uint8_t family;
        uint64_t now;

        table = m ? nft_parse_news(m, &family) : NULL;
        if (!m)
                f->damaged = true;
        else if (!table)
                note_culprit(f, m);
        else if (m->nlmsg_pid == netlink_port(f->netlink))
                return;
        else if (family == NFPROTO_INET && g_str_equal(table, FIREWALL_TABLE))
                f->damaged = f->broken = true;
        else if (is_host_table(&f->manager->config, family, table))
                f->wanted = true;

        if (!f->wanted && !f->damaged)
                return;

        now = (uint64_t) g_get_monotonic_time();
        if (f->answered == 0 || now - f->answered >= NEWS_INTERVAL) {
                f->answered = now;
                schedule(f, 0);
        } else
                schedule(f, f->answered + NEWS_INTERVAL - now);
}

/* -- what others ask for ----------------------------------------------------------------------------------------- */

void firewall_look(Firewall *f, Instance *i) {
        const OpenPort *o = g_tree_lookup(f->in_force.ports, i->name);

        if (content_wants(i) == (o != NULL) && (!o || o->rcon == i->config->open_rcon) &&
                f->in_force.games == content_games(f->manager))
                return;

        f->wanted = true;
        schedule(f, 0);
}

void firewall_remake(Firewall *f) {
        f->damaged = true;
        schedule(f, 0);
}

void firewall_reload(Firewall *f) {
        f->wanted = f->everywhere = true;
        schedule(f, 0);
}

void firewall_settle(Firewall *f, FirewallDone done, void *userdata) {
        Waiter *w;

        if (!f->started || !f->netlink || (!f->busy && !f->wanted && !f->damaged)) {
                done(f->stands ? 0 : f->r, f->why, userdata);
                return;
        }

        w = g_new(Waiter, 1);
        *w = (Waiter){ done, userdata };
        /* What is under way may have begun before what is waited for. */
        f->wanted = true;
        g_ptr_array_add(f->waiting, w);
        schedule(f, 0);
}

void firewall_settle_builds(Firewall *f, FirewallDone done, void *userdata) {
        /* A slice that was stopped and is started again has another cgroup. */
        f->wanted = f->wanted || f->in_force.builds != content_builds(f->manager);
        firewall_settle(f, done, userdata);
}

int firewall_guards_builds(const Firewall *f, const char **ret_why) {
        if (!f->stands) {
                *ret_why = f->why;
                return f->r;
        }
        if (content_builds(f->manager) == 0) {
                *ret_why = "l4d2-build.slice is not there (systemctl start l4d2-build.slice)";
                return -ENOENT;
        }

        return 0;
}

const char *firewall_state(const Firewall *f) {
        return f->r < 0 ? f->why : "active";
}

GTree *firewall_open_ports(const Firewall *f) {
        return f->in_force.ports;
}

Netlink *firewall_netlink(Firewall *f) {
        return f->netlink;
}

/* -- the object -------------------------------------------------------------------------------------------------- */

static int open_netlink(Firewall *f) {
        int r;

        r = netlink_open(f->manager->event, NETLINK_NETFILTER, &f->netlink);
        if (r < 0)
                return r;

        r = netlink_subscribe(f->netlink, NFNLGRP_NFTABLES, on_news, f);
        if (r < 0)
                f->netlink = netlink_close(f->netlink);

        return r;
}

Firewall *firewall_new(Manager *m) {
        Firewall *f = g_new0(Firewall, 1);
        int r;

        f->manager = m;
        f->damaged = f->everywhere = true;
        f->waiting = g_ptr_array_new_with_free_func(g_free);
        f->served = g_ptr_array_new_with_free_func(g_free);
        f->counters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        f->in_force.ports = g_tree_new(compare_names);
        f->r = -EAGAIN;
        f->why = g_strdup("it is being made");

        r = sd_event_add_time(m->event, &f->timer, CLOCK_MONOTONIC, 0, 1, on_timer, f);
        if (r >= 0)
                r = sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = open_netlink(f);
        if (r < 0) {
                g_free(f->why);
                f->why = g_strdup_printf("this kernel has no netfilter for us: %s", strerror(-r));
                f->r = r;
        }

        return f;
}

Firewall *firewall_free(Firewall *f) {
        if (!f)
                return NULL;

        /* Nothing more is begun, and who waits hears that it was cancelled. */
        f->started = false;
        f->netlink = netlink_close(f->netlink);
        for (unsigned k = 0; k < f->waiting->len; k++) {
                const Waiter *w = f->waiting->pdata[k];

                w->done(-ECANCELED, NULL, w->userdata);
        }

        sd_event_source_disable_unref(f->timer);
        g_ptr_array_unref(f->waiting);
        g_ptr_array_unref(f->served);
        g_hash_table_unref(f->counters);
        content_done(&f->in_force);
        g_free(f->why);
        g_free(f->culprit);
        g_free(f);
        return NULL;
}

void firewall_start(Firewall *f) {
        f->started = f->netlink != NULL;
        schedule(f, 0);
}
