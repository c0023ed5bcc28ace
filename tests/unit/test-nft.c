/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "service/nft.h"
#include "tests/own-network.h"

/* The real nf_tables of a network namespace of our own: what is put is read back, and tried with packets over loopback. */

#define TABLE "try"
#define PORT 27015
#define EF 46

typedef struct World {
        sd_event *event;
        Netlink *netlink;
        unsigned ended, news;
        int r;
        uint32_t generation;
        GString *said;   /* of what was listed */
        uint64_t handle; /* of the last rule */
        uint64_t packets;
} World;

static bool allowed;

static void set_up(World *w, gconstpointer data) {
        g_assert_cmpint(sd_event_new(&w->event), >=, 0);
        if (allowed)
                g_assert_cmpint(netlink_open(w->event, NETLINK_NETFILTER, &w->netlink), ==, 0);
        w->said = g_string_new(NULL);
}

static void on_done(int r, const char *why, void *userdata) {
        World *w = userdata;

        w->ended++;
        w->r = r;
}

static int wait_for(World *w) {
        unsigned before = w->ended;

        while (w->ended == before)
                g_assert_cmpint(sd_event_run(w->event, 20 * G_USEC_PER_SEC), >, 0);

        return w->r;
}

static int send_batch(World *w, NftBatch *b) {
        g_assert_cmpint(nft_batch_send(w->netlink, b, 0, on_done, w), ==, 0);
        return wait_for(w);
}

static void tear_down(World *w, gconstpointer data) {
        if (w->netlink) {
                NftBatch *b = nft_batch_new();

                nft_add_table(b, TABLE);
                nft_delete_table(b, TABLE);
                g_assert_cmpint(send_batch(w, b), ==, 0);
        }
        w->netlink = netlink_close(w->netlink);
        (void) g_string_free(w->said, TRUE);
        sd_event_unref(w->event);
}

static NftBatch *begin(void) {
        NftBatch *b = nft_batch_new();

        nft_add_table(b, TABLE);
        nft_add_base_chain(b, TABLE, "output", NF_INET_LOCAL_OUT, -150);
        nft_add_base_chain(b, TABLE, "input", NF_INET_LOCAL_IN, 0);
        return b;
}

static void on_listed(const struct nlmsghdr *m, void *userdata) {
        World *w = userdata;
        NftRuleInfo r;
        NftChain c;
        NftCounter counter;

        if (nft_parse_generation(m, &w->generation))
                return;
        if (nft_parse_rule(m, &r)) {
                g_string_append_printf(
                        w->said, "rule %u %s %s '%s'\n", r.family, r.table, r.chain, r.comment);
                w->handle = r.handle;
        } else if (nft_parse_chain(m, &c))
                g_string_append_printf(w->said, "chain %u %s %s %d %u %d\n", c.family, c.table, c.name,
                        c.base, c.hook, c.drops);
        else if (nft_parse_counter(m, &counter)) {
                g_string_append_printf(w->said, "counter %s %" PRIu64 " %" PRIu64 "\n", counter.name,
                        counter.packets, counter.bytes);
                w->packets = counter.packets;
        }
}

static const char *list_rules(World *w, const char *chain) {
        g_string_truncate(w->said, 0);
        g_assert_cmpint(
                nft_list_rules(w->netlink, NFPROTO_INET, TABLE, chain, on_listed, on_done, w), ==, 0);
        g_assert_cmpint(wait_for(w), ==, 0);
        return w->said->str;
}

static const char *list_counters(World *w) {
        g_string_truncate(w->said, 0);
        g_assert_cmpint(nft_list_counters(w->netlink, TABLE, on_listed, on_done, w), ==, 0);
        g_assert_cmpint(wait_for(w), ==, 0);
        return w->said->str;
}

static uint32_t generation(World *w) {
        g_assert_cmpint(nft_get_generation(w->netlink, on_listed, on_done, w), ==, 0);
        g_assert_cmpint(wait_for(w), ==, 0);
        return w->generation;
}

static void test_chains(World *w, gconstpointer data) {
        NftBatch *b = begin();

        nft_add_chain(b, TABLE, "mark");
        g_assert_cmpint(send_batch(w, b), ==, 0);
        g_assert_cmpint(nft_list_chains(w->netlink, on_listed, on_done, w), ==, 0);
        g_assert_cmpint(wait_for(w), ==, 0);
        g_assert_cmpstr(w->said->str, ==,
                "chain 1 try output 1 3 0\nchain 1 try input 1 1 0\nchain 1 try mark 0 0 0\n");
}

