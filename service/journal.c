/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>

#include "service/journal.h"
#include "service/util.h"

#define NAMESPACE "left4me"

/* A line of a server can be long; what is shown of it ends here. */
#define MESSAGE_MAX (16U * 1024U)

struct JournalReader {
        sd_journal *journal;
        sd_event_source *source;
        uint64_t until;
        uint64_t left; /* how many entries may still be given */
        bool standing; /* on an entry that is yet to be given */
        bool cursors;
        char *invocation; /* NULL for all */
        void (*more)(void *userdata);
        void *userdata;
};

void log_entry_clear(LogEntry *e) {
        g_clear_pointer(&e->identifier, g_free);
        g_clear_pointer(&e->message, g_free);
        g_clear_pointer(&e->message_id, g_free);
        g_clear_pointer(&e->cursor, g_free);
}

static int add_match(sd_journal *j, const char *field, const char *value) {
        g_autofree char *match = g_strconcat(field, "=", value, NULL);

        return sd_journal_add_match(j, match, 0);
}

/* Matches of different fields are joined by AND until a disjunction. The fields with an underscore cannot be forged by a game. */
static int add_unit(sd_journal *j, const char *unit, const char *invocation) {
        int r;

        r = add_match(j, "_SYSTEMD_UNIT", unit);
        if (r >= 0)
                r = sd_journal_add_disjunction(j);
        if (r >= 0)
                r = add_match(j, "UNIT", unit);
        if (r >= 0)
                r = add_match(j, "_PID", "1");
        if (r >= 0 && invocation)
                r = add_match(j, "INVOCATION_ID", invocation);
        if (r >= 0)
                r = sd_journal_add_disjunction(j);

        return r;
}

static int add_query(sd_journal *j, const LogQuery *q) {
        int r = 0;

        for (const char *const *u = q->units; *u && r >= 0; u++)
                r = add_unit(j, *u, q->invocation);

        if (r >= 0 && q->field) {
                r = add_match(j, q->field, q->value);
                if (r >= 0)
                        r = add_match(j, "_SYSTEMD_UNIT", "left4med.service");
        }

        return r;
}

/* So that the next entry to read is the first of the last `lines` before the end, and not before since. */
static int seek(sd_journal *j, const LogQuery *q) {
        uint64_t time;
        int r;

        if (q->lines == UINT64_MAX)
                return q->since > 0 ? sd_journal_seek_realtime_usec(j, q->since) : sd_journal_seek_head(j);

        r = q->until > 0 ? sd_journal_seek_realtime_usec(j, q->until) : sd_journal_seek_tail(j);
        if (r < 0)
                return r;

        r = sd_journal_previous_skip(j, q->lines + 1);
        if (r < 0)
                return r;
        if ((uint64_t) r <= q->lines)
                r = sd_journal_seek_head(j);
        if (r < 0 || q->since == 0)
                return r;

        /* Standing before the first line of interest already, unless that is older than asked for. */
        if (sd_journal_get_realtime_usec(j, &time) < 0 || time < q->since)
                return sd_journal_seek_realtime_usec(j, q->since);

        return 0;
}

static int seek_cursor(JournalReader *r, const LogQuery *q) {
        uint64_t time;
        int k;

        k = sd_journal_seek_cursor(r->journal, q->cursor);
        if (k < 0)
                return k == -EINVAL ? -EBADMSG : k;

        /* Only now it is known whether the entry is still there. */
        k = sd_journal_next(r->journal);
        if (k <= 0)
                return k;

        if (q->since > 0 && sd_journal_get_realtime_usec(r->journal, &time) >= 0 && time < q->since)
                return sd_journal_seek_realtime_usec(r->journal, q->since);

        k = q->with_cursor ? 0 : sd_journal_test_cursor(r->journal, q->cursor);
        r->standing = k == 0;
        return MIN(k, 0);
}

