/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <glib.h>
#include <linux/gen_stats.h>
#include <string.h>

#include "service/cake.h"

/* A nest for tests to fill, as the kernel would send it. */
typedef struct Nest {
        char buffer[4096];
        struct nlmsghdr *message;
        struct nlattr *attr;
} Nest;

static void nest_begin(Nest *n) {
        memset(n->buffer, 0, sizeof(n->buffer));
        n->message = mnl_nlmsg_put_header(n->buffer);
        n->attr = mnl_attr_nest_start(n->message, 2);
}

static const struct nlattr *nest_end(Nest *n) {
        mnl_attr_nest_end(n->message, n->attr);
        return n->attr;
}

/* Host order, of which little is the only one that Debian's images for left4me have. */
#define U32(x) (x) & 0xff, ((x) >> 8) & 0xff, ((x) >> 16) & 0xff, ((x) >> 24) & 0xff
#define U64(x) U32((x) &0xffffffff), U32((x) >> 32)
#define ATTR32(type, x) 8, 0, (type), 0, U32(x)
#define ATTR64(type, x) 12, 0, (type), 0, U64(x)

/* What tc(8) of iproute2 6.15 would have sent, in our order: `bandwidth 450mbit diffserv4 rtt 100ms overhead 18 mpu 64`. */
static const uint8_t overhead_bytes[] = {
        ATTR64(2, UINT64_C(56250000)),
        ATTR32(3, 1U),
        ATTR32(4, 0U),
        ATTR32(5, 7U),
        ATTR32(6, 18U),
        ATTR32(7, 100000U),
        ATTR32(8, 5000U),
        ATTR32(9, 0U),
        ATTR32(10, 0U),
        ATTR32(13, 0U),
        ATTR32(14, 64U),
        ATTR32(15, 0U),
        ATTR32(16, 0U),
        ATTR32(17, 1U),
        ATTR32(18, 0U),
};

/* `unlimited besteffort rtt 1ms dual-dsthost nat wash ptm ingress ack-filter` */
static const uint8_t ingress_bytes[] = {
        ATTR64(2, UINT64_C(0)),
        ATTR32(3, 3U),
        ATTR32(4, 2U),
        ATTR32(5, 6U),
        ATTR32(6, 0U),
        ATTR32(12, 0U),
        ATTR32(7, 1000U),
        ATTR32(8, 50U),
        ATTR32(9, 0U),
        ATTR32(10, 0U),
        ATTR32(11, 1U),
        ATTR32(13, 1U),
        ATTR32(14, 0U),
        ATTR32(15, 1U),
        ATTR32(16, 1U),
        ATTR32(17, 1U),
        ATTR32(18, 0U),
};

static void assert_put(const CakeOptions *o, const uint8_t *bytes, size_t size) {
        Nest n;

        nest_begin(&n);
        cake_put(n.message, o, NULL);
        nest_end(&n);
        g_assert_cmpmem(mnl_attr_get_payload(n.attr), mnl_attr_get_payload_len(n.attr), bytes, size);
}

static void test_put(void) {
        CakeOptions o;

        cake_options_init(&o);
        o.bandwidth = 450000000;
        o.has_overhead = true;
        o.overhead = 18;
        o.mpu = 64;
        assert_put(&o, overhead_bytes, sizeof(overhead_bytes));

        cake_options_init(&o);
        o.preset = CAKE_DIFFSERV_BESTEFFORT;
        o.rtt = 1000;
        o.isolation = CAKE_FLOW_DUAL_DST;
        o.nat = o.wash = o.ingress = true;
        o.line = CAKE_ATM_PTM;
        o.ack_filter = CAKE_ACK_FILTER;
        assert_put(&o, ingress_bytes, sizeof(ingress_bytes));
}

/* The same attributes out of what was put, for every value that each may have. */
static void assert_round_trip(const CakeOptions *o, const CakeState *before) {
        CakeState have = { 0 };
        Nest n;

        nest_begin(&n);
        cake_put(n.message, o, before);
        g_assert_cmpint(cake_parse_options(nest_end(&n), &have), ==, 0);
        g_assert_true(cake_is(&have, o));
        g_assert_cmpuint(have.options.bandwidth, ==, o->bandwidth / 8 * 8);
}

