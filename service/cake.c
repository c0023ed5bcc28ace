/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/gen_stats.h>
#include <stddef.h>
#include <string.h>

#include "service/cake.h"

/* Where CAKE starts to drop, as a part of the round trip time: what tc sends too. */
#define TARGET_OF(rtt) ((rtt) / 20 > 0 ? (rtt) / 20 : 1)

const char *const cake_presets[] = {
        [CAKE_DIFFSERV_DIFFSERV3] = "diffserv3",
        [CAKE_DIFFSERV_DIFFSERV4] = "diffserv4",
        [CAKE_DIFFSERV_DIFFSERV8] = "diffserv8",
        [CAKE_DIFFSERV_BESTEFFORT] = "besteffort",
        [CAKE_DIFFSERV_PRECEDENCE] = "precedence",
        NULL,
};

const char *const cake_isolations[] = {
        [CAKE_FLOW_NONE] = "flowblind",
        [CAKE_FLOW_SRC_IP] = "srchost",
        [CAKE_FLOW_DST_IP] = "dsthost",
        [CAKE_FLOW_HOSTS] = "hosts",
        [CAKE_FLOW_FLOWS] = "flows",
        [CAKE_FLOW_DUAL_SRC] = "dual-srchost",
        [CAKE_FLOW_DUAL_DST] = "dual-dsthost",
        [CAKE_FLOW_TRIPLE] = "triple-isolate",
        NULL,
};

const char *const cake_lines[] = {
        [CAKE_ATM_NONE] = "noatm",
        [CAKE_ATM_ATM] = "atm",
        [CAKE_ATM_PTM] = "ptm",
        NULL,
};

const char *const cake_ack_filters[] = {
        [CAKE_ACK_NONE] = "no-ack-filter",
        [CAKE_ACK_FILTER] = "ack-filter",
        [CAKE_ACK_AGGRESSIVE] = "ack-filter-aggressive",
        NULL,
};

int cake_find(const char *const *names, const char *name) {
        for (int i = 0; names[i]; i++)
                if (strcmp(names[i], name) == 0)
                        return i;

        return -EINVAL;
}

const char *cake_tin_name(uint32_t preset, unsigned tin) {
        static const char *const three[] = { "Bulk", "Best Effort", "Voice" },
                                 *const four[] = { "Bulk", "Best Effort", "Video", "Voice" },
                                 *const eight[] = { "Tin 0", "Tin 1", "Tin 2", "Tin 3", "Tin 4", "Tin 5",
                                         "Tin 6", "Tin 7" };

        switch (preset) {
        case CAKE_DIFFSERV_DIFFSERV3:
                return tin < 3 ? three[tin] : NULL;
        case CAKE_DIFFSERV_DIFFSERV4:
                return tin < 4 ? four[tin] : NULL;
        case CAKE_DIFFSERV_BESTEFFORT:
                return tin < 1 ? "All" : NULL;
        default:
                return tin < 8 ? eight[tin] : NULL;
        }
}

void cake_options_init(CakeOptions *o) {
        *o = (CakeOptions){
                .rtt = CAKE_RTT_DEFAULT,
                .preset = CAKE_DIFFSERV_DIFFSERV4,
                .isolation = CAKE_FLOW_TRIPLE,
        };
}

/* What an attribute leaves out stays as it is when one is changed: so all are there, but for the two that cannot be. */
void cake_put(struct nlmsghdr *message, const CakeOptions *o, const CakeState *have) {
        mnl_attr_put_u64(message, TCA_CAKE_BASE_RATE64, o->bandwidth / 8);
        mnl_attr_put_u32(message, TCA_CAKE_DIFFSERV_MODE, o->preset);
        mnl_attr_put_u32(message, TCA_CAKE_ATM, o->line);
        mnl_attr_put_u32(message, TCA_CAKE_FLOW_MODE, o->isolation);
        mnl_attr_put_u32(message, TCA_CAKE_OVERHEAD, o->has_overhead ? (uint32_t) o->overhead : 0);
        /* It is the presence that counts, and it is read after the overhead, whose number it leaves. */
        if (!o->has_overhead)
                mnl_attr_put_u32(message, TCA_CAKE_RAW, 0);
        mnl_attr_put_u32(message, TCA_CAKE_RTT, o->rtt);
        mnl_attr_put_u32(message, TCA_CAKE_TARGET, TARGET_OF(o->rtt));
        mnl_attr_put_u32(message, TCA_CAKE_AUTORATE, 0);
        mnl_attr_put_u32(message, TCA_CAKE_MEMORY, 0);
        /* A kernel without connection tracking refuses it, be it on or off. */
        if (o->nat || (have && have->options.nat))
                mnl_attr_put_u32(message, TCA_CAKE_NAT, o->nat);
        mnl_attr_put_u32(message, TCA_CAKE_WASH, o->wash);
        mnl_attr_put_u32(message, TCA_CAKE_MPU, o->mpu);
        mnl_attr_put_u32(message, TCA_CAKE_INGRESS, o->ingress);
        mnl_attr_put_u32(message, TCA_CAKE_ACK_FILTER, o->ack_filter);
        mnl_attr_put_u32(message, TCA_CAKE_SPLIT_GSO, 1);
        mnl_attr_put_u32(message, TCA_CAKE_FWMARK, 0);
}