int journal_reader_new(const LogQuery *query, JournalReader **ret) {
        g_autoptr(JournalReader) r = g_new0(JournalReader, 1);
        int k;

        k = sd_journal_open_namespace(
                &r->journal, NAMESPACE, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_INCLUDE_DEFAULT_NAMESPACE);
        if (k < 0)
                return k;

        (void) sd_journal_set_data_threshold(r->journal, MESSAGE_MAX);
        r->until = query->until;
        r->left = query->cursor ? query->lines : UINT64_MAX;
        r->cursors = query->cursors;
        r->invocation = g_strdup(query->invocation);

        k = add_query(r->journal, query);
        if (k >= 0)
                k = query->cursor ? seek_cursor(r, query) : seek(r->journal, query);
        if (k < 0)
                return k;

        *ret = g_steal_pointer(&r);
        return 0;
}

JournalReader *journal_reader_free(JournalReader *r) {
        if (!r)
                return NULL;

        sd_event_source_disable_unref(r->source);
        sd_journal_close(r->journal);
        g_free(r->invocation);
        g_free(r);
        return NULL;
}

static char *get_field(sd_journal *j, const char *field) {
        const char *data;
        size_t size, skip = strlen(field) + 1;
        const void *raw;

        if (sd_journal_get_data(j, field, &raw, &size) < 0 || size < skip)
                return NULL;

        data = (const char *) raw + skip;
        return g_strndup(data, size - skip);
}

/* Not a match of the journal's: of a line that comes after systemd is done with the run, journald cannot tell which one it is of. */
static bool is_of_another_run(const JournalReader *r) {
        g_autofree char *invocation = NULL;

        if (!r->invocation)
                return false;

        invocation = get_field(r->journal, "_SYSTEMD_INVOCATION_ID");
        return invocation && !g_str_equal(invocation, r->invocation);
}

static int step(JournalReader *r) {
        int k;

        do
                k = sd_journal_next(r->journal);
        while (k > 0 && is_of_another_run(r));
        return k;
}

int journal_reader_next(JournalReader *r, LogEntry *ret) {
        g_autofree char *priority = NULL, *pid = NULL;
        char *cursor = NULL;
        int k;

        if (r->left == 0)
                return 0;

        k = r->standing ? 1 : step(r);
        if (k <= 0)
                return k;

        r->standing = false;
        r->left -= r->left < UINT64_MAX;
        *ret = (LogEntry){ 0 };
        k = sd_journal_get_realtime_usec(r->journal, &ret->time);
        if (k < 0)
                return k;
        if (r->until > 0 && ret->time > r->until)
                return 0;

        priority = get_field(r->journal, "PRIORITY");
        pid = get_field(r->journal, "_PID");
        ret->priority = priority && *priority >= '0' && *priority <= '7' ? *priority - '0' : 6;
        ret->identifier = get_field(r->journal, "SYSLOG_IDENTIFIER") ?: g_strdup("-");
        ret->message = get_field(r->journal, "MESSAGE") ?: g_strdup("");
        ret->message_id = get_field(r->journal, "MESSAGE_ID");
        ret->from_systemd = g_strcmp0(pid, "1") == 0;
        if (!r->cursors)
                return 1;

        k = sd_journal_get_cursor(r->journal, &cursor);
        ret->cursor = k < 0 ? NULL : g_strdup(cursor);
        free(cursor);
        return k < 0 ? k : 1;
}

static int on_journal(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        JournalReader *r = userdata;

        (void) sd_journal_process(r->journal);
        r->more(r->userdata);
        return 0;
}

int journal_reader_watch(JournalReader *r, sd_event *event, void (*more)(void *userdata), void *userdata) {
        int fd, events;

        fd = sd_journal_get_fd(r->journal);
        if (fd < 0)
                return fd;

        events = sd_journal_get_events(r->journal);
        if (events < 0)
                return events;

        r->more = more;
        r->userdata = userdata;
        return sd_event_add_io(event, &r->source, fd, (uint32_t) events, on_journal, r);
}
