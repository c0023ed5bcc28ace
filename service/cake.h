/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * CAKE as the kernel speaks it: its options to and from netlink attributes, its statistics out of a dump. No I/O, and nothing is
 * believed about what comes in: every attribute is checked for its size.
 */

#define CAKE_KIND "cake"

/* The highest of each, for what comes from outside. The kernel takes more. */
#define CAKE_BANDWIDTH_MIN UINT64_C(64000) /* bit/s; 0 is without limit */
#define CAKE_BANDWIDTH_MAX UINT64_C(1000000000000)
#define CAKE_RTT_MIN 100U /* usec */
#define CAKE_RTT_MAX 10000000U
#define CAKE_OVERHEAD_MIN (-64)
#define CAKE_OVERHEAD_MAX 256
#define CAKE_MPU_MAX 256U

#define CAKE_RTT_DEFAULT 100000U

/* The numbers are the kernel's, in linux/pkt_sched.h; each enumeration has a table of the names that tc uses. */
typedef struct CakeOptions {
        uint64_t bandwidth; /* bit/s, 0: without limit */
        uint32_t rtt;       /* usec */
        int32_t overhead;   /* bytes that the line adds to each packet; counts only with has_overhead */
        uint32_t mpu;       /* bytes that each packet has at least on the line */
        uint32_t preset;    /* CAKE_DIFFSERV_* */
        uint32_t isolation; /* CAKE_FLOW_* */
        uint32_t line;      /* CAKE_ATM_* */
        uint32_t ack_filter;
        bool has_overhead;
        bool nat;
        bool wash;
        bool ingress;
} CakeOptions;

/* What else the kernel tells about one that is in force, and that we leave at its default. */
typedef struct CakeState {
        CakeOptions options;
        uint32_t target; /* usec */
        uint32_t memory, fwmark;
        bool autorate, no_split_gso;
} CakeState;

typedef struct CakeTin {
        uint64_t bytes, threshold; /* threshold: bytes/s */
        uint32_t packets, drops, ack_drops, marks, backlog;
        uint32_t target, interval, peak_delay, average_delay, base_delay; /* usec */
        uint32_t sparse_flows, bulk_flows, unresponsive_flows;
} CakeTin;

typedef struct CakeStatistics {
        uint64_t bytes, packets;
        uint32_t drops, overlimits, backlog, queued;
        uint64_t capacity; /* bytes/s, as estimated */
        uint32_t memory_used, memory_limit;
        unsigned n_tins;
        CakeTin tins[TC_CAKE_MAX_TINS]; /* in the order of cake_tin_name() */
} CakeStatistics;

extern const char *const cake_presets[];
extern const char *const cake_isolations[];
extern const char *const cake_lines[];
extern const char *const cake_ack_filters[];

/* The index of a name in one of these, -EINVAL without. */
int cake_find(const char *const *names, const char *name);

/* "Voice"; NULL for none. */
const char *cake_tin_name(uint32_t preset, unsigned tin);

/* The defaults: diffserv4, triple-isolate, 100 ms, without limit. */
void cake_options_init(CakeOptions *o);

/* Adds the attributes that make a new CAKE, or any that is there, what o says. have: what is there, NULL for none. */
void cake_put(struct nlmsghdr *message, const CakeOptions *o, const CakeState *have);

/* Whether one in force is what o says. The kernel keeps rates in bytes. */
bool cake_is(const CakeState *have, const CakeOptions *o);

/* Reads TCA_OPTIONS and TCA_STATS2 of a queueing discipline; -EBADMSG when they are not whole. */
int cake_parse_options(const struct nlattr *options, CakeState *ret);
int cake_parse_statistics(const struct nlattr *stats2, CakeStatistics *ret);