bool cake_is(const CakeState *have, const CakeOptions *o) {
        const CakeOptions *h = &have->options;

        return h->bandwidth / 8 == o->bandwidth / 8 && h->rtt == o->rtt && h->mpu == o->mpu &&
               h->has_overhead == o->has_overhead && (!o->has_overhead || h->overhead == o->overhead) &&
               h->preset == o->preset && h->isolation == o->isolation && h->line == o->line &&
               h->ack_filter == o->ack_filter && h->nat == o->nat && h->wash == o->wash &&
               h->ingress == o->ingress && have->target == TARGET_OF(o->rtt) && have->memory == 0 &&
               have->fwmark == 0 && !have->autorate && !have->no_split_gso;
}

/* -- what comes in --------------------------------------------------------------------------------------------- */

/* A number that an attribute of this type is, and where it goes. */
typedef struct Field {
        uint16_t type;
        uint16_t size; /* 4 or 8, of the attribute and the member alike */
        size_t offset;
} Field;

static int read_field(const struct nlattr *attr, const Field *f, void *target) {
        if (mnl_attr_get_payload_len(attr) != f->size)
                return -EBADMSG;

        memcpy((char *) target + f->offset, mnl_attr_get_payload(attr), f->size);
        return 0;
}

/* Attributes of a type that nobody asks for are left: a newer kernel tells more. */
static int read_fields(const struct nlattr *nest, const Field *fields, size_t n, void *target) {
        const struct nlattr *attr;
        int r;

        mnl_attr_for_each_nested(attr, nest)
                for (size_t i = 0; i < n; i++)
                        if (mnl_attr_get_type(attr) == fields[i].type) {
                                r = read_field(attr, &fields[i], target);
                                if (r < 0)
                                        return r;
                        }

        return 0;
}

typedef struct RawOptions {
        uint64_t rate;
        uint32_t rtt, target, mpu, preset, isolation, line, ack_filter, memory, fwmark;
        uint32_t nat, wash, ingress, autorate, split_gso;
        int32_t overhead;
} RawOptions;

