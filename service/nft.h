/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* libnftnl's headers need it. */
#include <stdio.h>

/* First: the kernel's <linux/in.h> gives way to it, but not the other way round. */
#include <netinet/in.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "service/netlink.h"

/*
 * nftables, as far as we speak it: transactions made of tables, chains, sets, counters and rules, and rules made of matches and actions
 * that read like nft's own words. A thin layer over libnftnl, whose objects may be used for what is missing here (its expressions and set
 * attributes). Family `inet` wherever none is named. Nothing here logs.
 */

/* -- transactions (nft.c) --------------------------------------------------------------------------------------- */

/* All of a batch happens, or nothing of it. */
typedef struct NftBatch NftBatch;

NftBatch *nft_batch_new(void);
NftBatch *nft_batch_free(NftBatch *b);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NftBatch, nft_batch_free)

/* Nothing was added to it. */
bool nft_batch_is_empty(const NftBatch *b);

/* Sends it, and frees it whatever happens. generation: done gets -ERESTART if the ruleset is not of that generation any more; 0: whatever
 * it is. Errors as netlink_request()'s. */
int nft_batch_send(Netlink *n, NftBatch *b, uint32_t generation, NetlinkDone done, void *userdata);

void nft_add_table(NftBatch *b, const char *table);
void nft_delete_table(NftBatch *b, const char *table);

/* A chain that packets reach by a hook (NF_INET_LOCAL_IN, ...), type "filter", policy accept; or by a jump only. */
void nft_add_base_chain(NftBatch *b, const char *table, const char *chain, uint32_t hook, int32_t priority);
void nft_add_chain(NftBatch *b, const char *table, const char *chain);

/* A named counter that begins with these. Deleting it fails as long as a rule or an element refers to it. */
void nft_add_counter(NftBatch *b, const char *table, const char *name, uint64_t packets, uint64_t bytes);
void nft_delete_counter(NftBatch *b, const char *table, const char *name);

/* How nft shows a key (its datatype numbers): says nothing to the kernel. */
enum {
        NFT_TYPE_IPV4 = 7,
        NFT_TYPE_IPV6 = 8,
        NFT_TYPE_PORT = 13,
        NFT_TYPE_CGROUP = 46,
};

/* A set with keys of so many bytes; flags: NFT_SET_*. The caller may give it more attributes before it adds it (the batch takes it). */
struct nftnl_set *nft_set_new(
        const char *table, const char *name, uint32_t type, uint32_t key_size, uint32_t flags);
void nft_add_set(NftBatch *b, struct nftnl_set *set);

/* counter: in a set that was made with NFT_SET_OBJECT and NFTNL_SET_OBJ_TYPE, the name of the one that the key leads to; else NULL. */
void nft_add_element(NftBatch *b, const char *table, const char *set, const void *key, uint32_t size,
        const char *counter);
void nft_delete_element(NftBatch *b, const char *table, const char *set, const void *key, uint32_t size);

/* -- rules (nft-rule.c) ----------------------------------------------------------------------------------------- */

typedef struct nftnl_rule NftRule;

/* Matches and actions follow one another in the order in which they are put. comment: NULL for none, at most 127 bytes. */
NftRule *nft_rule_new(uint8_t family, const char *table, const char *chain, const char *comment);

/* Takes the rule. Appended to its chain, or put before all others there. */
void nft_append_rule(NftBatch *b, NftRule *rule);
void nft_insert_rule(NftBatch *b, NftRule *rule);
void nft_delete_rule(NftBatch *b, uint8_t family, const char *table, const char *chain, uint64_t handle);

/* Loads: into the (16 byte) register 1, where the next match or lookup looks. */
void nft_load_meta(NftRule *r, uint32_t key);                                     /* NFT_META_* */
void nft_load_payload(NftRule *r, uint32_t base, uint32_t offset, uint32_t size); /* NFT_PAYLOAD_* */
void nft_load_fib_type(NftRule *r, uint32_t flags); /* NFTA_FIB_F_*: RTN_* as u32 */
void nft_load_cgroup(NftRule *r, uint32_t level);   /* of the socket: its id, u64 */

