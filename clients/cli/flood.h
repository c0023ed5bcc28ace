/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "echo.h"

/* UDP to the discard port, without a mark, at an even rate: what fills a line. */

typedef struct Flood Flood;

/* rate: bit/s on the wire, more or less. */
Flood *flood_new(const EchoTarget *target, uint64_t rate, const char *interface, GError **error);
Flood *flood_free(Flood *f);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Flood, flood_free)

/* Sends what has become due since the last time, as far as there is room. now: usec, monotonic. */
void flood_send(Flood *f, uint64_t now);

/* Bytes that were handed to the kernel. */
uint64_t flood_sent(const Flood *f);
