/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <netinet/in.h>

#include "service/firewall.h"
#include "service/manager.h"
#include "service/qos.h"
#include "service/shield.h"

/* Who the servers are to the kernel; fixed by the package. */
#define GAME_UID 980U
#define DSCP_EF 46U
/* TC_PRIO_INTERACTIVE: the first band of pfifo_fast, prio and fq. CAKE goes by the DSCP: no class of ours is named here, which in a queue of
 * somebody else's would be a class of his. */
#define PRIORITY 6U

/* As nft's "mangle" and "filter". */
#define PRIORITY_MANGLE (-150)
#define PRIORITY_FILTER 0

#define MARK "marks"

static void put_dscp(NftBatch *b, uint8_t family) {
        NftRule *r = nft_rule_new(NFPROTO_INET, FIREWALL_TABLE, MARK, NULL);

        nft_match_family(r, family);
        nft_set_dscp(r, family, DSCP_EF);
        nft_append_rule(b, r);
}

/* What the servers send: UDP of their user and slice from their ports. The slice tells them from builds, which are the same user's. */
static void put_marks(Manager *m, NftBatch *b) {
        NftRule *r;

        if (!m->qos->marking)
                return;

        nft_add_base_chain(b, FIREWALL_TABLE, "output", NF_INET_LOCAL_OUT, PRIORITY_MANGLE);
        nft_add_chain(b, FIREWALL_TABLE, MARK);

        r = nft_rule_new(NFPROTO_INET, FIREWALL_TABLE, "output", "what game servers send");
        nft_match_protocol(r, IPPROTO_UDP);
        nft_load_source_port(r);
        nft_lookup(r, FIREWALL_PORTS, true);
        nft_match_user(r, GAME_UID);
        nft_load_cgroup(r, FIREWALL_SLICE_LEVEL);
        nft_lookup(r, FIREWALL_GAMES, true);
        nft_jump(r, MARK);
        nft_append_rule(b, r);

        put_dscp(b, NFPROTO_IPV4);
        put_dscp(b, NFPROTO_IPV6);

        r = nft_rule_new(NFPROTO_INET, FIREWALL_TABLE, MARK, NULL);
        nft_set_priority(r, PRIORITY);
        nft_load_source_port(r);
        nft_count_by(r, FIREWALL_COUNTERS);
        nft_append_rule(b, r);
}

/* RCON has one password and no encryption: from other machines only where somebody asked for it. */
static void put_rcon(Manager *m, NftBatch *b) {
        NftRule *r;

        nft_add_base_chain(b, FIREWALL_TABLE, "input", NF_INET_LOCAL_IN, PRIORITY_FILTER);
        firewall_add_counter(m->firewall, b, "rcon-dropped");

        r = nft_rule_new(NFPROTO_INET, FIREWALL_TABLE, "input", "RCON from outside");
        nft_match_outside(r);
        nft_match_protocol(r, IPPROTO_TCP);
        nft_load_destination_port(r);
        nft_lookup(r, FIREWALL_PORTS, true);
        nft_lookup(r, FIREWALL_RCON, false);
        nft_count(r, "rcon-dropped");
        nft_verdict(r, NF_DROP);
        nft_append_rule(b, r);
}

static void put_sets(NftBatch *b) {
        struct nftnl_set *counters = nft_set_new(
                FIREWALL_TABLE, FIREWALL_COUNTERS, NFT_TYPE_PORT, sizeof(uint16_t), NFT_SET_OBJECT);

        nftnl_set_set_u32(counters, NFTNL_SET_OBJ_TYPE, NFT_OBJECT_COUNTER);
        nft_add_set(b, nft_set_new(FIREWALL_TABLE, FIREWALL_PORTS, NFT_TYPE_PORT, sizeof(uint16_t), 0));
        nft_add_set(b, nft_set_new(FIREWALL_TABLE, FIREWALL_RCON, NFT_TYPE_PORT, sizeof(uint16_t), 0));
        nft_add_set(b, counters);
        nft_add_set(b, nft_set_new(FIREWALL_TABLE, FIREWALL_GAMES, NFT_TYPE_CGROUP, sizeof(uint64_t), 0));
        nft_add_set(b, nft_set_new(FIREWALL_TABLE, FIREWALL_BUILDS, NFT_TYPE_CGROUP, sizeof(uint64_t), 0));
}

static void (*const parts[])(Manager *m, NftBatch *b) = {
        put_marks,
        put_rcon,
        firewall_put_builds,
        shield_put,
};

void firewall_put_rules(Manager *m, NftBatch *b) {
        nft_add_table(b, FIREWALL_TABLE);
        put_sets(b);
        for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
                parts[i](m, b);
}
