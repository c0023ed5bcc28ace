/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/types.h>

#include "service/types.h"

/* Who takes TCP connections on a port of this host: any user may on a port that is free, and be told a password in a server's place. */

/* 1: all who listen there are this user's; 0: nobody does; -EPERM: somebody else does; < 0: it cannot be known. */
int listener_check(uint16_t port, uid_t uid);

/* The same, of the text of /proc/net/tcp. */
int listener_find(const char *table, uint16_t port, uid_t uid);
