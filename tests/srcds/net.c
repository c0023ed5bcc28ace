/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"
#include "util.h"

#define PORTS_TRIED 32

/* Connecting a datagram socket sends nothing; it only asks the routing table. */
static void pick_address(char ip[static 16]) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(53) };
        socklen_t len = sizeof(sa);
        int fd;

        (void) strcpy(ip, "127.0.0.1");
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return;
        (void) inet_pton(AF_INET, "192.0.2.1", &sa.sin_addr);
        if (connect(fd, (struct sockaddr *) &sa, sizeof(sa)) == 0 &&
                getsockname(fd, (struct sockaddr *) &sa, &len) == 0)
                (void) inet_ntop(AF_INET, &sa.sin_addr, ip, 16);
        (void) close(fd);
}

static int bind_one(int type, const struct sockaddr_in *sa) {
        int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1, r;

        if (fd < 0)
                return -errno;
        /* TCP only: connections of the server before us may linger in TIME_WAIT. On UDP it would steal a
         * taken port. */
        if (type == SOCK_STREAM)
                (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(fd, (const struct sockaddr *) sa, sizeof(*sa)) < 0) {
                r = -errno;
                (void) close(fd);
                return r;
        }
        return fd;
}

static int bind_both(Net *n, struct sockaddr_in *sa, unsigned port) {
        int one = 1;

        sa->sin_port = htons((uint16_t) port);
        n->udp = bind_one(SOCK_DGRAM, sa);
        if (n->udp < 0)
                return n->udp;
        (void) setsockopt(
                n->udp, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)); /* queries ask where they went to */
        n->tcp = bind_one(SOCK_STREAM, sa);
        if (n->tcp < 0) {
                int r = n->tcp;

                net_close(n);
                return r;
        }
        n->port = port;
        return 0;
}

int net_open(Net *n, const char *ip, unsigned port, bool strict) {
        struct sockaddr_in sa = { .sin_family = AF_INET };
        int r;

        *n = (Net){ .udp = -1, .udp6 = -1, .tcp = -1 };
        if (!ip || !*ip)
                pick_address(n->ip);
        else if (strcasecmp(ip, "localhost") == 0)
                (void) strcpy(n->ip, "127.0.0.1");
        else
                (void) snprintf(n->ip, sizeof(n->ip), "%.15s", ip);
        if (inet_pton(AF_INET, n->ip, &sa.sin_addr) != 1)
                return -EADDRNOTAVAIL;

        r = bind_both(n, &sa, port);
        for (unsigned i = 1; r == -EADDRINUSE && !strict && i < PORTS_TRIED && port + i <= 65535; i++)
                r = bind_both(n, &sa, port + i);
        return r;
}

void net_close(Net *n) {
        if (n->udp >= 0)
                (void) close(n->udp);
        if (n->udp6 >= 0)
                (void) close(n->udp6);
        if (n->tcp >= 0)
                (void) close(n->tcp);
        n->udp = n->udp6 = n->tcp = -1;
        n->listening = false;
}

int net_open_ipv6(Net *n) {
        struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t) n->port) };
        int one = 1, fd, r;

        if (n->udp6 >= 0)
                return 0;
        fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0 ||
                bind(fd, (const struct sockaddr *) &sa, sizeof(sa)) < 0) {
                r = -errno;
                (void) close(fd);
                return r;
        }
        n->udp6 = fd;
        return 0;
}

int net_listen(Net *n) {
        if (n->listening)
                return 0;
        if (listen(n->tcp, 16) < 0)
                return -errno;
        n->listening = true;
        return 0;
}

void net_unlisten(Net *n) {
        if (n->listening)
                (void) shutdown(n->tcp, SHUT_RDWR);
        n->listening = false;
}

bool peer_equal(const Peer *a, const Peer *b) {
        if (a->address.any.sa_family != b->address.any.sa_family ||
                a->address.in.sin_port != b->address.in.sin_port)
                return false;
        if (a->address.any.sa_family == AF_INET)
                return a->address.in.sin_addr.s_addr == b->address.in.sin_addr.s_addr;
        return memcmp(&a->address.in6.sin6_addr, &b->address.in6.sin6_addr, sizeof(struct in6_addr)) == 0;
}

bool peer_is_loopback(const Peer *p) {
        if (p->address.any.sa_family == AF_INET)
                return ntohl(p->address.in.sin_addr.s_addr) >> 24 == 127;
        return IN6_IS_ADDR_LOOPBACK(&p->address.in6.sin6_addr);
}

uint32_t peer_key(const Peer *p) {
        uint64_t hash;

        if (p->address.any.sa_family == AF_INET)
                return p->address.in.sin_addr.s_addr;
        hash = fnv1a(&p->address.in6.sin6_addr, sizeof(p->address.in6.sin6_addr));
        return (uint32_t) (hash ^ hash >> 32);
}

void peer_send(const Peer *p, const void *data, size_t size) {
        (void) sendto(p->fd, data, size, MSG_DONTWAIT, &p->address.any,
                p->address.any.sa_family == AF_INET ? sizeof(p->address.in) : sizeof(p->address.in6));
}
