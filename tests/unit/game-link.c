/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "game-link.h"

#define NAME "game0"
#define SENDER_PORT 27005

static bool set_addresses(void) {
        int v4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
            v6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq r = { .ifr_name = NAME };
        struct sockaddr_in sa = { .sin_family = AF_INET };
        struct in6_ifreq r6 = { .ifr6_prefixlen = 32 };
        bool done;

        g_assert_cmpint(inet_pton(AF_INET, GAME_LINK_HOST4, &sa.sin_addr), ==, 1);
        g_assert_cmpint(inet_pton(AF_INET6, GAME_LINK_HOST6, &r6.ifr6_addr), ==, 1);
        memcpy(&r.ifr_addr, &sa, sizeof(sa));
        done = ioctl(v4, SIOCSIFADDR, &r) == 0;
        g_assert_cmpint(inet_pton(AF_INET, "255.255.0.0", &sa.sin_addr), ==, 1);
        memcpy(&r.ifr_netmask, &sa, sizeof(sa));
        done = done && ioctl(v4, SIOCSIFNETMASK, &r) == 0;
        done = done && ioctl(v4, SIOCGIFINDEX, &r) == 0;
        r6.ifr6_ifindex = r.ifr_ifindex;
        r.ifr_flags = IFF_UP;
        done = done && ioctl(v4, SIOCSIFFLAGS, &r) == 0;
        done = done && ioctl(v6, SIOCSIFADDR, &r6) == 0;
        (void) close(v4);
        (void) close(v6);
        return done;
}

int game_link_new(void) {
        struct ifreq r = { .ifr_name = NAME, .ifr_flags = IFF_TUN | IFF_NO_PI };
        int link = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

        if (link < 0)
                return -1;
        if (ioctl(link, TUNSETIFF, &r) < 0 || !set_addresses()) {
                (void) close(link);
                return -1;
        }

        return link;
}

static uint32_t add_up(uint32_t sum, const void *data, size_t size) {
        const uint8_t *bytes = data;

        for (size_t i = 0; i < size; i++)
                sum += i % 2 == 0 ? (uint32_t) bytes[i] << 8 : bytes[i];
        return sum;
}

static uint16_t finish(uint32_t sum) {
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return htons((uint16_t) ~sum);
}

static size_t put_udp(uint8_t *at, uint16_t port, const void *payload, size_t size) {
        struct udphdr udp = { .uh_sport = htons(SENDER_PORT), .uh_dport = htons(port) };

        udp.uh_ulen = htons((uint16_t) (sizeof(udp) + size));
        memcpy(at, &udp, sizeof(udp));
        if (size > 0)
                memcpy(at + sizeof(udp), payload, size);
        return sizeof(udp) + size;
}

static void send_packet(int link, const uint8_t *packet, size_t size) {
        g_assert_cmpint(write(link, packet, size), ==, (ssize_t) size);
}

/* IPv4's UDP needs no checksum. */
static void send4(int link, uint16_t source, uint16_t port, const void *payload, size_t size, bool more) {
        uint8_t packet[2048];
        struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP };
        size_t length = sizeof(ip) + put_udp(packet + sizeof(ip), port, payload, size);

        ip.tot_len = htons((uint16_t) length);
        ip.frag_off = more ? htons(IP_MF) : 0;
        ip.saddr = htonl(0xc6330000 | source);
        g_assert_cmpint(inet_pton(AF_INET, GAME_LINK_HOST4, &ip.daddr), ==, 1);
        ip.check = finish(add_up(0, &ip, sizeof(ip)));
        memcpy(packet, &ip, sizeof(ip));
        send_packet(link, packet, length);
}

void game_link_send4(int link, uint16_t source, uint16_t port, const void *payload, size_t size) {
        send4(link, source, port, payload, size, false);
}

void game_link_fragment4(int link, uint16_t source, uint16_t port) {
        send4(link, source, port, NULL, 0, true);
}

static void put_ipv6(struct ipv6hdr *ip, uint16_t network, uint64_t below, uint8_t next, size_t length) {
        below = GUINT64_TO_BE(below);
        *ip = (struct ipv6hdr){ .version = 6, .nexthdr = next, .hop_limit = 64 };
        ip->payload_len = htons((uint16_t) length);
        g_assert_cmpint(inet_pton(AF_INET6, "2001:db8::", &ip->saddr), ==, 1);
        ip->saddr.s6_addr[6] = (uint8_t) (network >> 8);
        ip->saddr.s6_addr[7] = (uint8_t) network;
        memcpy(&ip->saddr.s6_addr[8], &below, sizeof(below));
        g_assert_cmpint(inet_pton(AF_INET6, GAME_LINK_HOST6, &ip->daddr), ==, 1);
}

void game_link_send6(
        int link, uint16_t network, uint64_t below, uint16_t port, const void *payload, size_t size) {
        uint8_t packet[2048];
        struct ipv6hdr ip;
        size_t length = put_udp(packet + sizeof(ip), port, payload, size);
        uint16_t check;

        put_ipv6(&ip, network, below, IPPROTO_UDP, length);
        check = finish(
                add_up(add_up((uint32_t) length + IPPROTO_UDP, &ip.saddr, 32), packet + sizeof(ip), length));
        check = check ?: 0xffff;
        memcpy(packet + sizeof(ip) + offsetof(struct udphdr, uh_sum), &check, sizeof(check));
        memcpy(packet, &ip, sizeof(ip));
        send_packet(link, packet, sizeof(ip) + length);
}

void game_link_fragment6(int link, uint16_t network, uint16_t port) {
        static const uint8_t fragment[] = { IPPROTO_UDP, 0, 0, 1, 0, 0, 0, 7 };
        uint8_t packet[128];
        struct ipv6hdr ip;
        size_t length = sizeof(fragment) + put_udp(packet + sizeof(ip) + sizeof(fragment), port, NULL, 0);

        put_ipv6(&ip, network, 1, IPPROTO_FRAGMENT, length);
        memcpy(packet, &ip, sizeof(ip));
        memcpy(packet + sizeof(ip), fragment, sizeof(fragment));
        send_packet(link, packet, sizeof(ip) + length);
}
