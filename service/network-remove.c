/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "service/firewall-host.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/network-remove.h"
#include "service/shaper.h"
#include "service/store.h"

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

static void on_change(Manager *m) {
        /* Nobody is there to be told. */
}

static void on_shapers_gone(void *userdata) {
        (void) sd_event_exit(userdata, 0);
}

/* As much of a manager as shapers need. */
static int remove_shapers(const char *root) {
        g_autofree char *path = g_strconcat(root, "/var/lib/left4me/manager/left4me.db", NULL),
                        *own_root = g_strdup(root);
        Manager m = { .root = own_root };
        Shapers *shapers;
        int r;

        /* It would be made otherwise. */
        if (access(path, F_OK) < 0)
                return 0;

        r = store_open(path, &m.store);
        if (r >= 0)
                r = sd_event_new(&m.event);
        if (r >= 0) {
                shapers = shapers_new(&m, on_change);
                shapers_take_down(shapers, on_shapers_gone, m.event);
                r = sd_event_loop(m.event);
                shapers_free(shapers);
        }
        if (r < 0)
                log_plain(LOG_ERR, "Cannot take the shapers away: %s", strerror(-r));

        sd_event_unref(m.event);
        store_free(m.store);
        return r;
}

static int remove_table(void) {
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

int network_remove(const char *root) {
        int table = remove_table(), shapers = remove_shapers(root);

        return table < 0 ? table : shapers;
}
