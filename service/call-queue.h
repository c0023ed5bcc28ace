/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * Calls to others that wait for their turn: dbus-daemon lets one connection wait for 128 answers (max_replies_per_connection), and
 * refuses every call beyond. systemd and polkit have a queue each, so that people who type passwords hold up nothing else.
 */

typedef struct CallQueue CallQueue;
typedef struct QueuedCall QueuedCall;

CallQueue *call_queue_new(sd_bus *bus, unsigned max);
CallQueue *call_queue_free(CallQueue *q);

/* Sends the call now or later; handler gets the answer, which may be an error. The result is the caller's, who frees it then, or earlier
 * to drop the call. There is no deadline. */
QueuedCall *call_queue_add(
        CallQueue *q, sd_bus_message *call, sd_bus_message_handler_t handler, void *userdata);
QueuedCall *queued_call_free(QueuedCall *c);

/* Lets the call free itself after its answer, for those who do not keep it. destroy(userdata) is then called. */
void queued_call_set_floating(QueuedCall *c, GDestroyNotify destroy);
