/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * Listens to what rules log to a group of nfnetlink_log. The kernel gives a group to one listener, and to nobody what came before or
 * when the listener was too slow: it is news, not a record.
 */

typedef struct NfLog NfLog;

/* packet: its beginning, from the IP header on. */
typedef void (*NfLogPacket)(const char *prefix, const uint8_t *packet, size_t size, void *userdata);

/* length: of each packet, at most. -EBUSY: another program has the group; -EPROTONOSUPPORT, -EINVAL: this kernel has none of it. */
int nflog_new(sd_event *event, uint16_t group, uint32_t length, NfLogPacket on_packet, void *userdata,
        NfLog **ret);
NfLog *nflog_free(NfLog *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NfLog, nflog_free)