static void test_round_trip(void) {
        const CakeState nat = { .options.nat = true };
        CakeOptions o;

        cake_options_init(&o);
        for (o.preset = 0; o.preset < CAKE_DIFFSERV_MAX; o.preset++)
                assert_round_trip(&o, NULL);
        o.preset = 0;
        for (o.isolation = 0; o.isolation < CAKE_FLOW_MAX; o.isolation++)
                assert_round_trip(&o, NULL);
        o.isolation = 0;
        for (o.line = 0; o.line < CAKE_ATM_MAX; o.line++)
                assert_round_trip(&o, NULL);
        o.line = 0;
        for (o.ack_filter = 0; o.ack_filter < CAKE_ACK_MAX; o.ack_filter++)
                assert_round_trip(&o, NULL);
        o.ack_filter = 0;
        o.has_overhead = true;
        for (o.overhead = CAKE_OVERHEAD_MIN; o.overhead <= CAKE_OVERHEAD_MAX; o.overhead++)
                assert_round_trip(&o, &nat);
        for (unsigned bits = 0; bits < 8; bits++) {
                o.nat = bits & 1;
                o.wash = bits & 2;
                o.ingress = bits & 4;
                assert_round_trip(&o, &nat);
        }
        o.bandwidth = CAKE_BANDWIDTH_MAX + 7;
        assert_round_trip(&o, NULL);
}

/* One in force that differs in any one thing is another. */
static void test_is(void) {
        static const struct {
                uint16_t type;
                uint32_t value;
        } changes[] = {
                { TCA_CAKE_DIFFSERV_MODE, 0 },
                { TCA_CAKE_ATM, 1 },
                { TCA_CAKE_FLOW_MODE, 4 },
                { TCA_CAKE_OVERHEAD, 19 },
                { TCA_CAKE_RTT, 99999 },
                { TCA_CAKE_TARGET, 5001 },
                { TCA_CAKE_AUTORATE, 1 },
                { TCA_CAKE_MEMORY, 1 << 20 },
                { TCA_CAKE_NAT, 1 },
                { TCA_CAKE_RAW, 0 },
                { TCA_CAKE_WASH, 1 },
                { TCA_CAKE_MPU, 65 },
                { TCA_CAKE_INGRESS, 1 },
                { TCA_CAKE_ACK_FILTER, 2 },
                { TCA_CAKE_SPLIT_GSO, 0 },
                { TCA_CAKE_FWMARK, 0xff },
        };
        CakeOptions o;

        cake_options_init(&o);
        o.bandwidth = 1000000;
        o.has_overhead = true;
        o.overhead = 18;
        o.mpu = 64;

        for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
                CakeState have;
                Nest n;

                nest_begin(&n);
                cake_put(n.message, &o, NULL);
                mnl_attr_put_u32(n.message, changes[i].type, changes[i].value);
                g_assert_cmpint(cake_parse_options(nest_end(&n), &have), ==, 0);
                g_assert_false(cake_is(&have, &o));
        }
}

static void test_bad_options(void) {
        static const struct {
                uint16_t type;
                uint16_t size;
                uint8_t bytes[16];
        } cases[] = {
                { TCA_CAKE_BASE_RATE64, 4, { 1 } },
                { TCA_CAKE_BASE_RATE64, 8, { 0, 0, 0, 0, 0, 0, 0, 0xff } }, /* more bits than a number has */
                { TCA_CAKE_RTT, 2, { 1 } },
                { TCA_CAKE_RTT, 0, { 0 } },
                { TCA_CAKE_RTT, 8, { 1 } },
                { TCA_CAKE_DIFFSERV_MODE, 4, { 5 } },
                { TCA_CAKE_FLOW_MODE, 4, { 8 } },
                { TCA_CAKE_ATM, 4, { 3 } },
                { TCA_CAKE_ACK_FILTER, 4, { 0, 0, 0, 0x80 } },
                { TCA_CAKE_FWMARK, 3, { 0 } },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                CakeState have;
                Nest n;

                nest_begin(&n);
                mnl_attr_put(n.message, cases[i].type, cases[i].size, cases[i].bytes);
                g_assert_cmpint(cake_parse_options(nest_end(&n), &have), ==, -EBADMSG);
        }
}

/* -- statistics ------------------------------------------------------------------------------------------------ */

/* Two tins of a dump, as sch_cake.c and gen_stats.c of Linux 6.12 put it together: a pad before what has eight bytes, padding at the
 * end of the basic struct. */
