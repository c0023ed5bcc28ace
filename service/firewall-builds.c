/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/rtnetlink.h>

#include "service/firewall.h"
#include "service/manager.h"

/*
 * Builds that fetch reach the Internet and not this host. Its loopback and private addresses are denied by their units already
 * (IPAddressDeny=); its public ones are known to the kernel alone.
 */

#define CHAIN "builds"
#define PRIORITY_FILTER 0

void firewall_put_builds(Manager *m, NftBatch *b) {
        NftRule *r;

        nft_add_base_chain(b, FIREWALL_TABLE, CHAIN, NF_INET_LOCAL_OUT, PRIORITY_FILTER);
        firewall_add_counter(m->firewall, b, "builds-dropped");

        r = nft_rule_new(NFPROTO_INET, FIREWALL_TABLE, CHAIN, "what builds send to this host itself");
        nft_load_cgroup(r, FIREWALL_SLICE_LEVEL);
        nft_lookup(r, FIREWALL_BUILDS, true);
        nft_load_fib_type(r, NFTA_FIB_F_DADDR);
        nft_compare_u32(r, NFT_CMP_EQ, RTN_LOCAL);
        nft_count(r, "builds-dropped");
        nft_verdict(r, NF_DROP);
        nft_append_rule(b, r);
}
