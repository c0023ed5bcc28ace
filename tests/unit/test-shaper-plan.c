/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "service/shaper-plan.h"

/* What is said to the kernel, by what it has. */

#define LINK 7
#define IFB 9

static void test_ifb_names(void) {
        static const char *const names[] = { "lo", "eth0", "elevenchars", "twelve-chars", "twelve_chars",
                "fifteencharact1", "fifteencharact2" };
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                char *name = shaper_ifb_name(names[i]);

                g_assert_true(tc_name_is_valid(name));
                g_assert_true(g_hash_table_add(seen, name));
        }
        g_assert_true(g_hash_table_contains(seen, "l4i-elevenchars"));
}

/* Messages in words: "add cake 7, redirect 7 to 9". */
static char *describe(const GByteArray *messages) {
        const struct nlmsghdr *m = (const struct nlmsghdr *) (const void *) messages->data;
        GString *text = g_string_new(NULL);
        int left = (int) messages->len;

        for (; messages->len > 0 && mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
                const struct tcmsg *tc = mnl_nlmsg_get_payload(m);
                const struct ifinfomsg *link = mnl_nlmsg_get_payload(m);
                TcQdisc q;

                g_assert_true(m->nlmsg_flags & NLM_F_ACK);
                if (text->len > 0)
                        g_string_append(text, ", ");
                switch (m->nlmsg_type) {
                case RTM_NEWQDISC:
                        g_assert_cmpint(tc_parse_qdisc(m, &q), ==, 0);
                        g_string_append_printf(text, "%s %d", q.kind, q.link);
                        break;
                case RTM_DELQDISC:
                        g_string_append_printf(text, "no %s %d",
                                tc->tcm_parent == TC_H_ROOT ? "root" : "ingress", tc->tcm_ifindex);
                        break;
                case RTM_NEWTFILTER:
                        g_string_append_printf(text, "redirect %d", tc->tcm_ifindex);
                        break;
                case RTM_DELTFILTER:
                        g_string_append_printf(text, "no redirect %d", tc->tcm_ifindex);
                        break;
                case RTM_NEWLINK:
                        g_string_append(text, "ifb");
                        break;
                case RTM_SETLINK:
                        g_string_append(text, link->ifi_index > 0 ? "up" : "alias");
                        break;
                case RTM_DELLINK:
                        g_string_append_printf(text, "no link %d", link->ifi_index);
                        break;
                default:
                        g_assert_not_reached();
                }
        }

        return g_string_free(text, FALSE);
}

typedef struct Scene {
        TcSnapshot seen;
        ShaperConfig config;
        ShaperWish wish;
} Scene;

static void scene_begin(Scene *s) {
        *s = (Scene){ 0 };
        tc_snapshot_init(&s->seen);
        shaper_config_init(&s->config);
        s->config.egress.bandwidth = 1000000;
        s->wish = (ShaperWish){ .interface = "eth0", .config = &s->config, .known = true };
}

static void add_link(Scene *s, int index, const char *name, const char *kind, bool up) {
        TcLink link = { .index = index, .up = up };

        g_strlcpy(link.name, name, sizeof(link.name));
        g_strlcpy(link.kind, kind, sizeof(link.kind));
        g_array_append_val(s->seen.links, link);
}

static TcQdisc *add_qdisc(Scene *s, int link, uint32_t handle, uint32_t parent, const char *kind) {
        TcQdisc q = { .link = link, .handle = handle << 16, .parent = parent };

        g_strlcpy(q.kind, kind, sizeof(q.kind));
        g_array_append_val(s->seen.qdiscs, q);
        return &g_array_index(s->seen.qdiscs, TcQdisc, s->seen.qdiscs->len - 1);
}

/* One that is what was put, by way of the bytes that the kernel would get. */
static void add_cake(Scene *s, int link, uint32_t handle, const CakeOptions *o) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        TcQdisc q;

        tc_set_cake(bytes, link, o, NULL);
        g_assert_cmpint(tc_parse_qdisc((const struct nlmsghdr *) (const void *) bytes->data, &q), ==, 0);
        q.handle = handle << 16;
        g_array_append_val(s->seen.qdiscs, q);
}

