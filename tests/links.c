/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/links.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>

/* The least that holds whatever a kernel sends at once. */
#define BUFFER 65536

typedef struct Found {
        int link;
        char *text;
} Found;

static int run(struct nlmsghdr *message, mnl_cb_t each, void *userdata) {
        struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
        g_autofree char *buffer = g_malloc(BUFFER);
        ssize_t size;
        int r = MNL_CB_OK;

        g_assert_nonnull(socket);
        g_assert_cmpint(mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID), ==, 0);
        message->nlmsg_seq = 1;
        g_assert_cmpint(mnl_socket_sendto(socket, message, message->nlmsg_len), >=, 0);
        while (r > MNL_CB_STOP && (size = mnl_socket_recvfrom(socket, buffer, BUFFER)) > 0)
                r = mnl_cb_run(buffer, (size_t) size, 1, mnl_socket_get_portid(socket), each, userdata);

        r = r < 0 ? -errno : 0;
        (void) mnl_socket_close(socket);
        return r;
}

static struct nlmsghdr *begin(char *buffer, uint16_t type, uint16_t flags) {
        struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

        message->nlmsg_type = type;
        message->nlmsg_flags = (uint16_t) (NLM_F_REQUEST | flags);
        return message;
}

unsigned links_index(const char *name) {
        return if_nametoindex(name);
}

void links_add(const char *name) {
        char buffer[1024];
        g_autofree char *peer = g_strconcat(name, "p", NULL);
        struct nlmsghdr *message = begin(buffer, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
        struct nlattr *info, *data, *other;

        header->ifi_flags = header->ifi_change = IFF_UP;
        mnl_attr_put_strz(message, IFLA_IFNAME, name);
        info = mnl_attr_nest_start(message, IFLA_LINKINFO);
        mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
        data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
        other = mnl_attr_nest_start(message, VETH_INFO_PEER);
        (void) mnl_nlmsg_put_extra_header(message, sizeof(*header));
        mnl_attr_put_strz(message, IFLA_IFNAME, peer);
        mnl_attr_nest_end(message, other);
        mnl_attr_nest_end(message, data);
        mnl_attr_nest_end(message, info);
        g_assert_cmpint(run(message, NULL, NULL), ==, 0);
}

void links_delete(const char *name) {
        char buffer[256];
        struct nlmsghdr *message = begin(buffer, RTM_DELLINK, NLM_F_ACK);
        struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

        header->ifi_index = (int) links_index(name);
        g_assert_cmpint(run(message, NULL, NULL), ==, 0);
}

void links_set_root(const char *name, const char *kind, guint32 handle) {
        char buffer[256];
        struct nlmsghdr *message = begin(buffer, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
        struct tcmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

        header->tcm_ifindex = (int) links_index(name);
        header->tcm_parent = TC_H_ROOT;
        header->tcm_handle = handle << 16;
        mnl_attr_put_strz(message, TCA_KIND, kind);
        g_assert_cmpint(run(message, NULL, NULL), ==, 0);
}

static int on_qdisc(const struct nlmsghdr *message, void *userdata) {
        const struct tcmsg *header = mnl_nlmsg_get_payload(message);
        const struct nlattr *attr;
        Found *found = userdata;

        if (header->tcm_ifindex != found->link || header->tcm_parent != TC_H_ROOT)
                return MNL_CB_OK;

        mnl_attr_for_each(attr, message, sizeof(*header))
                if (mnl_attr_get_type(attr) == TCA_KIND) {
                        g_free(found->text);
                        found->text = g_strdup_printf(
                                "%s %x:", mnl_attr_get_str(attr), header->tcm_handle >> 16);
                }

        return MNL_CB_OK;
}

char *links_root(const char *name) {
        char buffer[256];
        struct nlmsghdr *message = begin(buffer, RTM_GETQDISC, NLM_F_DUMP);
        Found found = { .link = (int) links_index(name) };

        (void) mnl_nlmsg_put_extra_header(message, sizeof(struct tcmsg));
        g_assert_cmpint(run(message, on_qdisc, &found), ==, 0);
        return found.text ? found.text : g_strdup("none");
}
