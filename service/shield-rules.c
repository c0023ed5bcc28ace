/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>

#include "service/nft-meter.h"
#include "service/shield-report.h"
#include "service/shield-rules.h"

#define BASE_CHAIN "shield"
#define PACKET_CHAIN "shield-packet"
#define PRIORITY_RAW (-300) /* connection tracking is at -200 */

#define SOURCES_MAX 4096U
#define PORTS_MAX 16384U /* kinds times ports: more than there can be */

/* How many reports a rule makes: so many at once, then one a second; of one source or port, one a minute. */
#define REPORTS_BURST 5U
#define REPORTS_MEMORY (60U * 1000U)

/* Lengths in UDP's header, which counts itself. A query for information has its key string, the two others a challenge. */
#define LENGTH(payload) ((uint16_t) (sizeof(struct udphdr) + (payload)))
#define AT(payload) (sizeof(struct udphdr) + (payload))
#define CONNECTIONLESS_MIN 5U
#define INFO_MIN 25U
#define CHALLENGED_MIN 9U

static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

/* Index: whether IPv6. The keys: source (of IPv6 its first 64 bits, then zeroes), port, kind; or port and kind. */
static const char *const seen_sets[] = { "shield-seen4", "shield-seen6" },
                         *const sources_sets[] = { "shield-sources4", "shield-sources6" },
                         *const reported_sets[] = { "shield-reported4", "shield-reported6" };

static const char all_ports[] = "shield-ports", newcomers[] = "shield-newcomers",
                  reported_ports[] = "shield-reported";

/* What an action needs to know. */
typedef struct Rules {
        NftBatch *batch;
        const char *table;
        const ShieldConfig *config;
} Rules;

static bool is_v6(uint8_t family) {
        return family == NFPROTO_IPV6;
}

/* -- names ------------------------------------------------------------------------------------------------------- */

static const char *const counter_names[_SHIELD_COUNTER_MAX] = { "passed", "source", "port" };

char *shield_counter_name(ShieldKind kind, ShieldCounter counter) {
        return g_strdup_printf("shield-%s-%s", shield_kind_to_string(kind), counter_names[counter]);
}

bool shield_counter_parse(const char *name, ShieldKind *ret_kind, ShieldCounter *ret_counter) {
        g_auto(GStrv) parts = g_strsplit(name, "-", 4);
        ShieldKind kind;

        if (g_strv_length(parts) != 3 || !g_str_equal(parts[0], "shield"))
                return false;

        kind = shield_kind_from_string(parts[1]);
        for (unsigned i = 0; kind >= 0 && i < _SHIELD_COUNTER_MAX; i++)
                if (g_str_equal(counter_names[i], parts[2])) {
                        *ret_kind = kind;
                        *ret_counter = (ShieldCounter) i;
                        return true;
                }

        return false;
}

bool shield_counter_exists(ShieldKind kind, ShieldCounter counter) {
        return kind < _SHIELD_LIMITED_MAX || counter == SHIELD_OVER_SOURCE;
}

const char *shield_sources_set(uint8_t family) {
        return sources_sets[is_v6(family)];
}

static char *kind_chain(ShieldKind kind) {
        return g_strconcat("shield-", shield_kind_to_string(kind), NULL);
}

static char *over_chain(ShieldKind kind, bool of_port) {
        return g_strconcat("shield-", shield_kind_to_string(kind), of_port ? "-port" : "-source", NULL);
}

/* -- keys -------------------------------------------------------------------------------------------------------- */

static void port_key(NftRule *r, unsigned slot, ShieldKind kind) {
        nft_key_payload(r, slot, NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(struct udphdr, uh_dport), 2);
        nft_key_number(r, slot + 1, kind);
}

/* The whole address and a mask, not half of it: so nft tells its type, and can read what it has printed. */
static void source_key(NftRule *r, uint8_t family, ShieldKind kind) {
        static const struct in6_addr network = { .s6_addr = { [0 ... 7] = 0xff } };

        if (is_v6(family)) {
                nft_key_payload(r, 0, NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct ip6_hdr, ip6_src),
                        sizeof(network));
                nft_key_mask(r, 0, &network, sizeof(network));
        } else
                nft_key_payload(r, 0, NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct iphdr, saddr), 4);

        port_key(r, is_v6(family) ? 4 : 1, kind);
}

