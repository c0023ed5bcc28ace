/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/object.h"
#include "service/request.h"
#include "service/shaper.h"

/* What the host's network does for game packets: the one object of org.left4me.Manager1.QoS. */

enum {
        QOS_SHAPERS = 1U << 0,
        QOS_MARKING = 1U << 1,
        QOS_OPEN_PORTS = 1U << 2,
        QOS_FIREWALL = 1U << 3,
};

struct Qos {
        Object object; /* first */
        Shapers *shapers;
        bool marking; /* as it is stored; the firewall puts it into force */
};

Qos *qos_new(Manager *m);
Qos *qos_free(Qos *q);

/* Reads what was stored about marking. */
int qos_load(Qos *q);

/* Stores whether packets are marked, and puts that into force; ends r. On failure here r stays the caller's. */
int qos_set_marking(Qos *q, bool on, Request *r, sd_bus_error *error);
