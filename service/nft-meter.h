/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/nft.h"

/*
 * Rules that keep something for each key that comes along, in sets that they fill themselves: limits, counters. A key is put together
 * out of slots of four bytes, from 0 on; then one of the actions below looks at it. When a set is full, an action on a key that is not
 * in it ends the rule as if it did not match.
 */

/* Datatype numbers for how nft shows a key of several parts. */
#define NFT_TYPE_NUMBER 19U /* "mark": four bytes of the host's order */
#define NFT_TYPE_JOIN2(a, b) ((a) << 6 | (b))
#define NFT_TYPE_JOIN3(a, b, c) ((a) << 12 | (b) << 6 | (c))

/* A set for it: keys are forgotten so many milliseconds after their last update. */
void nft_add_meter(NftBatch *b, const char *table, const char *name, uint32_t type, uint32_t key_size,
        uint32_t size, uint64_t timeout);

/* Into a slot (and those after it). */
void nft_key_payload(NftRule *r, unsigned slot, uint32_t base, uint32_t offset, uint32_t size);
/* Of what is in slots, only these bits stay; at most 16 bytes. */
void nft_key_mask(NftRule *r, unsigned slot, const void *mask, uint32_t size);
void nft_key_number(NftRule *r, unsigned slot, uint32_t number);

/* Goes on while the key has had more than `rate` packets a second, beyond `burst` at once. */
void nft_meter_over(NftRule *r, const char *meter, uint32_t rate, uint32_t burst);

/* Counts packets and bytes of the key. */
void nft_meter_count(NftRule *r, const char *meter);

/* Only keeps the key, from now on; what is kept already is not kept for longer. */
void nft_meter_add(NftRule *r, const char *meter);

/* Goes on for the first `burst` packets, and `rate` a second of those after it, whatever the key. */
void nft_match_rate(NftRule *r, uint32_t rate, uint32_t burst);

/* Goes on for fragments, after nft_match_family(). (Of those after the first, nothing of UDP can be seen.) */
void nft_match_fragment(NftRule *r, uint8_t family);

/* To whoever listens (nflog.h): the beginning of the packet. */
void nft_log(NftRule *r, uint16_t group, const char *prefix, uint32_t length);

/* Goes on there, and never comes back. */
void nft_goto(NftRule *r, const char *chain);

/* What nft_meter_count() keeps of a key. */
typedef struct NftMetered {
        const void *key;
        uint32_t size;
        uint64_t packets, bytes;
        uint64_t left; /* milliseconds until it is forgotten */
} NftMetered;

/* Of all keys; no error when there is no such meter. on_message calls nft_parse_meter(), which calls each for each key in it. */
int nft_list_meter(Netlink *n, const char *table, const char *meter, NetlinkMessage on_message,
        NetlinkDone done, void *userdata);
void nft_parse_meter(
        const struct nlmsghdr *m, void (*each)(const NftMetered *k, void *userdata), void *userdata);
