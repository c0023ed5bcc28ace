/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Whether systemd-networkd was told to manage the queue of a link: in words ("systemd-networkd ([CAKE] in FILE)"), NULL if not, or if
 * that cannot be known. root: before /run/systemd/netif. Reads a few small files. */
char *networkd_manages_queue(const char *root, int link);
