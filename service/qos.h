/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/object.h"
#include "service/shaper.h"

/* What the host's network does for game packets: the one object of org.left4me.Manager1.QoS. */

enum {
        QOS_SHAPERS = 1 << 0,
};

struct Qos {
        Object object;
        Shapers *shapers;
};

Qos *qos_new(Manager *m);
Qos *qos_free(Qos *q);