static void test_all_or_nothing(World *w, gconstpointer data) {
        NftBatch *b = begin();
        NftRule *r = nft_rule_new(NFPROTO_INET, TABLE, "output", NULL);

        nft_jump(r, "nowhere");
        nft_append_rule(b, r);
        g_assert_cmpint(send_batch(w, b), ==, -ENOENT);
        g_assert_cmpint(nft_list_chains(w->netlink, on_listed, on_done, w), ==, 0);
        g_assert_cmpint(wait_for(w), ==, 0);
        g_assert_cmpstr(w->said->str, ==, "");

        b = nft_batch_new();
        g_assert_true(nft_batch_is_empty(b));
        g_assert_cmpint(nft_batch_send(w->netlink, b, 0, on_done, w), ==, -EINVAL);
}

static void test_generation(World *w, gconstpointer data) {
        uint32_t first = generation(w);
        NftBatch *b;

        g_assert_cmpint(nft_batch_send(w->netlink, begin(), first, on_done, w), ==, 0);
        g_assert_cmpint(wait_for(w), ==, 0);
        g_assert_cmpuint(generation(w), !=, first);

        b = begin();
        nft_add_chain(b, TABLE, "late");
        g_assert_cmpint(nft_batch_send(w->netlink, b, first, on_done, w), ==, 0);
        g_assert_cmpint(wait_for(w), ==, -ERESTART);
}

static void test_rules(World *w, gconstpointer data) {
        NftBatch *b = begin();
        NftRule *r = nft_rule_new(NFPROTO_INET, TABLE, "input", "second");

        nft_verdict(r, NF_ACCEPT);
        nft_append_rule(b, r);
        r = nft_rule_new(NFPROTO_INET, TABLE, "input", NULL);
        nft_verdict(r, NF_ACCEPT);
        nft_append_rule(b, r);
        r = nft_rule_new(NFPROTO_INET, TABLE, "input", "first");
        nft_verdict(r, NF_ACCEPT);
        nft_insert_rule(b, r);
        g_assert_cmpint(send_batch(w, b), ==, 0);
        g_assert_cmpstr(list_rules(w, "input"), ==,
                "rule 1 try input 'first'\nrule 1 try input 'second'\nrule 1 try input ''\n");
        g_assert_cmpstr(list_rules(w, "output"), ==, "");
        g_assert_cmpstr(list_rules(w, "none"), ==, "");

        (void) list_rules(w, "input");
        b = nft_batch_new();
        nft_delete_rule(b, NFPROTO_INET, TABLE, "input", w->handle);
        g_assert_cmpint(send_batch(w, b), ==, 0);
        g_assert_cmpstr(list_rules(w, NULL), ==, "rule 1 try input 'first'\nrule 1 try input 'second'\n");
}

/* A datagram over loopback: its traffic class as it arrives, -1 if it does not. */
static int send_and_look(int family, uint16_t from) {
        struct sockaddr_storage address = { .ss_family = (sa_family_t) family };
        struct sockaddr_in *v4 = (struct sockaddr_in *) &address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) &address;
        socklen_t size = family == AF_INET ? sizeof(*v4) : sizeof(*v6);
        int sender = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        int receiver = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1, tos = -1;
        char byte, control[64];
        struct iovec iov = { &byte, 1 };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
        };

        v6->sin6_addr = in6addr_loopback;
        if (family == AF_INET)
                v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        g_assert_no_errno(setsockopt(receiver, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
                family == AF_INET ? IP_RECVTOS : IPV6_RECVTCLASS, &one, sizeof(one)));
        g_assert_no_errno(bind(receiver, (struct sockaddr *) &address, size));
        v4->sin_port = htons(from);
        g_assert_no_errno(bind(sender, (struct sockaddr *) &address, size));
        g_assert_no_errno(getsockname(receiver, (struct sockaddr *) &address, &size));
        /* Over loopback it has arrived, or was dropped, when this returns. */
        if (sendto(sender, "x", 1, 0, (struct sockaddr *) &address, size) == 1 &&
                recvmsg(receiver, &m, MSG_DONTWAIT) == 1) {
                const struct cmsghdr *c = CMSG_FIRSTHDR(&m);

                g_assert_nonnull(c);
                tos = family == AF_INET ? *CMSG_DATA(c) : *(const int *) (const void *) CMSG_DATA(c);
        }
        (void) close(sender);
        (void) close(receiver);
        return tos;
}

static void add_mark(NftBatch *b, uint8_t family) {
        NftRule *r = nft_rule_new(NFPROTO_INET, TABLE, "mark", NULL);

        nft_match_family(r, family);
        nft_set_dscp(r, family, EF);
        nft_append_rule(b, r);
}

