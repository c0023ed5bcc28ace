/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* The open ports of servers and what is marked of their packets, as QoS tells them: its properties and what GetStatistics() answers, both
 * a{sv}. */
void qos_servers_print(Cli *cli, GVariant *properties, GVariant *statistics);
