/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "service/netlink.h"
#include "tests/own-network.h"

/* What was heard, of one request or of the news. */
typedef struct Heard {
        sd_event *event;
        GPtrArray *names; /* of interfaces */
        unsigned ended, missed;
        int r;
        char *why;
        uint32_t port; /* whose news it was, last */
} Heard;

typedef struct World {
        sd_event *event;
        Netlink *netlink;
        Heard heard;
} World;

static bool allowed;

static int take_name(const struct nlattr *attribute, void *data) {
        if (mnl_attr_get_type(attribute) == IFLA_IFNAME)
                *(const char **) data = mnl_attr_get_str(attribute);
        return MNL_CB_OK;
}

static void on_message(const struct nlmsghdr *m, void *userdata) {
        Heard *h = userdata;
        const char *name = "?";

        g_assert_cmpint(m->nlmsg_type, ==, RTM_NEWLINK);
        (void) mnl_attr_parse(m, sizeof(struct ifinfomsg), take_name, &name);
        g_ptr_array_add(h->names, g_strdup(name));
}

static void on_done(int r, const char *why, void *userdata) {
        Heard *h = userdata;

        h->ended++;
        h->r = r;
        g_free(h->why);
        h->why = g_strdup(why);
}

static void on_news(const struct nlmsghdr *m, void *userdata) {
        Heard *h = userdata;

        if (!m) {
                h->missed++;
                return;
        }
        h->port = m->nlmsg_pid;
        on_message(m, h);
}

static void set_up(World *w, gconstpointer data) {
        g_assert_cmpint(sd_event_new(&w->event), >=, 0);
        g_assert_cmpint(netlink_open(w->event, NETLINK_ROUTE, &w->netlink), ==, 0);
        w->heard = (Heard){ .names = g_ptr_array_new_with_free_func(g_free) };
}

static void tear_down(World *w, gconstpointer data) {
        w->netlink = netlink_close(w->netlink);
        g_ptr_array_unref(w->heard.names);
        g_free(w->heard.why);
        sd_event_unref(w->event);
}

static void run_until(sd_event *event, const unsigned *count, unsigned wanted) {
        while (*count < wanted)
                g_assert_cmpint(sd_event_run(event, 20 * G_USEC_PER_SEC), >, 0);
}

static struct nlmsghdr *put_link(void *buffer, uint16_t type, uint16_t flags, const char *name) {
        struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
        struct ifinfomsg *info;

        m->nlmsg_type = type;
        m->nlmsg_flags = NLM_F_REQUEST | flags;
        info = mnl_nlmsg_put_extra_header(m, sizeof(*info));
        info->ifi_family = AF_UNSPEC;
        if (name)
                mnl_attr_put_strz(m, IFLA_IFNAME, name);
        return m;
}

static struct nlmsghdr *put_mtu(void *buffer, uint16_t flags, uint32_t mtu) {
        struct nlmsghdr *m = put_link(buffer, RTM_NEWLINK, flags, "lo");

        mnl_attr_put_u32(m, IFLA_MTU, mtu);
        return m;
}

static int request(World *w, const struct nlmsghdr *m) {
        return netlink_request(w->netlink, m, m->nlmsg_len, on_message, on_done, &w->heard);
}

static void test_dump(World *w, gconstpointer data) {
        uint8_t buffer[1024];

        g_assert_cmpint(request(w, put_link(buffer, RTM_GETLINK, NLM_F_DUMP, NULL)), ==, 0);
        g_assert_cmpuint(w->heard.ended, ==, 0);
        run_until(w->event, &w->heard.ended, 1);
        g_assert_cmpint(w->heard.r, ==, 0);
        g_assert_cmpuint(w->heard.names->len, >=, 1);
        g_assert_cmpstr(w->heard.names->pdata[0], ==, "lo");
}

static void test_get(World *w, gconstpointer data) {
        uint8_t buffer[1024];

        g_assert_cmpint(request(w, put_link(buffer, RTM_GETLINK, NLM_F_ACK, "lo")), ==, 0);
        run_until(w->event, &w->heard.ended, 1);
        g_assert_cmpint(w->heard.r, ==, 0);
        g_assert_cmpuint(w->heard.names->len, ==, 1);
}

/* Of a kind that there is not. */
static struct nlmsghdr *put_new_link(void *buffer) {
        struct nlmsghdr *m = put_link(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, "new");
        struct nlattr *nest = mnl_attr_nest_start(m, IFLA_LINKINFO);

        mnl_attr_put_strz(m, IFLA_INFO_KIND, "left4me");
        mnl_attr_nest_end(m, nest);
        return m;
}

static void test_error(World *w, gconstpointer data) {
        uint8_t buffer[1024];

        g_assert_cmpint(request(w, put_link(buffer, RTM_GETLINK, NLM_F_ACK, "none")), ==, 0);
        run_until(w->event, &w->heard.ended, 1);
        g_assert_cmpint(w->heard.r, ==, -ENODEV);
        g_assert_null(w->heard.why);
        g_assert_cmpuint(w->heard.names->len, ==, 0);

        g_assert_cmpint(request(w, put_new_link(buffer)), ==, 0);
        run_until(w->event, &w->heard.ended, 2);
        g_assert_cmpint(w->heard.r, ==, allowed ? -EOPNOTSUPP : -EPERM);
        if (allowed)
                g_assert_cmpstr(w->heard.why, ==, "Unknown device type");
}

