/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>

#include "service/shield-report.h"

/* Longer chains of extension headers are nobody's who plays. */
#define EXTENSIONS_MAX 8U

char *shield_report_prefix(ShieldKind kind, bool of_port) {
        return g_strdup_printf(
                SHIELD_REPORT_PREFIX " %s %s", shield_kind_to_string(kind), of_port ? "port" : "source");
}

void shield_source_to_text(int family, const uint8_t *address, char ret[static INET6_ADDRSTRLEN + 4U]) {
        struct in6_addr prefix = { 0 };

        if (family == AF_INET) {
                (void) inet_ntop(AF_INET, address, ret, INET6_ADDRSTRLEN);
                return;
        }

        memcpy(&prefix, address, 8);
        (void) inet_ntop(AF_INET6, &prefix, ret, INET6_ADDRSTRLEN);
        (void) strcat(ret, "/64");
}

static int parse_prefix(const char *prefix, ShieldReport *ret) {
        g_auto(GStrv) words = g_strsplit(prefix, " ", 4);

        if (g_strv_length(words) != 3 || !g_str_equal(words[0], SHIELD_REPORT_PREFIX))
                return -EBADMSG;

        ret->kind = shield_kind_from_string(words[1]);
        ret->of_port = g_str_equal(words[2], "port");
        return ret->kind < 0 || (!ret->of_port && !g_str_equal(words[2], "source")) ? -EBADMSG : 0;
}

static void parse_udp(const uint8_t *packet, size_t size, size_t at, ShieldReport *ret) {
        struct udphdr udp;

        if (at > size || size - at < sizeof(udp))
                return;

        memcpy(&udp, packet + at, sizeof(udp));
        ret->port = ntohs(udp.uh_dport);
}

static int parse_ipv4(const uint8_t *packet, size_t size, ShieldReport *ret) {
        struct iphdr ip;

        if (size < sizeof(ip))
                return -EBADMSG;

        memcpy(&ip, packet, sizeof(ip));
        shield_source_to_text(AF_INET, (const uint8_t *) &ip.saddr, ret->source);
        if (ip.protocol == IPPROTO_UDP && ip.ihl >= 5 && (ntohs(ip.frag_off) & IP_OFFMASK) == 0)
                parse_udp(packet, size, ip.ihl * 4U, ret);

        return 0;
}

static int parse_ipv6(const uint8_t *packet, size_t size, ShieldReport *ret) {
        size_t at = sizeof(struct ip6_hdr);
        uint8_t next;

        if (size < at)
                return -EBADMSG;

        shield_source_to_text(AF_INET6, packet + offsetof(struct ip6_hdr, ip6_src), ret->source);
        next = packet[offsetof(struct ip6_hdr, ip6_nxt)];

        for (unsigned n = 0; n < EXTENSIONS_MAX && next != IPPROTO_UDP; n++) {
                size_t length;

                if (size - at < 8)
                        return 0;

                if (next == IPPROTO_FRAGMENT)
                        length = 8;
                else if (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS)
                        length = (packet[at + 1] + 1U) * 8U;
                else
                        return 0;

                next = packet[at];
                if (size - at < length)
                        return 0;
                at += length;
        }

        if (next == IPPROTO_UDP)
                parse_udp(packet, size, at, ret);

        return 0;
}

int shield_report_parse(const char *prefix, const uint8_t *packet, size_t size, ShieldReport *ret) {
        ShieldReport report = { 0 };
        int r;

        r = parse_prefix(prefix, &report);
        if (r < 0)
                return r;
        if (size < 1)
                return -EBADMSG;

        r = packet[0] >> 4 == 4   ? parse_ipv4(packet, size, &report)
            : packet[0] >> 4 == 6 ? parse_ipv6(packet, size, &report)
                                  : -EBADMSG;
        if (r >= 0)
                *ret = report;

        return r;
}
