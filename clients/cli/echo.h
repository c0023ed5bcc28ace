/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * ICMP echo over one of the kernel's ping sockets, for which nobody needs a right (sysctl net.ipv4.ping_group_range), with a mark (DSCP) of
 * its own. The kernel says when an answer came, so that a busy program measures the network and not itself.
 */

typedef struct Echo Echo;

typedef struct {
        unsigned sent, lost;
        uint64_t median, p99, max; /* usec; of nothing: 0 */
} EchoResult;

typedef union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
} EchoTarget;

socklen_t echo_target_size(const EchoTarget *target);

/* dscp: 0 to 63. interface: to leave by, NULL: the route's. Error: g_io_error of the system's. */
Echo *echo_new(const EchoTarget *target, unsigned dscp, const char *interface, GError **error);
Echo *echo_free(Echo *e);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Echo, echo_free)

int echo_fd(const Echo *e);
void echo_send(Echo *e);
void echo_receive(Echo *e); /* all that has come */
gboolean echo_is_complete(const Echo *e);

/* What was measured since the last time. What has not come by now is lost. */
void echo_take_result(Echo *e, EchoResult *ret);

/* Marks a socket, and has it leave by an interface. Negative errno. */
int socket_mark(int fd, int family, unsigned dscp, const char *interface);