bool shield_source_key_parse(uint8_t family, const void *key, size_t size, ShieldSource *ret) {
        size_t width = is_v6(family) ? 16 : 4;
        ShieldSource s = { 0 };
        uint32_t kind;

        if (size != width + 8)
                return false;

        memcpy(s.address, key, width);
        memcpy(&s.port, (const char *) key + width, sizeof(s.port));
        memcpy(&kind, (const char *) key + width + 4, sizeof(kind));
        if (kind >= _SHIELD_KIND_MAX)
                return false;

        s.port = ntohs(s.port);
        s.kind = (ShieldKind) kind;
        *ret = s;
        return true;
}

/* -- one kind ---------------------------------------------------------------------------------------------------- */

static NftRule *rule_in(const Rules *s, const char *chain) {
        return nft_rule_new(NFPROTO_INET, s->table, chain, NULL);
}

static NftRule *family_rule_in(const Rules *s, const char *chain, uint8_t family) {
        NftRule *r = rule_in(s, chain);

        nft_match_family(r, family);
        return r;
}

static void count(NftRule *r, ShieldKind kind, ShieldCounter counter) {
        g_autofree char *name = shield_counter_name(kind, counter);

        nft_count(r, name);
}

static void put_verdict(const Rules *s, const char *chain) {
        NftRule *r = rule_in(s, chain);

        nft_verdict(r, s->config->mode == SHIELD_ON ? NF_DROP : NF_ACCEPT);
        nft_append_rule(s->batch, r);
}

static void report(NftRule *r, ShieldKind kind, bool of_port, const char *reported) {
        g_autofree char *prefix = shield_report_prefix(kind, of_port);

        nft_lookup(r, reported, false);
        nft_match_rate(r, 1, REPORTS_BURST);
        nft_meter_add(r, reported);
        nft_log(r, SHIELD_LOG_GROUP, prefix, SHIELD_REPORT_LENGTH);
}

/* Where what a source has too much of ends up: written down, reported, and dropped whatever those two found. */
static void put_source_chain(const Rules *s, ShieldKind kind) {
        g_autofree char *chain = over_chain(kind, false);
        NftRule *r;

        r = rule_in(s, chain);
        count(r, kind, SHIELD_OVER_SOURCE);
        nft_append_rule(s->batch, r);

        for (size_t i = 0; i < G_N_ELEMENTS(families); i++) {
                r = family_rule_in(s, chain, families[i]);
                source_key(r, families[i], kind);
                nft_meter_count(r, sources_sets[is_v6(families[i])]);
                nft_append_rule(s->batch, r);

                r = family_rule_in(s, chain, families[i]);
                source_key(r, families[i], kind);
                report(r, kind, false, reported_sets[is_v6(families[i])]);
                nft_append_rule(s->batch, r);
        }

        put_verdict(s, chain);
}

/* Above the limit of a port, the sources are many, and perhaps invented: none is written down. */
static void put_port_chain(const Rules *s, ShieldKind kind) {
        g_autofree char *chain = over_chain(kind, true);
        NftRule *r;

        r = rule_in(s, chain);
        count(r, kind, SHIELD_OVER_PORT);
        nft_append_rule(s->batch, r);

        r = rule_in(s, chain);
        port_key(r, 0, kind);
        report(r, kind, true, reported_ports);
        nft_append_rule(s->batch, r);

        put_verdict(s, chain);
}

