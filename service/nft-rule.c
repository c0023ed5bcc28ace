/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stddef.h>
#include <string.h>

#include "service/nft-internal.h"

/* Loopback is the first interface of every network namespace. */
#define LOOPBACK_INDEX 1U

NftRule *nft_rule_new(uint8_t family, const char *table, const char *chain, const char *comment) {
        NftRule *r = nft_must(nftnl_rule_alloc());

        nftnl_rule_set_u32(r, NFTNL_RULE_FAMILY, family);
        nftnl_rule_set_str(r, NFTNL_RULE_TABLE, table);
        nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain);
        if (comment) {
                struct nftnl_udata_buf *u = nft_must(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));

                (void) nftnl_udata_put_strz(u, NFTNL_UDATA_RULE_COMMENT, comment);
                nftnl_rule_set_data(r, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(u), nftnl_udata_buf_len(u));
                nftnl_udata_buf_free(u);
        }

        return r;
}

static void put_rule(NftBatch *b, NftRule *rule, uint16_t type, uint16_t flags) {
        struct nlmsghdr *m = nft_begin_message(
                b, type, (uint8_t) nftnl_rule_get_u32(rule, NFTNL_RULE_FAMILY), flags);

        nftnl_rule_nlmsg_build_payload(m, rule);
        nftnl_rule_free(rule);
        nft_end_message(b, m);
}

void nft_append_rule(NftBatch *b, NftRule *rule) {
        put_rule(b, rule, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
}

void nft_insert_rule(NftBatch *b, NftRule *rule) {
        put_rule(b, rule, NFT_MSG_NEWRULE, NLM_F_CREATE);
}

void nft_delete_rule(NftBatch *b, uint8_t family, const char *table, const char *chain, uint64_t handle) {
        NftRule *r = nft_rule_new(family, table, chain, NULL);

        nftnl_rule_set_u64(r, NFTNL_RULE_HANDLE, handle);
        put_rule(b, r, NFT_MSG_DELRULE, 0);
}

static struct nftnl_expr *add(NftRule *r, const char *name) {
        struct nftnl_expr *e = nft_must(nftnl_expr_alloc(name));

        nftnl_rule_add_expr(r, e);
        return e;
}

/* -- loads ------------------------------------------------------------------------------------------------------- */

void nft_load_meta(NftRule *r, uint32_t key) {
        struct nftnl_expr *e = add(r, "meta");

        nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
}

void nft_load_payload(NftRule *r, uint32_t base, uint32_t offset, uint32_t size) {
        struct nftnl_expr *e = add(r, "payload");

        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, size);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
}

void nft_load_fib_type(NftRule *r, uint32_t flags) {
        struct nftnl_expr *e = add(r, "fib");

        nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, flags);
        nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
        nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
}

void nft_load_cgroup(NftRule *r, uint32_t level) {
        struct nftnl_expr *e = add(r, "socket");

        nftnl_expr_set_u32(e, NFTNL_EXPR_SOCKET_KEY, NFT_SOCKET_CGROUPV2);
        nftnl_expr_set_u32(e, NFTNL_EXPR_SOCKET_LEVEL, level);
        nftnl_expr_set_u32(e, NFTNL_EXPR_SOCKET_DREG, NFT_REG_1);
}

/* -- matches ----------------------------------------------------------------------------------------------------- */

void nft_compare(NftRule *r, uint32_t op, const void *value, uint32_t size) {
        struct nftnl_expr *e = add(r, "cmp");

        nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
        nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, value, size);
}

void nft_compare_u8(NftRule *r, uint32_t op, uint8_t value) {
        nft_compare(r, op, &value, sizeof(value));
}

void nft_compare_u16(NftRule *r, uint32_t op, uint16_t value) {
        uint16_t big = htons(value);

        nft_compare(r, op, &big, sizeof(big));
}

void nft_compare_u32(NftRule *r, uint32_t op, uint32_t value) {
        nft_compare(r, op, &value, sizeof(value));
}

/* What was loaded becomes (it & mask) ^ flip. */
static void mask(NftRule *r, const void *mask_bytes, const void *flip, uint32_t size) {
        struct nftnl_expr *e = add(r, "bitwise");

        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, size);
        nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask_bytes, size);
        nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, flip, size);
}

void nft_compare_masked(NftRule *r, const void *mask_bytes, const void *value, uint32_t size) {
        static const uint8_t nothing[16];

        g_assert(size <= sizeof(nothing));
        mask(r, mask_bytes, nothing, size);
        nft_compare(r, NFT_CMP_EQ, value, size);
}

void nft_lookup(NftRule *r, const char *set, bool is_in) {
        struct nftnl_expr *e = add(r, "lookup");

        nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
        nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
        if (!is_in)
                nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

void nft_match_family(NftRule *r, uint8_t family) {
        nft_load_meta(r, NFT_META_NFPROTO);
        nft_compare_u8(r, NFT_CMP_EQ, family);
}

void nft_match_protocol(NftRule *r, uint8_t protocol) {
        nft_load_meta(r, NFT_META_L4PROTO);
        nft_compare_u8(r, NFT_CMP_EQ, protocol);
}

void nft_match_user(NftRule *r, uid_t uid) {
        nft_load_meta(r, NFT_META_SKUID);
        nft_compare_u32(r, NFT_CMP_EQ, uid);
}

void nft_load_source_port(NftRule *r) {
        nft_load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof(uint16_t));
}

void nft_load_destination_port(NftRule *r) {
        nft_load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(uint16_t));
}

void nft_match_outside(NftRule *r) {
        nft_load_meta(r, NFT_META_IIF);
        nft_compare_u32(r, NFT_CMP_NEQ, LOOPBACK_INDEX);
}

/* -- actions ----------------------------------------------------------------------------------------------------- */

/* The first two bytes of the header are read, changed and written back. In IPv4 the second one is the traffic class, and the header has a
 * checksum; in IPv6 it lies across both. The two lowest bits of it are ECN's. */
void nft_set_dscp(NftRule *r, uint8_t family, uint8_t dscp) {
        bool v4 = family == NFPROTO_IPV4;
        uint16_t keep = htons(v4 ? 0xff03 : 0xf03f), put = htons((uint16_t) (dscp << (v4 ? 2 : 6)));
        struct nftnl_expr *e;

        nft_load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, 0, sizeof(uint16_t));
        mask(r, &keep, &put, sizeof(keep));

        e = add(r, "payload");
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_SREG, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, 0);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, sizeof(uint16_t));
        if (v4) {
                nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
                nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_CSUM_OFFSET, offsetof(struct iphdr, check));
        }
}

void nft_set_priority(NftRule *r, uint32_t priority) {
        struct nftnl_expr *e = add(r, "immediate");

        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
        nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &priority, sizeof(priority));
        e = add(r, "meta");
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_PRIORITY);
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, NFT_REG_1);
}

void nft_count(NftRule *r, const char *counter) {
        struct nftnl_expr *e = add(r, "objref");

        nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
        nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_IMM_NAME, counter);
}

void nft_count_by(NftRule *r, const char *set) {
        struct nftnl_expr *e = add(r, "objref");

        nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_SET_SREG, NFT_REG_1);
        nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_SET_NAME, set);
}

void nft_verdict(NftRule *r, int verdict) {
        struct nftnl_expr *e = add(r, "immediate");

        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t) verdict);
}

void nft_jump(NftRule *r, const char *chain) {
        struct nftnl_expr *e = add(r, "immediate");

        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t) NFT_JUMP);
        nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
}
