/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <stdio.h>
#include <systemd/sd-journal.h>

#include "service/log.h"

/* Started by hand, the daemon tells its terminal what it tells the journal. */
static void echo(const char *message) {
        if (!g_getenv("JOURNAL_STREAM"))
                (void) fprintf(stderr, "%s\n", message);
}

void log_plain(int priority, const char *format, ...) {
        g_autofree char *message = NULL;
        va_list args;

        va_start(args, format);
        message = g_strdup_vprintf(format, args);
        va_end(args);

        echo(message);
        (void) sd_journal_send("MESSAGE=%s", message, "PRIORITY=%i", priority, NULL);
}

void log_instance(int priority, const char *message_id, const char *instance, const char *format, ...) {
        g_autofree char *message = NULL;
        va_list args;

        va_start(args, format);
        message = g_strdup_vprintf(format, args);
        va_end(args);

        echo(message);
        (void) sd_journal_send("MESSAGE=%s: %s", instance, message, "MESSAGE_ID=%s", message_id,
                "PRIORITY=%i", priority, "LEFT4ME_INSTANCE=%s", instance, NULL);
}

void log_job(
        int priority, const char *message_id, uint32_t id, const char *subject, const char *format, ...) {
        g_autofree char *message = NULL;
        va_list args;

        va_start(args, format);
        message = g_strdup_vprintf(format, args);
        va_end(args);

        echo(message);
        (void) sd_journal_send("MESSAGE=job %u: %s", (unsigned) id, message, "MESSAGE_ID=%s", message_id,
                "PRIORITY=%i", priority, "LEFT4ME_JOB=%u", (unsigned) id, "LEFT4ME_SUBJECT=%s", subject,
                NULL);
}

void log_shield(const ShieldRecord *r) {
        g_autofree char *message = NULL, *missed = NULL;

        missed = r->missed > 0 ? g_strdup_printf(" (%u more such records were not written)", r->missed)
                               : g_strdup("");
        message = g_strdup_printf("%s%sport %u: %s: %s%s", r->instance, *r->instance ? ", " : "",
                (unsigned) r->port, r->what,
                r->dropped ? "what is too much is dropped" : "it is counted, not dropped", missed);

        echo(message);
        (void) sd_journal_send("MESSAGE=%s", message, "MESSAGE_ID=%s", LEFT4ME_MESSAGE_SHIELD, "PRIORITY=%i",
                LOG_WARNING, "LEFT4ME_INSTANCE=%s", r->instance, "LEFT4ME_PORT=%u", (unsigned) r->port,
                "LEFT4ME_SOURCE=%s", r->source, "LEFT4ME_KIND=%s", r->kind, "LEFT4ME_LIMIT=%s", r->limit,
                "LEFT4ME_RESULT=%s", r->dropped ? "dropped" : "counted", NULL);
}

void log_change(uid_t uid, const char *verb, const char *subject, const char *error_name,
        const char *error_message) {
        g_autofree char *who = uid == (uid_t) -1 ? g_strdup("somebody")
                                                 : g_strdup_printf("uid %u", (unsigned) uid);

        bool denied = g_strcmp0(error_name, SD_BUS_ERROR_ACCESS_DENIED) == 0;

        (void) sd_journal_send("MESSAGE=%s: %s %s: %s", who, verb, subject, error_message ?: "done",
                "MESSAGE_ID=%s", denied ? LEFT4ME_MESSAGE_DENIED : LEFT4ME_MESSAGE_CHANGED, "PRIORITY=%i",
                error_name ? LOG_WARNING : LOG_INFO, "LEFT4ME_CALLER=%u", (unsigned) uid, "LEFT4ME_VERB=%s",
                verb, "LEFT4ME_SUBJECT=%s", subject, "LEFT4ME_RESULT=%s", error_name ?: "done", NULL);
}