static void put_kind_chain(const Rules *s, ShieldKind kind) {
        g_autofree char *chain = kind_chain(kind), *source_chain = over_chain(kind, false),
                        *port_chain = over_chain(kind, true);
        const ShieldLimit *l = &s->config->limits[kind];
        NftRule *r;

        for (size_t i = 0; i < G_N_ELEMENTS(families); i++) {
                const char *seen = seen_sets[is_v6(families[i])];

                r = family_rule_in(s, chain, families[i]);
                source_key(r, families[i], kind);
                nft_lookup(r, seen, false);
                port_key(r, 0, kind);
                nft_meter_over(r, newcomers, l->port_rate / 2, l->port_burst / 2);
                nft_goto(r, port_chain);
                nft_append_rule(s->batch, r);

                r = family_rule_in(s, chain, families[i]);
                source_key(r, families[i], kind);
                nft_meter_over(r, seen, l->source_rate, l->source_burst);
                nft_goto(r, source_chain);
                nft_append_rule(s->batch, r);
        }

        r = rule_in(s, chain);
        port_key(r, 0, kind);
        nft_meter_over(r, all_ports, l->port_rate, l->port_burst);
        nft_goto(r, port_chain);
        nft_append_rule(s->batch, r);

        r = rule_in(s, chain);
        count(r, kind, SHIELD_PASSED);
        nft_verdict(r, NF_ACCEPT);
        nft_append_rule(s->batch, r);
}

/* -- all kinds --------------------------------------------------------------------------------------------------- */

static void load_length(NftRule *r) {
        nft_load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(struct udphdr, uh_ulen), 2);
}

static void match_byte(NftRule *r, uint8_t byte) {
        nft_load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, AT(4), 1);
        nft_compare_u8(r, NFT_CMP_EQ, byte);
}

static void put_goto(const Rules *s, NftRule *r, const char *to) {
        nft_goto(r, to);
        nft_append_rule(s->batch, r);
}

/* The players come first, for them it is the way through; none of them is looked at any closer. */
static void put_players(const Rules *s) {
        static const uint8_t header[] = { 0xff, 0xff, 0xff, 0xff };
        NftRule *r = rule_in(s, PACKET_CHAIN);

        load_length(r);
        nft_compare_u16(r, NFT_CMP_GTE, LENGTH(CONNECTIONLESS_MIN));
        nft_compare_u16(r, NFT_CMP_LTE, LENGTH(s->config->maximum_length));
        nft_load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, AT(0), sizeof(header));
        nft_compare(r, NFT_CMP_NEQ, header, sizeof(header));
        nft_verdict(r, NF_ACCEPT);
        nft_append_rule(s->batch, r);
}

static void put_wrong(const Rules *s) {
        static const struct {
                uint8_t byte;
                uint16_t least;
        } shorts[] = { { 'T', INFO_MIN }, { 'U', CHALLENGED_MIN }, { 'V', CHALLENGED_MIN } };
        g_autofree char *empty = over_chain(SHIELD_EMPTY, false),
                        *malformed = over_chain(SHIELD_MALFORMED, false);
        NftRule *r;

        for (size_t i = 0; i < G_N_ELEMENTS(families); i++) {
                r = family_rule_in(s, PACKET_CHAIN, families[i]);
                nft_match_fragment(r, families[i]);
                put_goto(s, r, malformed);
        }

        r = rule_in(s, PACKET_CHAIN);
        load_length(r);
        nft_compare_u16(r, NFT_CMP_EQ, LENGTH(0));
        put_goto(s, r, empty);

        r = rule_in(s, PACKET_CHAIN);
        load_length(r);
        nft_compare_u16(r, NFT_CMP_LT, LENGTH(CONNECTIONLESS_MIN));
        put_goto(s, r, malformed);

        r = rule_in(s, PACKET_CHAIN);
        load_length(r);
        nft_compare_u16(r, NFT_CMP_GT, LENGTH(s->config->maximum_length));
        put_goto(s, r, malformed);

        for (size_t i = 0; i < G_N_ELEMENTS(shorts); i++) {
                r = rule_in(s, PACKET_CHAIN);
                match_byte(r, shorts[i].byte);
                load_length(r);
                nft_compare_u16(r, NFT_CMP_LT, LENGTH(shorts[i].least));
                put_goto(s, r, malformed);
        }
}

static void put_kinds(const Rules *s) {
        g_autofree char *other = kind_chain(SHIELD_OTHER);

        for (ShieldKind kind = 0; kind < SHIELD_OTHER; kind++) {
                g_autofree char *chain = kind_chain(kind);
                size_t n;
                const char *bytes = shield_kind_bytes(kind, &n);

                for (size_t i = 0; i < n; i++) {
                        NftRule *r = rule_in(s, PACKET_CHAIN);

                        match_byte(r, (uint8_t) bytes[i]);
                        put_goto(s, r, chain);
                }
        }

        put_goto(s, rule_in(s, PACKET_CHAIN), other);
}

