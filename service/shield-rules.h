/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/nft.h"
#include "service/shield-config.h"

/*
 * The shield as rules of nftables, in a chain of its own that comes before connection tracking, so that a flood from invented addresses
 * does not fill the table of connections either.
 *
 * What limits memory and keeps the known ones in: a source that a port has not heard of within a minute must first find room in one half
 * of the port's limit, and only then is it remembered. So no flood makes more than that many entries, and it leaves the other half
 * to those who are remembered already. When a set is full nevertheless (floods to very many ports at once), sources that do not fit are
 * held by the port's limit alone. A remembered source above its own limit is dropped before it takes anything of the port's.
 */

/* Who listens to the log (nflog.h). */
#define SHIELD_LOG_GROUP 980U

/* How many sources (each with a port and a kind) are remembered, of IPv4 and of IPv6: 16 MiB of the kernel's memory each, if need be. */
#define SHIELD_SEEN_MAX 65536U

/* Puts in what c wants, into a table that has nothing of the shield but its counters. ports: the set of the UDP ports of running
 * servers. */
void shield_rules_put(
        NftBatch *b, const char *table, const char *ports, const ShieldConfig *c, uint32_t seen_max);

/* What is counted of each kind. */
typedef enum ShieldCounter {
        SHIELD_PASSED,
        SHIELD_OVER_SOURCE, /* of "empty" and "malformed": all of them */
        SHIELD_OVER_PORT,
        _SHIELD_COUNTER_MAX,
} ShieldCounter;

bool shield_counter_exists(ShieldKind kind, ShieldCounter counter);
char *shield_counter_name(ShieldKind kind, ShieldCounter counter);
/* false: it is none of ours. */
bool shield_counter_parse(const char *name, ShieldKind *ret_kind, ShieldCounter *ret_counter);

/* Sources above their limit: shield_source_key_parse() for each key. family: NFPROTO_IPV4 or NFPROTO_IPV6. */
const char *shield_sources_set(uint8_t family);
#define SHIELD_SOURCES_MEMORY (600U * 1000U) /* after the last packet above the limit, milliseconds */

typedef struct ShieldSource {
        ShieldKind kind;
        uint16_t port;
        uint8_t address[16];
} ShieldSource;

bool shield_source_key_parse(uint8_t family, const void *key, size_t size, ShieldSource *ret);
