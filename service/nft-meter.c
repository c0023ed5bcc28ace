/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stddef.h>

#include "service/nft-internal.h"
#include "service/nft-meter.h"

/* Registers of four bytes: the first of them is where nft_lookup() looks. */
#define REGISTER(slot) (NFT_REG32_00 + (slot))

void nft_add_meter(NftBatch *b, const char *table, const char *name, uint32_t type, uint32_t key_size,
        uint32_t size, uint64_t timeout) {
        struct nftnl_set *set = nft_set_new(table, name, type, key_size, NFT_SET_EVAL | NFT_SET_TIMEOUT);

        nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, size);
        nftnl_set_set_u64(set, NFTNL_SET_TIMEOUT, timeout);
        nft_add_set(b, set);
}

/* -- expressions ------------------------------------------------------------------------------------------------- */

static struct nftnl_expr *expr_new(const char *name) {
        return nft_must(nftnl_expr_alloc(name));
}

void nft_key_payload(NftRule *r, unsigned slot, uint32_t base, uint32_t offset, uint32_t size) {
        struct nftnl_expr *e = expr_new("payload");

        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, size);
        nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, REGISTER(slot));
        nftnl_rule_add_expr(r, e);
}

void nft_key_number(NftRule *r, unsigned slot, uint32_t number) {
        struct nftnl_expr *e = expr_new("immediate");

        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, REGISTER(slot));
        nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &number, sizeof(number));
        nftnl_rule_add_expr(r, e);
}

void nft_key_mask(NftRule *r, unsigned slot, const void *mask, uint32_t size) {
        static const uint8_t none[16];
        struct nftnl_expr *e = expr_new("bitwise");

        g_assert(size <= sizeof(none));
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, REGISTER(slot));
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, REGISTER(slot));
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, size);
        nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask, size);
        nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, none, size);
        nftnl_rule_add_expr(r, e);
}

static struct nftnl_expr *limit_new(uint32_t rate, uint32_t burst, uint32_t flags) {
        struct nftnl_expr *e = expr_new("limit");

        nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, rate);
        nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, burst);
        nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
        nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, flags);
        return e;
}

/* kept: of each key, its own; NULL for the key alone. */
static void put_dynset(NftRule *r, uint32_t operation, const char *meter, struct nftnl_expr *kept) {
        struct nftnl_expr *e = expr_new("dynset");

        nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, operation);
        nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, meter);
        if (kept)
                nftnl_expr_set(e, NFTNL_EXPR_DYNSET_EXPR, kept, 0);
        nftnl_rule_add_expr(r, e);
}

void nft_meter_over(NftRule *r, const char *meter, uint32_t rate, uint32_t burst) {
        put_dynset(r, NFT_DYNSET_OP_UPDATE, meter, limit_new(rate, burst, NFT_LIMIT_F_INV));
}

void nft_meter_count(NftRule *r, const char *meter) {
        put_dynset(r, NFT_DYNSET_OP_UPDATE, meter, expr_new("counter"));
}

void nft_meter_add(NftRule *r, const char *meter) {
        put_dynset(r, NFT_DYNSET_OP_ADD, meter, NULL);
}

void nft_match_rate(NftRule *r, uint32_t rate, uint32_t burst) {
        nftnl_rule_add_expr(r, limit_new(rate, burst, 0));
}

static void match_fragment_header(NftRule *r) {
        struct nftnl_expr *e = expr_new("exthdr");

        nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_DREG, NFT_REG_1);
        nftnl_expr_set_u8(e, NFTNL_EXPR_EXTHDR_TYPE, IPPROTO_FRAGMENT);
        nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_OFFSET, 0);
        nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_LEN, 1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_IPV6);
        nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_FLAGS, NFT_EXTHDR_F_PRESENT);
        nftnl_rule_add_expr(r, e);
        nft_compare_u8(r, NFT_CMP_EQ, 1);
}

/* More fragments to come, or not the first one. */
void nft_match_fragment(NftRule *r, uint8_t family) {
        static const uint8_t mask[] = { 0x3f, 0xff }, none[] = { 0, 0 };

        if (family == NFPROTO_IPV6) {
                match_fragment_header(r);
                return;
        }

        nft_load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct iphdr, frag_off), sizeof(mask));
        nft_key_mask(r, 0, mask, sizeof(mask));
        nft_compare(r, NFT_CMP_NEQ, none, sizeof(none));
}

void nft_log(NftRule *r, uint16_t group, const char *prefix, uint32_t length) {
        struct nftnl_expr *e = expr_new("log");

        nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_GROUP, group);
        nftnl_expr_set_str(e, NFTNL_EXPR_LOG_PREFIX, prefix);
        nftnl_expr_set_u32(e, NFTNL_EXPR_LOG_SNAPLEN, length);
        nftnl_rule_add_expr(r, e);
}

void nft_goto(NftRule *r, const char *chain) {
        struct nftnl_expr *e = expr_new("immediate");

        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t) NFT_GOTO);
        nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
        nftnl_rule_add_expr(r, e);
}

/* -- reading ----------------------------------------------------------------------------------------------------- */

int nft_list_meter(Netlink *n, const char *table, const char *meter, NetlinkMessage on_message,
        NetlinkDone done, void *userdata) {
        char buffer[1024] __attribute__((aligned(8)));
        struct nlmsghdr *m = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETSETELEM, NFPROTO_INET, NLM_F_DUMP, 0);

        mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_TABLE, table);
        mnl_attr_put_strz(m, NFTA_SET_ELEM_LIST_SET, meter);
        return netlink_request(n, m, m->nlmsg_len, on_message, done, userdata);
}

static void read_element(struct nftnl_set_elem *e, NftMetered *ret) {
        const struct nftnl_expr *kept;

        *ret = (NftMetered){ 0 };
        ret->key = nftnl_set_elem_get(e, NFTNL_SET_ELEM_KEY, &ret->size);
        if (nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_EXPIRATION))
                ret->left = nftnl_set_elem_get_u64(e, NFTNL_SET_ELEM_EXPIRATION);

        kept = nftnl_set_elem_get(e, NFTNL_SET_ELEM_EXPR, &(uint32_t){ 0 });
        if (kept && g_str_equal(nftnl_expr_get_str(kept, NFTNL_EXPR_NAME), "counter")) {
                ret->packets = nftnl_expr_get_u64(kept, NFTNL_EXPR_CTR_PACKETS);
                ret->bytes = nftnl_expr_get_u64(kept, NFTNL_EXPR_CTR_BYTES);
        }
}

void nft_parse_meter(
        const struct nlmsghdr *m, void (*each)(const NftMetered *k, void *userdata), void *userdata) {
        struct nftnl_set *set = nft_must(nftnl_set_alloc());
        struct nftnl_set_elems_iter *iter;
        struct nftnl_set_elem *e;
        NftMetered k;

        if (nftnl_set_elems_nlmsg_parse(m, set) >= 0) {
                iter = nft_must(nftnl_set_elems_iter_create(set));
                while ((e = nftnl_set_elems_iter_next(iter))) {
                        read_element(e, &k);
                        if (k.key)
                                each(&k, userdata);
                }
                nftnl_set_elems_iter_destroy(iter);
        }

        nftnl_set_free(set);
}
