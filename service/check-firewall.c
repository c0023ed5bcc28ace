/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/check.h"
#include "service/firewall-host.h"
#include "service/manager.h"
#include "service/qos.h"

/* Whether the table stands, and whether the host's own rules let players in. */

typedef struct CheckFirewall {
        Manager *manager;
        GPtrArray *findings;
        GPtrArray *dropping; /* char*: base chains of others that drop what comes in */
        bool present[HOST_CHAINS_MAX];
        void (*done)(void *userdata);
        void *userdata;
} CheckFirewall;

static void check_table(const CheckFirewall *c) {
        const char *state = firewall_state(c->manager->firewall);
        int open = g_tree_nnodes(firewall_open_ports(c->manager->firewall));

        if (g_str_equal(state, "active"))
                findings_add(c->findings, "firewall", "ok",
                        g_strdup_printf("the table inet " FIREWALL_TABLE " stands: ports of %d server%s, %s",
                                open, open == 1 ? "" : "s",
                                c->manager->qos->marking ? "which are marked"
                                                         : "no marks (left4mectl qos on)"),
                        g_strdup(""));
        else
                findings_add(c->findings, "firewall", "failed", g_strdup(state),
                        g_strdup(
                                "what nftables has now: nft list ruleset; then: systemctl restart left4med"));
}

/* A host may be meant to go without; that it does is said all the same. */
static void check_builds(const CheckFirewall *c) {
        const char *why;

        if (firewall_guards_builds(c->manager->firewall, &why) >= 0)
                return;

        findings_add(c->findings, "builds", "warning",
                g_strdup_printf(
                        c->manager->config.builds_without_firewall
                                ? "builds reach what this host offers on its own addresses: %s"
                                : "no build that fetches begins, it could reach this host itself: %s",
                        why),
                g_strdup("systemctl restart left4med"));
}

static void check_chains(const CheckFirewall *c) {
        const Config *config = &c->manager->config;

        for (unsigned k = 0; k < config->n_host_chains; k++) {
                g_autofree char *chain = host_chain_to_string(&config->host_chains[k]);

                if (c->present[k])
                        findings_add(c->findings, "host chain", "ok",
                                g_strdup_printf("%s lets players in to servers that run", chain),
                                g_strdup(""));
                else
                        findings_add(c->findings, "host chain", "warning",
                                g_strdup_printf("there is no chain %s, which HostChain= names", chain),
                                g_strdup(
                                        "the chains that there are: nft list chains; then mend HostChain= in left4me.conf, and left4mectl reload"));
        }
}

/* A policy to drop, and nobody told us of it. */
static void check_policy(const CheckFirewall *c) {
        g_autofree char *chains = NULL;

        if (c->manager->config.n_host_chains > 0)
                return;

        if (c->dropping->len == 0) {
                findings_add(c->findings, "host chain", "ok",
                        g_strdup("no chain of this host drops what comes in by its policy"), g_strdup(""));
                return;
        }

        g_ptr_array_add(c->dropping, NULL);
        chains = g_strjoinv(", ", (char **) c->dropping->pdata);
        findings_add(c->findings, "host chain", "warning",
                g_strdup_printf(
                        "%s drops by its policy what comes in: players too, if no rule of yours lets them in",
                        chains),
                g_strdup_printf(
                        "HostChain=%s in /etc/left4me/left4me.conf, then: left4mectl reload", chains));
}

static void on_chain(const struct nlmsghdr *m, void *userdata) {
        CheckFirewall *c = userdata;
        const Config *config = &c->manager->config;
        NftChain chain;

        if (!nft_parse_chain(m, &chain))
                return;

        for (unsigned k = 0; k < config->n_host_chains; k++)
                if (config->host_chains[k].family == chain.family &&
                        g_str_equal(config->host_chains[k].table, chain.table) &&
                        g_str_equal(config->host_chains[k].chain, chain.name))
                        c->present[k] = true;

        if (chain.base && chain.drops && chain.hook == NF_INET_LOCAL_IN &&
                (chain.family == NFPROTO_INET || chain.family == NFPROTO_IPV4 ||
                        chain.family == NFPROTO_IPV6))
                g_ptr_array_add(c->dropping, g_strdup_printf("%s %s %s", host_family_to_string(chain.family),
                                                     chain.table, chain.name));
}

static void on_chains(int r, const char *why, void *userdata) {
        g_autofree CheckFirewall *c = userdata;

        check_table(c);
        check_builds(c);
        if (r >= 0) {
                check_chains(c);
                check_policy(c);
        } else
                findings_add(c->findings, "host chain", "unknown",
                        g_strdup_printf("nftables does not tell its chains: %s", why ?: strerror(-r)),
                        g_strdup(""));

        c->done(c->userdata);
        g_ptr_array_unref(c->dropping);
}

void check_firewall(Manager *m, GPtrArray *findings, void (*done)(void *userdata), void *userdata) {
        CheckFirewall *c = g_new0(CheckFirewall, 1);
        Netlink *n = firewall_netlink(m->firewall);
        int r = -EPROTONOSUPPORT;

        *c = (CheckFirewall){ .manager = m,
                .findings = findings,
                .dropping = g_ptr_array_new_with_free_func(g_free),
                .done = done,
                .userdata = userdata };
        if (n)
                r = nft_list_chains(n, on_chain, on_chains, c);
        if (r < 0)
                on_chains(r, NULL, c);
}
