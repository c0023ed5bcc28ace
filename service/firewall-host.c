/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "service/firewall-host.h"

#define TRIES 10U
#define COMMENT "left4med: "

/* One that is wanted. */
typedef struct HostRule {
        const HostChain *chain;
        char *key;           /* where it is, and its comment */
        const char *comment; /* says all that the rule does */
        uint8_t protocol;
        uint16_t port;
        bool found;
} HostRule;

typedef struct HostPut {
        Netlink *netlink;
        HostChain chains[HOST_CHAINS_MAX];
        bool present[HOST_CHAINS_MAX];
        unsigned n_chains;
        bool everywhere;
        GHashTable *wanted; /* key -> HostRule */
        NftBatch *removals;
        uint32_t generation;
        unsigned tries;
        unsigned awaited; /* questions */
        int r;            /* of the first that failed */
        FirewallDone done;
        void *userdata;
} HostPut;

static void rule_free(gpointer data) {
        HostRule *r = data;

        g_free(r->key);
        g_free(r);
}

char *host_chain_to_string(const HostChain *c) {
        return g_strdup_printf("%s %s %s", host_family_to_string(c->family), c->table, c->chain);
}

static void put_end(HostPut *p, int r, const char *why) {
        p->done(r, why, p->userdata);
        g_hash_table_unref(p->wanted);
        nft_batch_free(p->removals);
        g_free(p);
}

static char *make_key(uint8_t family, const char *table, const char *chain, const char *comment) {
        return g_strdup_printf("%u %s %s %s", family, table, chain, comment);
}

static void add_rule(HostPut *p, const HostChain *c, const OpenPort *o, uint8_t protocol) {
        g_autofree char *comment = g_strdup_printf(
                COMMENT "%s %s %u", o->name, protocol == IPPROTO_UDP ? "udp" : "tcp", o->port);
        HostRule *r = g_new(HostRule, 1);

        *r = (HostRule){ .chain = c,
                .key = make_key(c->family, c->table, c->chain, comment),
                .protocol = protocol,
                .port = o->port };
        r->comment = r->key + strlen(r->key) - strlen(comment);
        (void) g_hash_table_replace(p->wanted, r->key, r);
}

static gboolean want(gpointer key, gpointer value, gpointer userdata) {
        HostPut *p = userdata;
        const OpenPort *o = value;

        for (unsigned k = 0; k < p->n_chains; k++) {
                add_rule(p, &p->chains[k], o, IPPROTO_UDP);
                if (o->rcon)
                        add_rule(p, &p->chains[k], o, IPPROTO_TCP);
        }

        return FALSE;
}

static NftRule *accept_new(const HostRule *wanted) {
        const HostChain *c = wanted->chain;
        NftRule *r = nft_rule_new(c->family, c->table, c->chain, wanted->comment);

        nft_match_protocol(r, wanted->protocol);
        nft_load_destination_port(r);
        nft_compare_u16(r, NFT_CMP_EQ, wanted->port);
        nft_verdict(r, NF_ACCEPT);
        return r;
}

static void on_rule(const struct nlmsghdr *m, void *userdata) {
        HostPut *p = userdata;
        g_autofree char *key = NULL;
        NftRuleInfo rule;
        HostRule *wanted;

        if (!nft_parse_rule(m, &rule) || !g_str_has_prefix(rule.comment, COMMENT))
                return;

        key = make_key(rule.family, rule.table, rule.chain, rule.comment);
        wanted = g_hash_table_lookup(p->wanted, key);
        if (wanted && !wanted->found)
                wanted->found = true;
        else
                nft_delete_rule(p->removals, rule.family, rule.table, rule.chain, rule.handle);
}

static void on_chain(const struct nlmsghdr *m, void *userdata) {
        HostPut *p = userdata;
        NftChain chain;

        if (!nft_parse_chain(m, &chain))
                return;

        for (unsigned k = 0; k < p->n_chains; k++)
                if (p->chains[k].family == chain.family && g_str_equal(p->chains[k].table, chain.table) &&
                        g_str_equal(p->chains[k].chain, chain.name))
                        p->present[k] = true;
}