/* The first error is the one that is told, and the end comes once. */
static void test_several_messages(World *w, gconstpointer data) {
        g_autoptr(GByteArray) all = g_byte_array_new();
        static const char *const names[] = { "lo", "none", "lo" };
        uint8_t buffer[1024];

        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
                const struct nlmsghdr *m = put_link(buffer, RTM_GETLINK, NLM_F_ACK, names[i]);

                g_byte_array_append(all, buffer, MNL_ALIGN(m->nlmsg_len));
        }

        g_assert_cmpint(
                netlink_request(w->netlink, all->data, all->len, on_message, on_done, &w->heard), ==, 0);
        run_until(w->event, &w->heard.ended, 1);
        g_assert_cmpint(w->heard.r, ==, -ENODEV);
        g_assert_cmpint(request(w, put_link(buffer, RTM_GETLINK, NLM_F_ACK, "lo")), ==, 0);
        run_until(w->event, &w->heard.ended, 2);
        g_assert_cmpint(w->heard.r, ==, 0);
        g_assert_cmpuint(w->heard.names->len, ==, 1);
}

static void test_queue(World *w, gconstpointer data) {
        uint8_t buffer[1024];
        const struct nlmsghdr *m = put_link(buffer, RTM_GETLINK, NLM_F_ACK, "lo");
        unsigned n = 0;

        while (request(w, m) == 0)
                n++;
        g_assert_cmpuint(n, ==, 256);
        g_assert_cmpint(request(w, m), ==, -EBUSY);
        run_until(w->event, &w->heard.ended, n);
        g_assert_cmpuint(w->heard.names->len, ==, n);
        g_assert_cmpint(request(w, m), ==, 0);
        run_until(w->event, &w->heard.ended, n + 1);
}

static void test_close(World *w, gconstpointer data) {
        uint8_t buffer[1024];
        const struct nlmsghdr *m = put_link(buffer, RTM_GETLINK, NLM_F_ACK, "lo");

        g_assert_cmpint(request(w, m), ==, 0);
        g_assert_cmpint(request(w, m), ==, 0);
        w->netlink = netlink_close(w->netlink);
        g_assert_cmpuint(w->heard.ended, ==, 2);
        g_assert_cmpint(w->heard.r, ==, -ECANCELED);
}

static void test_refused(World *w, gconstpointer data) {
        g_autoptr(Netlink) none = NULL;

        g_assert_cmpint(netlink_request(w->netlink, "", 0, NULL, on_done, &w->heard), ==, -EINVAL);
        g_assert_cmpint(netlink_open(w->event, MAX_LINKS - 1, &none), ==, -EPROTONOSUPPORT);
}

static void test_news(World *w, gconstpointer data) {
        Heard news = { .names = g_ptr_array_new_with_free_func(g_free) };
        uint8_t buffer[1024];

        if (!allowed) {
                g_test_skip("needs a network namespace of its own");
                g_ptr_array_unref(news.names);
                return;
        }

        g_assert_cmpint(netlink_subscribe(w->netlink, RTNLGRP_LINK, on_news, &news), ==, 0);
        g_assert_cmpint(request(w, put_mtu(buffer, NLM_F_ACK, 9000)), ==, 0);
        run_until(w->event, &w->heard.ended, 1);
        g_assert_cmpint(w->heard.r, ==, 0);
        run_until(w->event, &news.names->len, 1);
        g_assert_cmpstr(news.names->pdata[0], ==, "lo");
        g_assert_cmpuint(w->heard.names->len, ==, 0);
        g_ptr_array_unref(news.names);
}

/* More news than the socket holds (16 MiB, some 2 KiB each), while nobody reads. */
static void test_missed_news(World *w, gconstpointer data) {
        Heard news = { .names = g_ptr_array_new_with_free_func(g_free) };
        g_autoptr(Netlink) slow = NULL;
        g_autoptr(sd_event) event = NULL;
        uint8_t buffer[1024];

        if (!allowed) {
                g_test_skip("needs a network namespace of its own");
                g_ptr_array_unref(news.names);
                return;
        }

        g_assert_cmpint(sd_event_new(&event), >=, 0);
        g_assert_cmpint(netlink_open(event, NETLINK_ROUTE, &slow), ==, 0);
        g_assert_cmpint(netlink_subscribe(slow, RTNLGRP_LINK, on_news, &news), ==, 0);
        for (unsigned i = 0; i < 16000; i++) {
                g_assert_cmpint(request(w, put_mtu(buffer, NLM_F_ACK, 1500 + i % 1000)), ==, 0);
                run_until(w->event, &w->heard.ended, i + 1);
        }
        g_assert_cmpint(w->heard.r, ==, 0);
        run_until(event, &news.missed, 1);
        slow = netlink_close(slow);
        g_ptr_array_unref(news.names);
}

static void test_port(World *w, gconstpointer data) {
        g_autoptr(Netlink) other = NULL;

        g_assert_cmpint(netlink_open(w->event, NETLINK_ROUTE, &other), ==, 0);
        g_assert_cmpuint(netlink_port(w->netlink), !=, 0);
        g_assert_cmpuint(netlink_port(w->netlink), !=, netlink_port(other));
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        allowed = own_network();
        g_test_add("/netlink/dump", World, NULL, set_up, test_dump, tear_down);
        g_test_add("/netlink/get", World, NULL, set_up, test_get, tear_down);
        g_test_add("/netlink/error", World, NULL, set_up, test_error, tear_down);
        g_test_add("/netlink/several", World, NULL, set_up, test_several_messages, tear_down);
        g_test_add("/netlink/queue", World, NULL, set_up, test_queue, tear_down);
        g_test_add("/netlink/close", World, NULL, set_up, test_close, tear_down);
        g_test_add("/netlink/refused", World, NULL, set_up, test_refused, tear_down);
        g_test_add("/netlink/news", World, NULL, set_up, test_news, tear_down);
        g_test_add("/netlink/missed", World, NULL, set_up, test_missed_news, tear_down);
        g_test_add("/netlink/port", World, NULL, set_up, test_port, tear_down);
        return g_test_run();
}
