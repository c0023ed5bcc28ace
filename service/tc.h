/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <net/if.h>

#include "service/cake.h"

/*
 * Links, queueing disciplines and filters in rtnetlink messages. No I/O. What is built is appended to a buffer of one or more whole
 * messages, of which each wants an acknowledgement.
 */

#define TC_KIND_SIZE 16

/* Ours are told by these: a fixed handle, so that rules can name the tins, and a fixed place of the filter. */
#define TC_OUR_HANDLE UINT32_C(0x00010000)
#define TC_OUR_PRIORITY 0x4c34 /* "L4" */

#define TC_INGRESS_HANDLE UINT32_C(0xffff0000)

typedef struct TcLink {
        int index;
        char name[IFNAMSIZ];
        char kind[TC_KIND_SIZE]; /* "" for hardware */
        bool up;
} TcLink;

typedef struct TcQdisc {
        int link;
        uint32_t handle; /* 0: the kernel's default */
        uint32_t parent;
        char kind[TC_KIND_SIZE];
        bool is_cake;
        CakeState cake;
} TcQdisc;

typedef struct TcFilter {
        int link;
        uint16_t priority;
        int target; /* the link that all is redirected to; 0: it does something else */
} TcFilter;

/* Whether the kernel could have a link of this name. */
bool tc_name_is_valid(const char *name);

/* -EBADMSG for what is not whole, -ENOENT for a message that is about something else. */
int tc_parse_link(const struct nlmsghdr *message, TcLink *ret);
int tc_parse_qdisc(const struct nlmsghdr *message, TcQdisc *ret);
int tc_parse_statistics(const struct nlmsghdr *message, CakeStatistics *ret);
int tc_parse_filter(const struct nlmsghdr *message, TcFilter *ret);

/* The link that a notification about queueing disciplines is about, 0 for none. */
int tc_link_of(const struct nlmsghdr *message);

void tc_dump_links(GByteArray *buffer);
void tc_dump_qdiscs(GByteArray *buffer);
void tc_dump_filters(GByteArray *buffer, int link); /* of its ingress */

void tc_add_ifb(GByteArray *buffer, const char *name, const char *alias);
void tc_set_up(GByteArray *buffer, int link);
void tc_delete_link(GByteArray *buffer, int link);

/* have: the CAKE with our handle that is there, NULL for none. */
void tc_set_cake(GByteArray *buffer, int link, const CakeOptions *o, const CakeState *have);
/* Asks for one that the kernel must refuse, without any change: -ENOENT if it has no CAKE, else another error. */
void tc_try_cake(GByteArray *buffer);
void tc_delete_root(GByteArray *buffer, int link);

void tc_add_ingress(GByteArray *buffer, int link);
void tc_delete_ingress(GByteArray *buffer, int link);
/* Sends all that comes in to another link. */
void tc_add_redirect(GByteArray *buffer, int link, int target);
void tc_delete_redirect(GByteArray *buffer, int link);