static const uint8_t statistics_bytes[] = {
        /* basic: 3,000,000 bytes in 2,500 packets */
        20,
        0,
        TCA_STATS_BASIC,
        0,
        U64(UINT64_C(3000000)),
        U32(2500U),
        U32(0U),
        /* queue: length, backlog, drops, requeues, overlimits */
        24,
        0,
        TCA_STATS_QUEUE,
        0,
        U32(3U),
        U32(4500U),
        U32(17U),
        U32(0U),
        U32(99U),
        180,
        0,
        TCA_STATS_APP,
        0,
        4,
        0,
        TCA_CAKE_STATS_PAD,
        0,
        ATTR64(TCA_CAKE_STATS_CAPACITY_ESTIMATE64, UINT64_C(56250000)),
        ATTR32(TCA_CAKE_STATS_MEMORY_LIMIT, 4194304U),
        ATTR32(TCA_CAKE_STATS_MEMORY_USED, 8192U),
        ATTR32(TCA_CAKE_STATS_MIN_NETLEN, 0xffffffffU),
        136,
        0,
        TCA_CAKE_STATS_TIN_STATS,
        0,
        52,
        0,
        1,
        0,
        4,
        0,
        TCA_CAKE_TIN_STATS_PAD,
        0,
        ATTR64(TCA_CAKE_TIN_STATS_SENT_BYTES64, UINT64_C(1000000)),
        ATTR32(TCA_CAKE_TIN_STATS_SENT_PACKETS, 700U),
        ATTR32(TCA_CAKE_TIN_STATS_DROPPED_PACKETS, 17U),
        ATTR32(TCA_CAKE_TIN_STATS_ECN_MARKED_PACKETS, 5U),
        ATTR32(TCA_CAKE_TIN_STATS_PEAK_DELAY_US, 4000U),
        80,
        0,
        2,
        0,
        ATTR64(TCA_CAKE_TIN_STATS_SENT_BYTES64, UINT64_C(2000000)),
        ATTR64(TCA_CAKE_TIN_STATS_THRESHOLD_RATE64, UINT64_C(3515625)),
        ATTR32(TCA_CAKE_TIN_STATS_SENT_PACKETS, 1800U),
        ATTR32(TCA_CAKE_TIN_STATS_AVG_DELAY_US, 42U),
        ATTR32(TCA_CAKE_TIN_STATS_BASE_DELAY_US, 7U),
        ATTR32(TCA_CAKE_TIN_STATS_SPARSE_FLOWS, 2U),
        ATTR32(TCA_CAKE_TIN_STATS_BULK_FLOWS, 1U),
        12,
        0,
        200,
        0,
        U64(UINT64_C(1)),
};

static const struct nlattr *put_bytes(Nest *n, const uint8_t *bytes, size_t size) {
        nest_begin(n);
        g_assert_cmpuint(size, <, sizeof(n->buffer) - 64);
        memcpy(mnl_nlmsg_get_payload_tail(n->message), bytes, size);
        n->message->nlmsg_len += (uint32_t) size;
        return nest_end(n);
}

static void test_statistics(void) {
        CakeStatistics s;
        Nest n;

        g_assert_cmpint(
                cake_parse_statistics(put_bytes(&n, statistics_bytes, sizeof(statistics_bytes)), &s), ==, 0);
        g_assert_cmpuint(s.bytes, ==, 3000000);
        g_assert_cmpuint(s.packets, ==, 2500);
        g_assert_cmpuint(s.queued, ==, 3);
        g_assert_cmpuint(s.backlog, ==, 4500);
        g_assert_cmpuint(s.drops, ==, 17);
        g_assert_cmpuint(s.overlimits, ==, 99);
        g_assert_cmpuint(s.capacity, ==, 56250000);
        g_assert_cmpuint(s.memory_limit, ==, 4194304);
        g_assert_cmpuint(s.memory_used, ==, 8192);
        g_assert_cmpuint(s.n_tins, ==, 2);
        g_assert_cmpuint(s.tins[0].bytes, ==, 1000000);
        g_assert_cmpuint(s.tins[0].packets, ==, 700);
        g_assert_cmpuint(s.tins[0].drops, ==, 17);
        g_assert_cmpuint(s.tins[0].marks, ==, 5);
        g_assert_cmpuint(s.tins[0].peak_delay, ==, 4000);
        g_assert_cmpuint(s.tins[0].threshold, ==, 0);
        g_assert_cmpuint(s.tins[1].bytes, ==, 2000000);
        g_assert_cmpuint(s.tins[1].threshold, ==, 3515625);
        g_assert_cmpuint(s.tins[1].average_delay, ==, 42);
        g_assert_cmpuint(s.tins[1].base_delay, ==, 7);
        g_assert_cmpuint(s.tins[1].sparse_flows, ==, 2);
        g_assert_cmpuint(s.tins[1].bulk_flows, ==, 1);
}

static void test_wide_packets(void) {
        static const uint8_t bytes[] = { 20, 0, TCA_STATS_BASIC, 0, U64(UINT64_C(1)), U32(7U), U32(0U),
                ATTR64(TCA_STATS_PKT64, UINT64_C(0x100000007)) };
        CakeStatistics s;
        Nest n;

        g_assert_cmpint(cake_parse_statistics(put_bytes(&n, bytes, sizeof(bytes)), &s), ==, 0);
        g_assert_cmpuint(s.packets, ==, UINT64_C(0x100000007));
}

