/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/firewall-internal.h"

/* The table's counters, which outlive it: what they were when they were last read is where the next table's begin. */

char *firewall_counter_name(const char *server) {
        return g_strconcat("server-", server, NULL);
}

FirewallCounter firewall_counter(const Firewall *f, const char *name) {
        const FirewallCounter *c = g_hash_table_lookup(f->counters, name);

        return c ? *c : (FirewallCounter){ 0 };
}

void firewall_add_counter(Firewall *f, NftBatch *b, const char *name) {
        FirewallCounter c = firewall_counter(f, name);

        nft_add_counter(b, FIREWALL_TABLE, name, c.packets, c.bytes);
}

typedef struct Reading {
        Firewall *firewall;
        FirewallDone done;
        void *userdata;
} Reading;

static void on_counter(const struct nlmsghdr *m, void *userdata) {
        const Reading *reading = userdata;
        FirewallCounter *c;
        NftCounter counter;

        if (!nft_parse_counter(m, &counter))
                return;

        c = g_new(FirewallCounter, 1);
        *c = (FirewallCounter){ counter.packets, counter.bytes };
        (void) g_hash_table_replace(reading->firewall->counters, g_strdup(counter.name), c);
}

static void on_counters_read(int r, const char *why, void *userdata) {
        g_autofree Reading *reading = userdata;

        reading->done(r, why ?: strerror(-r), reading->userdata);
}

void firewall_read_counters(Firewall *f, FirewallDone done, void *userdata) {
        Reading *reading = g_new(Reading, 1);
        int r = -EPROTONOSUPPORT;

        *reading = (Reading){ f, done, userdata };
        if (f->netlink)
                r = nft_list_counters(f->netlink, FIREWALL_TABLE, on_counter, on_counters_read, reading);
        if (r < 0)
                on_counters_read(r, f->why, reading);
}

static gboolean forget_counter(gpointer key, gpointer value, gpointer userdata) {
        const Firewall *f = userdata;
        g_autofree char *counter = firewall_counter_name(key);

        if (!g_tree_lookup(f->next.ports, key))
                (void) g_hash_table_remove(f->counters, counter);
        return FALSE;
}

void firewall_forget_counters(Firewall *f) {
        g_tree_foreach(f->in_force.ports, forget_counter, f);
}