static void add_filter(Scene *s, int link, uint16_t priority, int target) {
        TcFilter f = { .link = link, .priority = priority, .target = target };

        g_array_append_val(s->seen.filters, f);
}

static void scene_expect(Scene *s, ShaperPlan plan, const char *expected) {
        g_autoptr(GByteArray) messages = g_byte_array_new();
        g_autofree char *why = NULL, *text = NULL;

        g_assert_cmpint(shaper_plan(&s->wish, &s->seen, messages, &why), ==, plan);
        text = describe(messages);
        g_assert_cmpstr(plan == SHAPER_FOREIGN ? why : text, ==, expected);
        if (plan == SHAPER_FOREIGN)
                g_assert_cmpuint(messages->len, ==, 0);
        tc_snapshot_clear(&s->seen);
}

static void test_egress(void) {
        CakeOptions other;
        Scene s;

        scene_begin(&s);
        scene_expect(&s, SHAPER_ABSENT, "");

        scene_begin(&s);
        add_link(&s, LINK, "eth0", "", true);
        add_qdisc(&s, LINK, 0, TC_H_ROOT, "mq");
        scene_expect(&s, SHAPER_SAY, "cake 7");

        scene_begin(&s);
        add_link(&s, LINK, "eth0", "", true);
        add_cake(&s, LINK, 1, &s.config.egress);
        scene_expect(&s, SHAPER_DONE, "");

        scene_begin(&s);
        add_link(&s, LINK, "eth0", "", true);
        other = s.config.egress;
        other.rtt++;
        add_cake(&s, LINK, 1, &other);
        scene_expect(&s, SHAPER_SAY, "cake 7");
}

static void test_others(void) {
        Scene s;

        /* The same, but nobody of us has set it. */
        scene_begin(&s);
        s.wish.known = false;
        add_link(&s, LINK, "eth0", "", true);
        add_cake(&s, LINK, 1, &s.config.egress);
        scene_expect(&s, SHAPER_FOREIGN, "another program manages its queue (cake 1: diffserv4)");

        scene_begin(&s);
        add_link(&s, LINK, "eth0", "", true);
        add_qdisc(&s, LINK, 0x8001, TC_H_ROOT, "fq_codel");
        scene_expect(&s, SHAPER_FOREIGN, "another program manages its queue (fq_codel 8001:)");

        scene_begin(&s);
        add_link(&s, LINK, "eth0", "", true);
        s.wish.other = "somebody";
        s.config.egress.preset = CAKE_DIFFSERV_BESTEFFORT;
        add_cake(&s, LINK, 0x8001, &s.config.egress);
        scene_expect(&s, SHAPER_FOREIGN,
                "somebody manages its queue (cake 8001: besteffort), and besteffort ignores what left4me marks");

        scene_begin(&s);
        add_link(&s, LINK, "eth0", "", true);
        s.wish.other = "somebody";
        s.config.takeover = true;
        add_qdisc(&s, LINK, 0x8001, TC_H_ROOT, "fq_codel");
        scene_expect(&s, SHAPER_SAY, "cake 7");

        /* A qdisc of another kind cannot become a cake. */
        scene_begin(&s);
        add_link(&s, LINK, "eth0", "", true);
        s.config.takeover = true;
        add_qdisc(&s, LINK, 1, TC_H_ROOT, "htb");
        scene_expect(&s, SHAPER_SAY, "no root 7, cake 7");
}

static void ingress_scene(Scene *s) {
        scene_begin(s);
        s->config.ingress = 500000;
        add_link(s, LINK, "eth0", "", true);
        add_cake(s, LINK, 1, &s->config.egress);
}

static void add_ifb(Scene *s, bool up) {
        CakeOptions in;

        shaper_config_ingress(&s->config, &in);
        add_link(s, IFB, "l4i-eth0", "ifb", up);
        add_cake(s, IFB, 1, &in);
}

