/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "service/nflog.h"

/* How many messages are taken at a time: the loop has others to serve. */
#define MESSAGES_AT_ONCE 32U

struct NfLog {
        struct mnl_socket *socket;
        sd_event_source *source;
        NfLogPacket on_packet;
        void *userdata;
};

static int collect(const struct nlattr *attribute, void *userdata) {
        const struct nlattr **attributes = userdata;

        if (mnl_attr_get_type(attribute) <= NFULA_MAX)
                attributes[mnl_attr_get_type(attribute)] = attribute;

        return MNL_CB_OK;
}

static void take(NfLog *l, const struct nlmsghdr *message) {
        const struct nlattr *attributes[NFULA_MAX + 1] = { 0 }, *prefix, *payload;

        if (message->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) ||
                mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg) ||
                mnl_attr_parse(message, sizeof(struct nfgenmsg), collect, attributes) < 0)
                return;

        prefix = attributes[NFULA_PREFIX];
        payload = attributes[NFULA_PAYLOAD];
        if (prefix && payload && mnl_attr_validate(prefix, MNL_TYPE_NUL_STRING) >= 0)
                l->on_packet(mnl_attr_get_str(prefix), mnl_attr_get_payload(payload),
                        mnl_attr_get_payload_len(payload), l->userdata);
}

/* The size of one datagram of messages, 0 when none is there, < 0. Those who are not the kernel are nobody: mnl leaves them to us. */
static ssize_t receive(NfLog *l, void *buffer, size_t size) {
        struct sockaddr_nl from;
        struct iovec iov = { buffer, size };
        struct msghdr m = {
                .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
        };
        ssize_t n;

        do {
                n = recvmsg(mnl_socket_get_fd(l->socket), &m, MSG_DONTWAIT);
        } while (n >= 0 && (m.msg_namelen != sizeof(from) || from.nl_pid != 0));

        return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        _Alignas(struct nlmsghdr) char buffer[16384];
        NfLog *l = userdata;

        for (unsigned i = 0; i < MESSAGES_AT_ONCE; i++) {
                ssize_t size = receive(l, buffer, sizeof(buffer));
                int left = (int) size;

                if (size == 0)
                        return 0;
                /* Of what was missed (-ENOBUFS) nothing is to be made up for. */
                for (const struct nlmsghdr *message = (void *) buffer;
                        size > 0 && mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
                        take(l, message);
        }

        return 0;
}

/* The kernel answers while it is asked. */
static int bind_group(NfLog *l, uint16_t group, uint32_t length) {
        _Alignas(struct nlmsghdr) char buffer[16384];
        const struct nfulnl_msg_config_cmd bind = { .command = NFULNL_CFG_CMD_BIND };
        const struct nfulnl_msg_config_mode mode = { .copy_mode = NFULNL_COPY_PACKET,
                .copy_range = htonl(length) };
        struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
        struct nfgenmsg *head;
        ssize_t size;

        message->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
        message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
        head = mnl_nlmsg_put_extra_header(message, sizeof(*head));
        head->nfgen_family = AF_UNSPEC;
        head->version = NFNETLINK_V0;
        head->res_id = htons(group);
        mnl_attr_put(message, NFULA_CFG_CMD, sizeof(bind), &bind);
        mnl_attr_put(message, NFULA_CFG_MODE, sizeof(mode), &mode);
        mnl_attr_put_u32(message, NFULA_CFG_QTHRESH, htonl(1)); /* at once, not by the hundred */

        if (mnl_socket_sendto(l->socket, message, message->nlmsg_len) < 0)
                return -errno;

        size = receive(l, buffer, sizeof(buffer));
        if (size < 0)
                return (int) size;

        message = (void *) buffer;
        if (!mnl_nlmsg_ok(message, (int) size) || message->nlmsg_type != NLMSG_ERROR ||
                mnl_nlmsg_get_payload_len(message) < sizeof(struct nlmsgerr))
                return -EPROTO;

        return ((struct nlmsgerr *) mnl_nlmsg_get_payload(message))->error;
}

int nflog_new(sd_event *event, uint16_t group, uint32_t length, NfLogPacket on_packet, void *userdata,
        NfLog **ret) {
        g_autoptr(NfLog) l = g_new(NfLog, 1);
        int r;

        *l = (NfLog){ .on_packet = on_packet, .userdata = userdata };
        l->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (!l->socket)
                return -errno;
        if (mnl_socket_bind(l->socket, 0, MNL_SOCKET_AUTOPID) < 0)
                return -errno;

        r = bind_group(l, group, length);
        if (r >= 0)
                r = sd_event_add_io(
                        event, &l->source, mnl_socket_get_fd(l->socket), EPOLLIN, on_readable, l);
        if (r >= 0)
                r = sd_event_source_set_priority(l->source, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&l);
        return 0;
}

NfLog *nflog_free(NfLog *l) {
        if (!l)
                return NULL;

        sd_event_source_disable_unref(l->source);
        if (l->socket)
                (void) mnl_socket_close(l->socket);
        g_free(l);
        return NULL;
}
