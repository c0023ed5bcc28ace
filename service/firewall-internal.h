/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/firewall-content.h"
#include "service/firewall.h"
#include "service/netlink.h"

/* What firewall.c and firewall-counters.c share. */

struct Firewall {
        Manager *manager;
        Netlink *netlink; /* NULL: this kernel has none for us */
        sd_event_source *timer;
        bool started;

        bool wanted;     /* something may have changed */
        bool damaged;    /* the table is to be made anew */
        bool everywhere; /* our rules may be in any chain of the host */
        bool busy;
        bool making; /* what is under way makes the table anew */
        bool broken; /* by somebody else */
        bool stands; /* the table is there, as it was wanted; the host's chain is another matter */
        bool complained;
        Content in_force, next;
        GPtrArray *waiting, *served; /* Waiter: of the next time, and of this one */
        GHashTable *counters;        /* name -> FirewallCounter: as last read */

        int r; /* how the last time ended */
        char *why;

        uint64_t answered; /* when news was last acted on, monotonic */
        uint64_t logged;
        unsigned repairs; /* since then */
        char *culprit;    /* the program whose change was heard of */
};

/* A server that ended begins from zero the next time: forgets the counters of all that are in force now and are not next. */
void firewall_forget_counters(Firewall *f);
