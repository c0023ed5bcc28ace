/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "service/nft-internal.h"

/*
 * What the kernel tells is read attribute by attribute: libnftnl would build whole objects, and fails on rules with expressions that are
 * younger than it.
 */

#define ATTRIBUTES_MAX 32U
#define COMMENT_TYPE 0U /* NFTNL_UDATA_RULE_COMMENT */

typedef struct Attributes {
        const struct nlattr *by_type[ATTRIBUTES_MAX];
} Attributes;

static int take(const struct nlattr *attribute, void *userdata) {
        Attributes *a = userdata;

        if (mnl_attr_get_type(attribute) < ATTRIBUTES_MAX)
                a->by_type[mnl_attr_get_type(attribute)] = attribute;
        return MNL_CB_OK;
}

static bool parse(const struct nlmsghdr *m, uint8_t type, Attributes *ret, uint8_t *ret_family) {
        const struct nfgenmsg *head = mnl_nlmsg_get_payload(m);

        *ret = (Attributes){ 0 };
        if (NFNL_SUBSYS_ID(m->nlmsg_type) != NFNL_SUBSYS_NFTABLES || NFNL_MSG_TYPE(m->nlmsg_type) != type ||
                mnl_nlmsg_get_payload_len(m) < sizeof(*head))
                return false;

        *ret_family = head->nfgen_family;
        return mnl_attr_parse(m, sizeof(*head), take, ret) >= 0;
}

/* "" for one that is not there. */
static const char *read_text(const Attributes *a, unsigned type) {
        const struct nlattr *attribute = a->by_type[type];

        if (!attribute || mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0)
                return "";

        return mnl_attr_get_str(attribute);
}

static uint32_t read_u32(const Attributes *a, unsigned type) {
        const struct nlattr *attribute = a->by_type[type];

        if (!attribute || mnl_attr_validate(attribute, MNL_TYPE_U32) < 0)
                return 0;

        return ntohl(mnl_attr_get_u32(attribute));
}

static uint64_t read_u64(const Attributes *a, unsigned type) {
        const struct nlattr *attribute = a->by_type[type];

        if (!attribute || mnl_attr_validate(attribute, MNL_TYPE_U64) < 0)
                return 0;

        return GUINT64_FROM_BE(mnl_attr_get_u64(attribute));
}

static bool read_nested(const Attributes *a, unsigned type, Attributes *ret) {
        const struct nlattr *attribute = a->by_type[type];

        *ret = (Attributes){ 0 };
        return attribute && mnl_attr_parse_nested(attribute, take, ret) >= 0;
}

/* Type, length and value of one byte, one byte, and length bytes. */
static const char *read_comment(const Attributes *a) {
        const struct nlattr *attribute = a->by_type[NFTA_RULE_USERDATA];
        const uint8_t *at = attribute ? mnl_attr_get_payload(attribute) : NULL;
        size_t left = attribute ? mnl_attr_get_payload_len(attribute) : 0;

        while (left >= 2 && left - 2 >= at[1]) {
                if (at[0] == COMMENT_TYPE && at[1] > 0 && at[1 + at[1]] == '\0')
                        return (const char *) at + 2;
                left -= 2U + at[1];
                at += 2U + at[1];
        }

        return "";
}

bool nft_parse_generation(const struct nlmsghdr *m, uint32_t *ret) {
        Attributes a;
        uint8_t family;

        if (!parse(m, NFT_MSG_NEWGEN, &a, &family))
                return false;

        *ret = read_u32(&a, NFTA_GEN_ID);
        return true;
}

bool nft_parse_chain(const struct nlmsghdr *m, NftChain *ret) {
        Attributes a, hook;
        NftChain c = { 0 };

        if (!parse(m, NFT_MSG_NEWCHAIN, &a, &c.family))
                return false;

        c.table = read_text(&a, NFTA_CHAIN_TABLE);
        c.name = read_text(&a, NFTA_CHAIN_NAME);
        c.base = read_nested(&a, NFTA_CHAIN_HOOK, &hook);
        c.hook = c.base ? read_u32(&hook, NFTA_HOOK_HOOKNUM) : 0;
        c.drops = a.by_type[NFTA_CHAIN_POLICY] && read_u32(&a, NFTA_CHAIN_POLICY) == NF_DROP;
        *ret = c;
        return true;
}