/* What the firewall is made of: a set of ports, a counter that a port leads to, another chain. */
static void add_marking(NftBatch *b, uid_t uid) {
        const uint16_t port = htons(PORT);
        struct nftnl_set *by_port;
        NftRule *r;

        nft_add_chain(b, TABLE, "mark");
        nft_add_counter(b, TABLE, "server-one", 3, 300);
        nft_add_set(b, nft_set_new(TABLE, "ports", NFT_TYPE_PORT, 2, 0));
        nft_add_element(b, TABLE, "ports", &port, 2, NULL);
        by_port = nft_set_new(TABLE, "counters", NFT_TYPE_PORT, 2, NFT_SET_OBJECT);
        nftnl_set_set_u32(by_port, NFTNL_SET_OBJ_TYPE, NFT_OBJECT_COUNTER);
        nft_add_set(b, by_port);
        nft_add_element(b, TABLE, "counters", &port, 2, "server-one");

        r = nft_rule_new(NFPROTO_INET, TABLE, "output", NULL);
        nft_match_protocol(r, IPPROTO_UDP);
        nft_match_user(r, uid);
        nft_load_source_port(r);
        nft_lookup(r, "ports", true);
        nft_jump(r, "mark");
        nft_append_rule(b, r);
        add_mark(b, NFPROTO_IPV4);
        add_mark(b, NFPROTO_IPV6);
        r = nft_rule_new(NFPROTO_INET, TABLE, "mark", NULL);
        nft_set_priority(r, 6);
        nft_load_source_port(r);
        nft_count_by(r, "counters");
        nft_append_rule(b, r);
}

static void test_marks(World *w, gconstpointer data) {
        NftBatch *b = begin();

        add_marking(b, geteuid());
        g_assert_cmpint(send_batch(w, b), ==, 0);
        g_assert_cmpint(send_and_look(AF_INET, PORT), ==, EF << 2);
        g_assert_cmpint(send_and_look(AF_INET, PORT + 1), ==, 0);
        g_assert_cmpstr(list_counters(w), ==, "counter server-one 4 329\n");
        g_assert_cmpint(send_and_look(AF_INET6, PORT), ==, EF << 2);
        g_assert_cmpint(send_and_look(AF_INET6, PORT + 1), ==, 0);
        g_assert_cmpstr(list_counters(w), ==, "counter server-one 5 378\n");
}

static void test_marks_nobody_elses(World *w, gconstpointer data) {
        NftBatch *b = begin();

        add_marking(b, geteuid() + 1);
        g_assert_cmpint(send_batch(w, b), ==, 0);
        g_assert_cmpint(send_and_look(AF_INET, PORT), ==, 0);
        g_assert_cmpint(send_and_look(AF_INET6, PORT), ==, 0);
        g_assert_cmpstr(list_counters(w), ==, "counter server-one 3 300\n");
}

static void test_elements(World *w, gconstpointer data) {
        const uint16_t port = htons(PORT);
        NftBatch *b = begin();

        add_marking(b, geteuid());
        g_assert_cmpint(send_batch(w, b), ==, 0);
        b = nft_batch_new();
        nft_delete_counter(b, TABLE, "server-one");
        g_assert_cmpint(send_batch(w, b), ==, -EBUSY);

        b = nft_batch_new();
        nft_delete_element(b, TABLE, "ports", &port, 2);
        nft_delete_element(b, TABLE, "counters", &port, 2);
        nft_delete_counter(b, TABLE, "server-one");
        g_assert_cmpint(send_batch(w, b), ==, 0);
        g_assert_cmpstr(list_counters(w), ==, "");
        g_assert_cmpint(send_and_look(AF_INET, PORT), ==, 0);
}