static void on_generation(const struct nlmsghdr *m, void *userdata) {
        HostPut *p = userdata;

        (void) nft_parse_generation(m, &p->generation);
}

static void ask(HostPut *p);

static void end_well(HostPut *p) {
        for (unsigned k = 0; k < p->n_chains; k++)
                if (!p->present[k]) {
                        g_autofree char *chain = host_chain_to_string(&p->chains[k]),
                                        *why = g_strdup_printf(
                                                "there is no chain %s (HostChain= in left4me.conf)", chain);

                        put_end(p, -ENOENT, why);
                        return;
                }

        put_end(p, 0, NULL);
}

static void on_put(int r, const char *why, void *userdata) {
        HostPut *p = userdata;
        g_autofree char *told = NULL;

        if (r >= 0)
                end_well(p);
        /* Somebody was faster: the handles may be others' by now. */
        else if (r == -ERESTART && ++p->tries < TRIES)
                ask(p);
        else {
                told = g_strdup_printf("cannot put rules into the host's chain: %s", why ?: strerror(-r));
                put_end(p, r, told);
        }
}

/* All questions are answered. */
static void put(HostPut *p) {
        g_autoptr(NftBatch) b = g_steal_pointer(&p->removals);
        GHashTableIter iter;
        gpointer value;
        int r;

        if (p->r < 0) {
                g_autofree char *why = g_strdup_printf("cannot read the host's rules: %s", strerror(-p->r));

                put_end(p, p->r, why);
                return;
        }

        g_hash_table_iter_init(&iter, p->wanted);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const HostRule *w = value;

                if (!w->found && p->present[w->chain - p->chains])
                        nft_insert_rule(b, accept_new(w));
        }

        if (nft_batch_is_empty(b)) {
                end_well(p);
                return;
        }

        r = nft_batch_send(p->netlink, g_steal_pointer(&b), p->generation, on_put, p);
        if (r < 0)
                on_put(r, NULL, p);
}

static void on_answered(int r, const char *why, void *userdata) {
        HostPut *p = userdata;

        if (p->r == 0)
                p->r = r;
        if (--p->awaited == 0)
                put(p);
}

static void ask_rules(HostPut *p, const HostChain *c) {
        int r;

        p->awaited++;
        r = nft_list_rules(p->netlink, c ? c->family : NFPROTO_UNSPEC, c ? c->table : NULL,
                c ? c->chain : NULL, on_rule, on_answered, p);
        if (r < 0)
                on_answered(r, NULL, p);
}

/* The generation first: whatever changes after it makes the transaction fail. Questions are answered in their order. */
static void ask(HostPut *p) {
        GHashTableIter iter;
        gpointer value;
        int r;

        p->r = 0;
        p->awaited = 3;
        p->removals = nft_batch_new();
        memset(p->present, 0, sizeof(p->present));
        g_hash_table_iter_init(&iter, p->wanted);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                ((HostRule *) value)->found = false;

        r = nft_get_generation(p->netlink, on_generation, on_answered, p);
        if (r < 0)
                on_answered(r, NULL, p);
        r = nft_list_chains(p->netlink, on_chain, on_answered, p);
        if (r < 0)
                on_answered(r, NULL, p);

        if (p->everywhere)
                ask_rules(p, NULL);
        for (unsigned k = 0; k < p->n_chains && !p->everywhere; k++)
                ask_rules(p, &p->chains[k]);
        on_answered(0, NULL, p);
}

void firewall_host_put(Netlink *n, const HostChain *chains, unsigned n_chains, GTree *open, bool everywhere,
        FirewallDone done, void *userdata) {
        HostPut *p = g_new0(HostPut, 1);

        p->netlink = n;
        memcpy(p->chains, chains, n_chains * sizeof(*chains));
        p->n_chains = n_chains;
        p->everywhere = everywhere;
        p->wanted = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, rule_free);
        p->done = done;
        p->userdata = userdata;
        g_tree_foreach(open, want, p);
        ask(p);
}