/* What others on this host forward is theirs. */
static void put_base_chain(const Rules *s, const char *ports) {
        NftRule *r = rule_in(s, BASE_CHAIN);

        nft_match_protocol(r, IPPROTO_UDP);
        nft_load_destination_port(r);
        nft_lookup(r, ports, true);
        nft_match_outside(r);
        nft_load_fib_type(r, NFTA_FIB_F_DADDR);
        nft_compare_u32(r, NFT_CMP_EQ, RTN_LOCAL);
        put_goto(s, r, PACKET_CHAIN);
}

/* -- all of it --------------------------------------------------------------------------------------------------- */

static const struct {
        const char *name;
        uint32_t type, key_size;
        uint32_t size;   /* 0: as many as are to be remembered */
        uint64_t memory; /* ms */
} meters[] = {
#define SOURCE4 NFT_TYPE_JOIN3(NFT_TYPE_IPV4, NFT_TYPE_PORT, NFT_TYPE_NUMBER), 12
#define SOURCE6 NFT_TYPE_JOIN3(NFT_TYPE_IPV6, NFT_TYPE_PORT, NFT_TYPE_NUMBER), 24
#define PORT NFT_TYPE_JOIN2(NFT_TYPE_PORT, NFT_TYPE_NUMBER), 8
        { "shield-seen4", SOURCE4, 0, SHIELD_MEMORY * 1000U },
        { "shield-seen6", SOURCE6, 0, SHIELD_MEMORY * 1000U },
        { "shield-sources4", SOURCE4, SOURCES_MAX, SHIELD_SOURCES_MEMORY },
        { "shield-sources6", SOURCE6, SOURCES_MAX, SHIELD_SOURCES_MEMORY },
        { "shield-reported4", SOURCE4, SOURCES_MAX, REPORTS_MEMORY },
        { "shield-reported6", SOURCE6, SOURCES_MAX, REPORTS_MEMORY },
        { all_ports, PORT, PORTS_MAX, SHIELD_MEMORY * 1000U },
        { newcomers, PORT, PORTS_MAX, SHIELD_MEMORY * 1000U },
        { reported_ports, PORT, PORTS_MAX, REPORTS_MEMORY },
};

static void add_chain(const Rules *s, char *chain) {
        nft_add_chain(s->batch, s->table, chain);
        g_free(chain);
}

static void add_sets_and_chains(const Rules *s, uint32_t seen_max) {
        for (size_t i = 0; i < G_N_ELEMENTS(meters); i++)
                nft_add_meter(s->batch, s->table, meters[i].name, meters[i].type, meters[i].key_size,
                        meters[i].size ?: seen_max, meters[i].memory);

        nft_add_base_chain(s->batch, s->table, BASE_CHAIN, NF_INET_PRE_ROUTING, PRIORITY_RAW);
        nft_add_chain(s->batch, s->table, PACKET_CHAIN);
        for (ShieldKind kind = 0; kind < _SHIELD_KIND_MAX; kind++)
                add_chain(s, over_chain(kind, false));
        for (ShieldKind kind = 0; kind < _SHIELD_LIMITED_MAX; kind++) {
                add_chain(s, over_chain(kind, true));
                add_chain(s, kind_chain(kind));
        }
}

void shield_rules_put(
        NftBatch *b, const char *table, const char *ports, const ShieldConfig *c, uint32_t seen_max) {
        const Rules s = { b, table, c };

        if (c->mode == SHIELD_OFF)
                return;

        add_sets_and_chains(&s, seen_max);
        for (ShieldKind kind = 0; kind < _SHIELD_LIMITED_MAX; kind++) {
                put_kind_chain(&s, kind);
                put_port_chain(&s, kind);
        }
        for (ShieldKind kind = 0; kind < _SHIELD_KIND_MAX; kind++)
                put_source_chain(&s, kind);
        put_players(&s);
        put_wrong(&s);
        put_kinds(&s);
        put_base_chain(&s, ports);
}