static void test_drop(World *w, gconstpointer data) {
        static const uint8_t wanted = 'x', other = 'y', all = 0xff;
        NftBatch *b = begin();
        NftRule *r = nft_rule_new(NFPROTO_INET, TABLE, "input", "drops");

        nft_add_counter(b, TABLE, "dropped", 0, 0);
        nft_match_protocol(r, IPPROTO_UDP);
        nft_load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 8, 1);
        nft_compare_masked(r, &all, &wanted, 1);
        nft_load_source_port(r);
        nft_compare_u16(r, NFT_CMP_EQ, PORT);
        nft_count(r, "dropped");
        nft_verdict(r, NF_DROP);
        nft_append_rule(b, r);
        /* These match nothing here. */
        r = nft_rule_new(NFPROTO_INET, TABLE, "input", "outside");
        nft_match_outside(r);
        nft_verdict(r, NF_DROP);
        nft_append_rule(b, r);
        r = nft_rule_new(NFPROTO_INET, TABLE, "input", "other");
        nft_match_protocol(r, IPPROTO_UDP);
        nft_load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 8, 1);
        nft_compare_masked(r, &all, &other, 1);
        nft_verdict(r, NF_DROP);
        nft_append_rule(b, r);
        g_assert_cmpint(send_batch(w, b), ==, 0);

        g_assert_cmpint(send_and_look(AF_INET, PORT), ==, -1);
        g_assert_cmpint(send_and_look(AF_INET6, PORT), ==, -1);
        g_assert_cmpint(send_and_look(AF_INET, PORT + 1), ==, 0);
        (void) list_counters(w);
        g_assert_cmpuint(w->packets, ==, 2);
}

/* To an address of the host's own. */
static void test_fib(World *w, gconstpointer data) {
        NftBatch *b = begin();
        NftRule *r = nft_rule_new(NFPROTO_INET, TABLE, "output", NULL);

        nft_load_fib_type(r, NFTA_FIB_F_DADDR);
        nft_compare_u32(r, NFT_CMP_EQ, 2 /* RTN_LOCAL */);
        nft_verdict(r, NF_DROP);
        nft_append_rule(b, r);
        g_assert_cmpint(send_batch(w, b), ==, 0);
        g_assert_cmpint(send_and_look(AF_INET, PORT), ==, -1);
        g_assert_cmpint(send_and_look(AF_INET6, PORT), ==, -1);
}

static void test_cgroup(World *w, gconstpointer data) {
        const uint64_t nobody = UINT64_MAX;
        NftBatch *b = begin();
        NftRule *r = nft_rule_new(NFPROTO_INET, TABLE, "output", NULL);

        nft_add_set(b, nft_set_new(TABLE, "games", NFT_TYPE_CGROUP, 8, 0));
        nft_add_element(b, TABLE, "games", &nobody, 8, NULL);
        nft_load_cgroup(r, 2);
        nft_lookup(r, "games", true);
        nft_verdict(r, NF_DROP);
        nft_append_rule(b, r);
        g_assert_cmpint(send_batch(w, b), ==, 0);
        g_assert_cmpint(send_and_look(AF_INET, PORT), ==, 0);
}

static void on_news(const struct nlmsghdr *m, void *userdata) {
        World *w = userdata;
        uint8_t family;
        const char *table = m ? nft_parse_news(m, &family) : NULL;

        if (!table)
                return;
        w->news++;
        g_assert_cmpstr(table, ==, TABLE);
        g_assert_cmpuint(family, ==, NFPROTO_INET);
        g_assert_cmpuint(m->nlmsg_pid, ==, netlink_port(w->netlink));
}

static void test_news(World *w, gconstpointer data) {
        g_assert_cmpint(netlink_subscribe(w->netlink, NFNLGRP_NFTABLES, on_news, w), ==, 0);
        g_assert_cmpint(send_batch(w, begin()), ==, 0);
        while (w->news < 3)
                g_assert_cmpint(sd_event_run(w->event, 20 * G_USEC_PER_SEC), >, 0);
}

static void add_test(const char *path, void (*test)(World *, gconstpointer)) {
        if (allowed)
                g_test_add(path, World, NULL, set_up, test, tear_down);
}

static void test_skipped(void) {
        g_test_skip("needs nf_tables and a network namespace of its own");
}

/* A kernel without nf_tables answers, but not with a generation. */
static bool has_nftables(void) {
        World w = { 0 };

        allowed = own_network();
        if (!allowed)
                return false;

        set_up(&w, NULL);
        (void) nft_get_generation(w.netlink, on_listed, on_done, &w);
        allowed = wait_for(&w) == 0;
        w.netlink = netlink_close(w.netlink);
        tear_down(&w, NULL);
        return allowed;
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        if (!has_nftables())
                g_test_add_func("/nft", test_skipped);
        add_test("/nft/chains", test_chains);
        add_test("/nft/all-or-nothing", test_all_or_nothing);
        add_test("/nft/generation", test_generation);
        add_test("/nft/rules", test_rules);
        add_test("/nft/marks", test_marks);
        add_test("/nft/marks-nobody-elses", test_marks_nobody_elses);
        add_test("/nft/elements", test_elements);
        add_test("/nft/drop", test_drop);
        add_test("/nft/fib", test_fib);
        add_test("/nft/cgroup", test_cgroup);
        add_test("/nft/news", test_news);
        return g_test_run();
}
