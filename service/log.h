/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <syslog.h>

#include "data/catalog/message-ids.h"
#include "service/types.h"

/* Records about an object carry it in fields, so that `journalctl LEFT4ME_INSTANCE=versus-1` finds them. */

void log_plain(int priority, const char *format, ...) G_GNUC_PRINTF(2, 3);
void log_instance(int priority, const char *message_id, const char *instance, const char *format, ...)
        G_GNUC_PRINTF(4, 5);
void log_job(int priority, const char *message_id, uint32_t id, const char *subject, const char *format, ...)
        G_GNUC_PRINTF(5, 6);

/* Somebody sends a server more than the shield lets through. */
typedef struct ShieldRecord {
        const char *instance; /* "": none has that port */
        const char *what;     /* who sends how much of what */
        const char *source;   /* "": many */
        const char *kind;
        const char *limit; /* "source" or "port" */
        uint16_t port;
        bool dropped;    /* else only counted */
        unsigned missed; /* records since the last one that were not written */
} ShieldRecord;

void log_shield(const ShieldRecord *record);

/* Who asked for which change on what, and how it ended: error_name NULL for well. uid (uid_t) -1: not known. */
void log_change(
        uid_t uid, const char *verb, const char *subject, const char *error_name, const char *error_message);