static void test_bad_statistics(void) {
        static const uint8_t short_basic[] = { 12, 0, TCA_STATS_BASIC, 0, U64(UINT64_C(1)) },
                             short_queue[] = { 8, 0, TCA_STATS_QUEUE, 0, U32(1U) },
                             ninth_tin[] = { 12, 0, TCA_STATS_APP, 0, 8, 0, TCA_CAKE_STATS_TIN_STATS, 0, 4,
                                     0, 9, 0 },
                             narrow_bytes[] = { 20, 0, TCA_STATS_APP, 0, 16, 0, TCA_CAKE_STATS_TIN_STATS, 0,
                                     12, 0, 1, 0, ATTR32(TCA_CAKE_TIN_STATS_SENT_BYTES64, 1U) };
        static const struct {
                const uint8_t *bytes;
                size_t size;
        } cases[] = {
                { short_basic, sizeof(short_basic) },
                { short_queue, sizeof(short_queue) },
                { ninth_tin, sizeof(ninth_tin) },
                { narrow_bytes, sizeof(narrow_bytes) },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                CakeStatistics s;
                Nest n;

                g_assert_cmpint(cake_parse_statistics(put_bytes(&n, cases[i].bytes, cases[i].size), &s), ==,
                        -EBADMSG);
        }
}

/* Every byte changed in several ways, in a buffer that ends where the message does: nothing is read past it. */
static void test_mutations(void) {
        static const uint8_t values[] = { 0x00, 0x01, 0x03, 0x7f, 0x80, 0xff };

        for (size_t i = 0; i < sizeof(statistics_bytes); i++)
                for (size_t v = 0; v < sizeof(values); v++) {
                        size_t size = sizeof(struct nlattr) + sizeof(statistics_bytes);
                        struct nlattr *attr = g_malloc0(size);
                        uint8_t *bytes = mnl_attr_get_payload(attr);
                        CakeStatistics s = { 0 };
                        CakeState have;

                        attr->nla_len = (uint16_t) size;
                        memcpy(bytes, statistics_bytes, sizeof(statistics_bytes));
                        bytes[i] = values[v];
                        if (cake_parse_statistics(attr, &s) == 0)
                                g_assert_cmpuint(s.n_tins, <=, TC_CAKE_MAX_TINS);
                        (void) cake_parse_options(attr, &have);
                        g_free(attr);
                }
}

/* -- names ----------------------------------------------------------------------------------------------------- */

static void test_names(void) {
        static const struct {
                uint32_t preset;
                unsigned tins;
                const char *first, *last;
        } cases[] = {
                { CAKE_DIFFSERV_DIFFSERV3, 3, "Bulk", "Voice" },
                { CAKE_DIFFSERV_DIFFSERV4, 4, "Bulk", "Voice" },
                { CAKE_DIFFSERV_DIFFSERV8, 8, "Tin 0", "Tin 7" },
                { CAKE_DIFFSERV_BESTEFFORT, 1, "All", "All" },
                { CAKE_DIFFSERV_PRECEDENCE, 8, "Tin 0", "Tin 7" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_assert_cmpstr(cake_tin_name(cases[i].preset, 0), ==, cases[i].first);
                g_assert_cmpstr(cake_tin_name(cases[i].preset, cases[i].tins - 1), ==, cases[i].last);
                g_assert_null(cake_tin_name(cases[i].preset, cases[i].tins));
        }

        g_assert_cmpstr(cake_tin_name(CAKE_DIFFSERV_DIFFSERV4, 2), ==, "Video");
        g_assert_cmpint(cake_find(cake_presets, "diffserv4"), ==, CAKE_DIFFSERV_DIFFSERV4);
        g_assert_cmpint(cake_find(cake_presets, "precedence"), ==, CAKE_DIFFSERV_PRECEDENCE);
        g_assert_cmpint(cake_find(cake_isolations, "triple-isolate"), ==, CAKE_FLOW_TRIPLE);
        g_assert_cmpint(cake_find(cake_lines, "ptm"), ==, CAKE_ATM_PTM);
        g_assert_cmpint(cake_find(cake_ack_filters, "ack-filter-aggressive"), ==, CAKE_ACK_AGGRESSIVE);
        g_assert_cmpint(cake_find(cake_presets, "diffserv"), ==, -EINVAL);
        g_assert_cmpint(cake_find(cake_presets, ""), ==, -EINVAL);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cake/put", test_put);
        g_test_add_func("/cake/round-trip", test_round_trip);
        g_test_add_func("/cake/is", test_is);
        g_test_add_func("/cake/bad-options", test_bad_options);
        g_test_add_func("/cake/statistics", test_statistics);
        g_test_add_func("/cake/wide-packets", test_wide_packets);
        g_test_add_func("/cake/bad-statistics", test_bad_statistics);
        g_test_add_func("/cake/mutations", test_mutations);
        g_test_add_func("/cake/names", test_names);
        return g_test_run();
}
