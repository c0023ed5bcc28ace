/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <netinet/in.h>

#include "service/shield-config.h"

/*
 * What the kernel tells of a source or a port that goes over its limit: the beginning of the packet, and a prefix by which the rule
 * says why. The packet is whatever somebody sent us; nothing in it is believed.
 */

/* "left4me KIND source" and "left4me KIND port". */
#define SHIELD_REPORT_PREFIX "left4me"

/* How much of a packet is enough: IPv6 with some extension headers. */
#define SHIELD_REPORT_LENGTH 128U

typedef struct ShieldReport {
        ShieldKind kind;
        bool of_port;                       /* all sources of the port together, else this one source */
        char source[INET6_ADDRSTRLEN + 4U]; /* as shield_source_to_text() has it */
        uint16_t port;                      /* of the server; 0: not to be seen */
} ShieldReport;

char *shield_report_prefix(ShieldKind kind, bool of_port);

/* packet: from the IP header on. -EBADMSG: it is not one of ours, or too short. */
int shield_report_parse(const char *prefix, const uint8_t *packet, size_t size, ShieldReport *ret);

/* family AF_INET: an address; AF_INET6: its first 64 bits, such as "2001:db8::/64". */
void shield_source_to_text(int family, const uint8_t *address, char ret[static INET6_ADDRSTRLEN + 4U]);
