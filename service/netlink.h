/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <linux/netlink.h>

#include "service/types.h"

/*
 * A netlink socket on the event loop. Requests wait in a queue, one is under way at a time; news (multicast groups) comes over sockets of
 * its own, so that it never mixes with answers. Messages are built by the caller, with libmnl or libnftnl. Whatever did not come from the
 * kernel is dropped. Acts on the network namespace of the process.
 */

typedef struct Netlink Netlink;

/* One message of an answer: never an error, an acknowledgement or the end of a dump. */
typedef void (*NetlinkMessage)(const struct nlmsghdr *message, void *userdata);

/* The request has ended. r: 0, or the kernel's first error as negative errno, then why has its explanation, NULL for none. -EINTR: the
 * table changed during each of several dumps. -ECANCELED: the socket was closed before. Never called from inside netlink_request(). */
typedef void (*NetlinkDone)(int r, const char *why, void *userdata);

/* News of a group. message NULL: some was missed, look at everything again. */
typedef void (*NetlinkNews)(const struct nlmsghdr *message, void *userdata);

/* protocol: NETLINK_ROUTE, NETLINK_NETFILTER. -EPROTONOSUPPORT: this kernel has none of it. */
int netlink_open(sd_event *event, int protocol, Netlink **ret);
/* Ends all requests with -ECANCELED. */
Netlink *netlink_close(Netlink *n);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Netlink, netlink_close)

/*
 * Sends `size` bytes of one or more whole messages, which are copied; they get their sequence numbers here. At least one of them must have
 * NLM_F_ACK or NLM_F_DUMP, or nothing would tell the end: of a batch, give NLM_F_ACK to the last message before its END. A dump that was
 * interrupted is asked for again, so on_message (NULL: nobody wants them) sees the messages of a consistent one only, all at its end.
 * -EBUSY: too many wait already. done is called exactly once, unless this fails.
 */
int netlink_request(Netlink *n, const void *messages, size_t size, NetlinkMessage on_message,
        NetlinkDone done, void *userdata);

/* Calls on_news for each message of a group, as long as n is open. */
int netlink_subscribe(Netlink *n, unsigned group, NetlinkNews on_news, void *userdata);

/* Who n is to the kernel: news that our own requests led to has this nlmsg_pid. */
uint32_t netlink_port(const Netlink *n);
