/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

#include "cli.h"

/* The shaped queues of the host, as QoS.Shapers and QoS.GetStatistics tell them. */

/* properties: those of QoS, statistics: what GetStatistics() answers, both a{sv}. */
void qos_shapers_print(Cli *cli, GVariant *properties, GVariant *statistics);

/* What must not be overlooked: on standard error. interface NULL: of all. */
void qos_shapers_warn(Cli *cli, GVariant *properties, const char *interface);

/* bit/s that an interface is shaped to; 0: it is not, or has no limit. */
uint64_t qos_shapers_rate(GVariant *properties, const char *interface);