bool nft_parse_rule(const struct nlmsghdr *m, NftRuleInfo *ret) {
        Attributes a;
        NftRuleInfo r = { 0 };

        if (!parse(m, NFT_MSG_NEWRULE, &a, &r.family))
                return false;

        r.table = read_text(&a, NFTA_RULE_TABLE);
        r.chain = read_text(&a, NFTA_RULE_CHAIN);
        r.handle = read_u64(&a, NFTA_RULE_HANDLE);
        r.comment = read_comment(&a);
        *ret = r;
        return true;
}

bool nft_parse_counter(const struct nlmsghdr *m, NftCounter *ret) {
        Attributes a, data;
        uint8_t family;

        if (!parse(m, NFT_MSG_NEWOBJ, &a, &family) || read_u32(&a, NFTA_OBJ_TYPE) != NFT_OBJECT_COUNTER ||
                !read_nested(&a, NFTA_OBJ_DATA, &data))
                return false;

        *ret = (NftCounter){ .name = read_text(&a, NFTA_OBJ_NAME),
                .packets = read_u64(&data, NFTA_COUNTER_PACKETS),
                .bytes = read_u64(&data, NFTA_COUNTER_BYTES) };
        return true;
}

/* In all messages but the generation's, the first attribute is the name of the table. */
const char *nft_parse_news(const struct nlmsghdr *m, uint8_t *ret_family) {
        Attributes a;

        if (NFNL_MSG_TYPE(m->nlmsg_type) == NFT_MSG_NEWGEN ||
                !parse(m, NFNL_MSG_TYPE(m->nlmsg_type), &a, ret_family))
                return NULL;

        return read_text(&a, NFTA_TABLE_NAME);
}

/* -- questions --------------------------------------------------------------------------------------------------- */

int nft_get_generation(Netlink *n, NetlinkMessage on_message, NetlinkDone done, void *userdata) {
        char buffer[128] __attribute__((aligned(8)));
        const struct nlmsghdr *m = nftnl_nlmsg_build_hdr(
                buffer, NFT_MSG_GETGEN, NFPROTO_UNSPEC, NLM_F_ACK, 0);

        return netlink_request(n, m, m->nlmsg_len, on_message, done, userdata);
}

int nft_list_chains(Netlink *n, NetlinkMessage on_message, NetlinkDone done, void *userdata) {
        char buffer[128] __attribute__((aligned(8)));
        const struct nlmsghdr *m = nftnl_nlmsg_build_hdr(
                buffer, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC, NLM_F_DUMP, 0);

        return netlink_request(n, m, m->nlmsg_len, on_message, done, userdata);
}

int nft_list_rules(Netlink *n, uint8_t family, const char *table, const char *chain,
        NetlinkMessage on_message, NetlinkDone done, void *userdata) {
        char buffer[1024] __attribute__((aligned(8)));
        struct nlmsghdr *m = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETRULE, family, NLM_F_DUMP, 0);

        if (table)
                mnl_attr_put_strz(m, NFTA_RULE_TABLE, table);
        if (chain)
                mnl_attr_put_strz(m, NFTA_RULE_CHAIN, chain);

        return netlink_request(n, m, m->nlmsg_len, on_message, done, userdata);
}

int nft_list_counters(
        Netlink *n, const char *table, NetlinkMessage on_message, NetlinkDone done, void *userdata) {
        char buffer[1024] __attribute__((aligned(8)));
        struct nlmsghdr *m = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETOBJ, NFPROTO_INET, NLM_F_DUMP, 0);

        mnl_attr_put_strz(m, NFTA_OBJ_TABLE, table);
        mnl_attr_put_u32(m, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));

        return netlink_request(n, m, m->nlmsg_len, on_message, done, userdata);
}
