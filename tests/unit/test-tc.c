/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/tc.h"

#define LINK 7
#define IFB 9

/* Every message that we build, cut and changed at every byte, as if the kernel had sent it. */
static void test_mutations(void) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        CakeOptions o;

        cake_options_init(&o);
        tc_add_ifb(bytes, "l4i-eth0", "what comes in");
        tc_set_cake(bytes, LINK, &o, NULL);
        tc_add_redirect(bytes, LINK, IFB);

        for (guint offset = 0; offset < bytes->len;) {
                const struct nlmsghdr *m = (const struct nlmsghdr *) (const void *) (bytes->data + offset);

                for (guint at = sizeof(*m); at <= m->nlmsg_len; at++)
                        for (unsigned v = 0; v < 256; v += 51) {
                                guint size = v == 255 ? at : m->nlmsg_len;
                                /* As everywhere, there is room up to the next fourth byte. */
                                g_autofree struct nlmsghdr *copy = g_malloc0(MNL_ALIGN(size));
                                TcLink link;
                                TcQdisc qdisc;
                                TcFilter filter;
                                CakeStatistics statistics;

                                memcpy(copy, m, size);
                                copy->nlmsg_len = size;
                                if (at < size)
                                        ((uint8_t *) copy)[at] = (uint8_t) v;
                                (void) tc_link_of(copy);
                                (void) tc_parse_link(copy, &link);
                                (void) tc_parse_qdisc(copy, &qdisc);
                                (void) tc_parse_filter(copy, &filter);
                                (void) tc_parse_statistics(copy, &statistics);
                        }
                offset += m->nlmsg_len;
        }
}

static void test_messages(void) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        const struct nlmsghdr *m;
        TcFilter filter;
        TcLink link;

        tc_add_redirect(bytes, LINK, IFB);
        m = (const struct nlmsghdr *) (const void *) bytes->data;
        g_assert_cmpint(tc_parse_filter(m, &filter), ==, 0);
        g_assert_cmpint(filter.link, ==, LINK);
        g_assert_cmpint(filter.target, ==, IFB);
        g_assert_cmpuint(filter.priority, ==, TC_OUR_PRIORITY);
        g_assert_cmpint(tc_parse_link(m, &link), ==, -ENOENT);

        g_byte_array_set_size(bytes, 0);
        tc_add_ifb(bytes, "l4i-eth0", "x");
        m = (const struct nlmsghdr *) (const void *) bytes->data;
        g_assert_cmpint(tc_parse_link(m, &link), ==, 0);
        g_assert_cmpstr(link.name, ==, "l4i-eth0");
        g_assert_cmpstr(link.kind, ==, "ifb");
        g_assert_true(link.up);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/tc/messages", test_messages);
        g_test_add_func("/tc/mutations", test_mutations);
        return g_test_run();
}
