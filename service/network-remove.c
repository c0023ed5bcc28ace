/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/firewall-host.h"
#include "service/log.h"
#include "service/network-remove.h"

typedef struct Removal {
        sd_event *event;
        Netlink *netlink;
} Removal;

static int compare_names(gconstpointer a, gconstpointer b) {
        return strcmp(a, b);
}

static void on_rules(int r, const char *why, void *userdata) {
        const Removal *removal = userdata;

        (void) sd_event_exit(removal->event, r);
}

static void on_table(int r, const char *why, void *userdata) {
        const Removal *removal = userdata;
        g_autoptr(GTree) none = g_tree_new(compare_names);
        const HostChain no_chain = { 0 };

        if (r < 0) {
                (void) sd_event_exit(removal->event, r);
                return;
        }

        firewall_host_put(removal->netlink, &no_chain, 0, none, true, on_rules, userdata);
}

int network_remove(void) {
        g_autoptr(sd_event) event = NULL;
        g_autoptr(Netlink) netlink = NULL;
        Removal removal;
        NftBatch *b;
        int r;

        r = sd_event_new(&event);
        if (r >= 0)
                r = netlink_open(event, NETLINK_NETFILTER, &netlink);
        if (r >= 0) {
                removal = (Removal){ event, netlink };
                b = nft_batch_new();
                /* What is not there cannot be deleted. */
                nft_add_table(b, FIREWALL_TABLE);
                nft_delete_table(b, FIREWALL_TABLE);
                r = nft_batch_send(netlink, b, 0, on_table, &removal);
        }
        if (r >= 0)
                r = sd_event_loop(event);

        /* A kernel that has no nftables has nothing of ours either. */
        if (r == -EPROTONOSUPPORT || r == -EOPNOTSUPP)
                r = 0;
        if (r < 0)
                log_plain(LOG_ERR, "Cannot take the firewall's table away: %s", strerror(-r));

        return r;
}