/* Compares what was loaded: NFT_CMP_EQ, NFT_CMP_NEQ, ... */
void nft_compare(NftRule *r, uint32_t op, const void *value, uint32_t size);
void nft_compare_u8(NftRule *r, uint32_t op, uint8_t value);
void nft_compare_u16(NftRule *r, uint32_t op, uint16_t value); /* turned into network order */
void nft_compare_u32(NftRule *r, uint32_t op, uint32_t value); /* host order, as meta has them */
/* (loaded & mask) == value, of so many bytes. */
void nft_compare_masked(NftRule *r, const void *mask, const void *value, uint32_t size);

/* Whether what was loaded is in the set. */
void nft_lookup(NftRule *r, const char *set, bool is_in);

/* Whole matches. In `inet`, what looks into an IP header needs nft_match_family() first. */
void nft_match_family(NftRule *r, uint8_t family);     /* NFPROTO_IPV4, NFPROTO_IPV6 */
void nft_match_protocol(NftRule *r, uint8_t protocol); /* IPPROTO_UDP, ... */
void nft_match_user(NftRule *r, uid_t uid);            /* who made the socket: where packets leave only */
void nft_load_source_port(NftRule *r);                 /* after nft_match_protocol() */
void nft_load_destination_port(NftRule *r);
void nft_match_outside(
        NftRule *r); /* came in by an interface other than loopback, over which a host talks to itself */

/* Actions. */
void nft_set_dscp(NftRule *r, uint8_t family, uint8_t dscp); /* after nft_match_family(); leaves ECN alone */
void nft_set_priority(NftRule *r, uint32_t priority);
void nft_count(NftRule *r, const char *counter);
/* Counts with the counter that what was loaded leads to; goes on to the next rule when it leads to none. */
void nft_count_by(NftRule *r, const char *set);
void nft_verdict(NftRule *r, int verdict); /* NF_ACCEPT, NF_DROP, NFT_RETURN */
void nft_jump(NftRule *r, const char *chain);

/* -- reading (nft-read.c) --------------------------------------------------------------------------------------- */

/* What the kernel tells; strings are borrowed from the message. parse functions: false for a message of another kind. */

typedef struct NftChain {
        uint8_t family;
        const char *table, *name;
        bool base;
        uint32_t hook;
        bool drops; /* its policy */
} NftChain;

typedef struct NftRuleInfo {
        uint8_t family;
        const char *table, *chain;
        uint64_t handle;
        const char *comment; /* "" for none */
} NftRuleInfo;

typedef struct NftCounter {
        const char *name;
        uint64_t packets, bytes;
} NftCounter;

int nft_get_generation(Netlink *n, NetlinkMessage on_message, NetlinkDone done, void *userdata);
bool nft_parse_generation(const struct nlmsghdr *m, uint32_t *ret);

/* All chains of the host. */
int nft_list_chains(Netlink *n, NetlinkMessage on_message, NetlinkDone done, void *userdata);
bool nft_parse_chain(const struct nlmsghdr *m, NftChain *ret);

/* Rules; table and chain NULL: all of the host. */
int nft_list_rules(Netlink *n, uint8_t family, const char *table, const char *chain,
        NetlinkMessage on_message, NetlinkDone done, void *userdata);
bool nft_parse_rule(const struct nlmsghdr *m, NftRuleInfo *ret);

/* Counters of one table; no error when there is no such table. */
int nft_list_counters(
        Netlink *n, const char *table, NetlinkMessage on_message, NetlinkDone done, void *userdata);
bool nft_parse_counter(const struct nlmsghdr *m, NftCounter *ret);

/* News of NFNLGRP_NFTABLES: the table that it is about, NULL when it is about none (the generation). */
const char *nft_parse_news(const struct nlmsghdr *m, uint8_t *ret_family);