static void test_ingress(void) {
        Scene s;

        ingress_scene(&s);
        scene_expect(&s, SHAPER_SAY, "ifb, alias");

        ingress_scene(&s);
        add_link(&s, IFB, "l4i-eth0", "ifb", false);
        scene_expect(&s, SHAPER_SAY, "up, cake 9, ingress 7, redirect 7");

        ingress_scene(&s);
        add_ifb(&s, true);
        add_qdisc(&s, LINK, 0xffff, TC_H_INGRESS, "ingress");
        add_filter(&s, LINK, TC_OUR_PRIORITY, IFB);
        scene_expect(&s, SHAPER_DONE, "");

        /* It leads to an ifb that is no more. */
        ingress_scene(&s);
        add_ifb(&s, true);
        add_qdisc(&s, LINK, 0xffff, TC_H_INGRESS, "ingress");
        add_filter(&s, LINK, TC_OUR_PRIORITY, IFB - 1);
        scene_expect(&s, SHAPER_SAY, "no redirect 7, redirect 7");

        ingress_scene(&s);
        add_link(&s, IFB, "l4i-eth0", "bridge", true);
        scene_expect(&s, SHAPER_FOREIGN, "there is another interface l4i-eth0");
}

static void test_ingress_others(void) {
        Scene s;

        ingress_scene(&s);
        add_qdisc(&s, LINK, 0xffff, TC_H_INGRESS, "clsact");
        scene_expect(&s, SHAPER_FOREIGN, "another program has filters on what comes in");

        ingress_scene(&s);
        add_qdisc(&s, LINK, 0xffff, TC_H_INGRESS, "ingress");
        add_filter(&s, LINK, 10, 0);
        scene_expect(&s, SHAPER_FOREIGN, "another program has filters on what comes in");

        ingress_scene(&s);
        s.config.takeover = true;
        add_ifb(&s, true);
        add_qdisc(&s, LINK, 0xffff, TC_H_INGRESS, "clsact");
        scene_expect(&s, SHAPER_SAY, "no ingress 7, ingress 7, redirect 7");

        /* What nobody wants shaped any more: without ours, others' filters stay. */
        ingress_scene(&s);
        add_ifb(&s, true);
        s.config.ingress = 0;
        add_qdisc(&s, LINK, 0xffff, TC_H_INGRESS, "clsact");
        add_filter(&s, LINK, TC_OUR_PRIORITY, IFB);
        add_filter(&s, LINK, 10, 0);
        scene_expect(&s, SHAPER_SAY, "no redirect 7, no link 9");
}

static void test_removal(void) {
        Scene s;

        ingress_scene(&s);
        add_ifb(&s, true);
        add_qdisc(&s, LINK, 0xffff, TC_H_INGRESS, "ingress");
        add_filter(&s, LINK, TC_OUR_PRIORITY, IFB);
        s.wish.config = NULL;
        scene_expect(&s, SHAPER_SAY, "no root 7, no ingress 7, no link 9");

        scene_begin(&s);
        s.wish.config = NULL;
        add_link(&s, LINK, "eth0", "", true);
        add_qdisc(&s, LINK, 0x8001, TC_H_ROOT, "fq_codel");
        add_qdisc(&s, LINK, 0xffff, TC_H_INGRESS, "clsact");
        scene_expect(&s, SHAPER_DONE, "");

        /* The interface has gone, the ifb behind it has not. */
        scene_begin(&s);
        s.wish.config = NULL;
        add_link(&s, IFB, "l4i-eth0", "ifb", true);
        scene_expect(&s, SHAPER_SAY, "no link 9");
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/shaper-plan/ifb-names", test_ifb_names);
        g_test_add_func("/shaper-plan/egress", test_egress);
        g_test_add_func("/shaper-plan/others", test_others);
        g_test_add_func("/shaper-plan/ingress", test_ingress);
        g_test_add_func("/shaper-plan/ingress-others", test_ingress_others);
        g_test_add_func("/shaper-plan/removal", test_removal);
        return g_test_run();
}