static const Field option_fields[] = {
#define FIELD(attribute, member) \
        { TCA_CAKE_##attribute, sizeof(((RawOptions *) NULL)->member), offsetof(RawOptions, member) }
        FIELD(BASE_RATE64, rate),
        FIELD(RTT, rtt),
        FIELD(TARGET, target),
        FIELD(MPU, mpu),
        FIELD(DIFFSERV_MODE, preset),
        FIELD(FLOW_MODE, isolation),
        FIELD(ATM, line),
        FIELD(ACK_FILTER, ack_filter),
        FIELD(MEMORY, memory),
        FIELD(FWMARK, fwmark),
        FIELD(NAT, nat),
        FIELD(WASH, wash),
        FIELD(INGRESS, ingress),
        FIELD(AUTORATE, autorate),
        FIELD(SPLIT_GSO, split_gso),
        FIELD(OVERHEAD, overhead),
#undef FIELD
};

static bool is_known(const RawOptions *raw) {
        return raw->rate <= UINT64_MAX / 8 && raw->preset < CAKE_DIFFSERV_MAX &&
               raw->isolation < CAKE_FLOW_MAX && raw->line < CAKE_ATM_MAX && raw->ack_filter < CAKE_ACK_MAX;
}

int cake_parse_options(const struct nlattr *options, CakeState *ret) {
        RawOptions raw = { .split_gso = 1 };
        const struct nlattr *attr;
        bool without_overhead = false;
        int r;

        r = read_fields(options, option_fields, sizeof(option_fields) / sizeof(*option_fields), &raw);
        if (r < 0)
                return r;
        if (!is_known(&raw))
                return -EBADMSG;

        mnl_attr_for_each_nested(attr, options)
                if (mnl_attr_get_type(attr) == TCA_CAKE_RAW)
                        without_overhead = true;

        *ret = (CakeState){
                .options = {
                        .bandwidth = raw.rate * 8,
                        .rtt = raw.rtt,
                        .overhead = raw.overhead,
                        .mpu = raw.mpu,
                        .preset = raw.preset,
                        .isolation = raw.isolation,
                        .line = raw.line,
                        .ack_filter = raw.ack_filter,
                        .has_overhead = !without_overhead,
                        .nat = raw.nat != 0,
                        .wash = raw.wash != 0,
                        .ingress = raw.ingress != 0,
                },
                .target = raw.target,
                .memory = raw.memory,
                .fwmark = raw.fwmark,
                .autorate = raw.autorate != 0,
                .no_split_gso = raw.split_gso == 0,
        };
        return 0;
}

static int parse_tin(const struct nlattr *nest, CakeTin *ret) {
#define FIELD(attribute, member) \
        { TCA_CAKE_TIN_STATS_##attribute, sizeof(ret->member), offsetof(CakeTin, member) }
        static const Field fields[] = {
                FIELD(SENT_PACKETS, packets),
                FIELD(SENT_BYTES64, bytes),
                FIELD(DROPPED_PACKETS, drops),
                FIELD(ACKS_DROPPED_PACKETS, ack_drops),
                FIELD(ECN_MARKED_PACKETS, marks),
                FIELD(BACKLOG_BYTES, backlog),
                FIELD(THRESHOLD_RATE64, threshold),
                FIELD(TARGET_US, target),
                FIELD(INTERVAL_US, interval),
                FIELD(PEAK_DELAY_US, peak_delay),
                FIELD(AVG_DELAY_US, average_delay),
                FIELD(BASE_DELAY_US, base_delay),
                FIELD(SPARSE_FLOWS, sparse_flows),
                FIELD(BULK_FLOWS, bulk_flows),
                FIELD(UNRESPONSIVE_FLOWS, unresponsive_flows),
        };
#undef FIELD

        return read_fields(nest, fields, sizeof(fields) / sizeof(*fields), ret);
}

/* Attribute n + 1 is tin n; they need not come in order. */
static int parse_tins(const struct nlattr *nest, CakeStatistics *ret) {
        const struct nlattr *attr;

        mnl_attr_for_each_nested(attr, nest) {
                unsigned n = mnl_attr_get_type(attr);
                int r;

                if (n == 0)
                        continue;
                if (n > TC_CAKE_MAX_TINS)
                        return -EBADMSG;

                r = parse_tin(attr, &ret->tins[n - 1]);
                if (r < 0)
                        return r;
                if (n > ret->n_tins)
                        ret->n_tins = n;
        }

        return 0;
}

static int parse_own(const struct nlattr *nest, CakeStatistics *ret) {
#define FIELD(attribute, member) \
        { TCA_CAKE_STATS_##attribute, sizeof(ret->member), offsetof(CakeStatistics, member) }
        static const Field fields[] = {
                FIELD(CAPACITY_ESTIMATE64, capacity),
                FIELD(MEMORY_LIMIT, memory_limit),
                FIELD(MEMORY_USED, memory_used),
        };
#undef FIELD
        const struct nlattr *attr;
        int r;

        r = read_fields(nest, fields, sizeof(fields) / sizeof(*fields), ret);
        if (r < 0)
                return r;

        mnl_attr_for_each_nested(attr, nest)
                if (mnl_attr_get_type(attr) == TCA_CAKE_STATS_TIN_STATS) {
                        r = parse_tins(attr, ret);
                        if (r < 0)
                                return r;
                }

        return 0;
}

/* The structs of the kernel end in padding, or grow: what is there of them is taken. */
static int read_struct(const struct nlattr *attr, void *ret, size_t size, size_t least) {
        size_t n = mnl_attr_get_payload_len(attr);

        if (n < least)
                return -EBADMSG;

        memcpy(ret, mnl_attr_get_payload(attr), n < size ? n : size);
        return 0;
}

int cake_parse_statistics(const struct nlattr *stats2, CakeStatistics *ret) {
        struct gnet_stats_basic basic = { 0 };
        struct gnet_stats_queue queue = { 0 };
        CakeStatistics s = { 0 };
        const struct nlattr *attr;
        uint64_t packets = 0;
        int r = 0;

        mnl_attr_for_each_nested(attr, stats2) {
                switch (mnl_attr_get_type(attr)) {
                case TCA_STATS_BASIC:
                        r = read_struct(attr, &basic, sizeof(basic),
                                offsetof(struct gnet_stats_basic, packets) + sizeof(basic.packets));
                        break;
                case TCA_STATS_PKT64:
                        r = read_struct(attr, &packets, sizeof(packets), sizeof(packets));
                        break;
                case TCA_STATS_QUEUE:
                        r = read_struct(attr, &queue, sizeof(queue), sizeof(queue));
                        break;
                case TCA_STATS_APP:
                        r = parse_own(attr, &s);
                        break;
                default:
                        break;
                }
                if (r < 0)
                        return r;
        }

        s.bytes = basic.bytes;
        /* The narrow one wraps; the wide one is only there when it would. */
        s.packets = packets > 0 ? packets : basic.packets;
        s.drops = queue.drops;
        s.overlimits = queue.overlimits;
        s.backlog = queue.backlog;
        s.queued = queue.qlen;
        *ret = s;
        return 0;
}
