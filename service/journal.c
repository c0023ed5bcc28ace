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
        LogQuery query; /* where to begin is that of the last rest */
        GStrv units;
        char *invocation, *field, *value, *cursor; /* the query's */

        sd_journal *journal; /* NULL while it rests */
        uint64_t left;       /* how many entries may still be given */
        bool standing;       /* on an entry that is yet to be given */

        JournalWatch *watch; /* NULL: nobody waits for more */
        void (*more)(void *userdata);
        void *userdata;
};

struct JournalWatch {
        sd_event *event;
        sd_journal *journal; /* of no entries in particular; NULL while nobody watches */
        sd_event_source *source;
        GPtrArray *readers; /* JournalReader, or NULL for one that went while they are told */
        bool telling;
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

static int open_journal(sd_journal **ret) {
        return sd_journal_open_namespace(
                ret, NAMESPACE, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_INCLUDE_DEFAULT_NAMESPACE);
}

static void close_journal(sd_journal *j) {
        sd_journal_close(j);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_journal, close_journal)

static int journal_reader_open(JournalReader *r) {
        int k;

        k = open_journal(&r->journal);
        if (k < 0)
                return k;

        (void) sd_journal_set_data_threshold(r->journal, MESSAGE_MAX);
        k = add_query(r->journal, &r->query);
        if (k >= 0)
                k = r->query.cursor ? seek_cursor(r, &r->query) : seek(r->journal, &r->query);

        return k;
}

static GStrv copy_strings(const char *const *strings) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

        for (; *strings; strings++)
                g_strv_builder_add(builder, *strings);

        return g_strv_builder_end(builder);
}

static void remember_cursor(JournalReader *r, char *cursor) {
        g_free(r->cursor);
        r->query.cursor = r->cursor = cursor;
}

int journal_reader_new(const LogQuery *query, JournalReader **ret) {
        g_autoptr(JournalReader) r = g_new0(JournalReader, 1);
        int k;

        r->query = *query;
        r->units = copy_strings(query->units);
        r->query.units = (const char *const *) r->units;
        r->query.invocation = r->invocation = g_strdup(query->invocation);
        r->query.field = r->field = g_strdup(query->field);
        r->query.value = r->value = g_strdup(query->value);
        remember_cursor(r, g_strdup(query->cursor));
        r->left = query->cursor ? query->lines : UINT64_MAX;

        k = journal_reader_open(r);
        if (k < 0)
                return k;

        *ret = g_steal_pointer(&r);
        return 0;
}

int journal_reader_again(JournalReader *r) {
        if (!r->journal)
                return 0;

        r->standing = false;
        return r->query.cursor ? seek_cursor(r, &r->query) : seek(r->journal, &r->query);
}

void journal_reader_rest(JournalReader *r) {
        char *cursor;

        if (!r->journal)
                return;

        /* It stands nowhere when there has been no entry of its query yet: then it begins as it did, with all that came since. */
        if (sd_journal_get_cursor(r->journal, &cursor) >= 0) {
                remember_cursor(r, g_strdup(cursor));
                r->query.with_cursor = r->standing;
                free(cursor);
        } else if (!r->query.cursor)
                r->query.lines = UINT64_MAX;

        r->standing = false;
        sd_journal_close(g_steal_pointer(&r->journal));
}

/* -- what is new --------------------------------------------------------------------------------------------- */

JournalWatch *journal_watch_new(sd_event *event) {
        JournalWatch *w = g_new0(JournalWatch, 1);

        w->event = sd_event_ref(event);
        w->readers = g_ptr_array_new();
        return w;
}

static void watch_close(JournalWatch *w) {
        w->source = sd_event_source_disable_unref(w->source);
        sd_journal_close(g_steal_pointer(&w->journal));
}

JournalWatch *journal_watch_free(JournalWatch *w) {
        if (!w)
                return NULL;

        watch_close(w);
        for (unsigned k = 0; k < w->readers->len; k++)
                ((JournalReader *) w->readers->pdata[k])->watch = NULL;
        g_ptr_array_unref(w->readers);
        sd_event_unref(w->event);
        g_free(w);
        return NULL;
}

static void watch_remove_gone(JournalWatch *w) {
        while (g_ptr_array_remove_fast(w->readers, NULL))
                ;
        if (w->readers->len == 0)
                watch_close(w);
}

/* Whoever is told may free itself, or others, and new ones may come. */
static int on_journal(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        JournalWatch *w = userdata;
        int change = sd_journal_process(w->journal);

        w->telling = true;
        for (unsigned k = 0; change != SD_JOURNAL_NOP && k < w->readers->len; k++) {
                JournalReader *r = w->readers->pdata[k];

                /* Files have come or gone, of which the reader's own journal hears nothing. */
                if (r && change == SD_JOURNAL_INVALIDATE)
                        journal_reader_rest(r);
                if (r)
                        r->more(r->userdata);
        }
        w->telling = false;

        watch_remove_gone(w);
        return 0;
}

static int watch_open(JournalWatch *w) {
        g_autoptr(sd_journal) j = NULL;
        int fd, events, r;

        r = open_journal(&j);
        if (r < 0)
                return r;

        fd = sd_journal_get_fd(j);
        if (fd < 0)
                return fd;

        events = sd_journal_get_events(j);
        if (events < 0)
                return events;

        r = sd_event_add_io(w->event, &w->source, fd, (uint32_t) events, on_journal, w);
        if (r < 0)
                return r;

        w->journal = g_steal_pointer(&j);
        return 0;
}

int journal_reader_watch(
        JournalReader *r, JournalWatch *watch, void (*more)(void *userdata), void *userdata) {
        int k;

        k = watch->journal ? 0 : watch_open(watch);
        if (k < 0)
                return k;

        r->watch = watch;
        r->more = more;
        r->userdata = userdata;
        g_ptr_array_add(watch->readers, r);
        return 0;
}

JournalReader *journal_reader_free(JournalReader *r) {
        unsigned index;

        if (!r)
                return NULL;

        if (r->watch && g_ptr_array_find(r->watch->readers, r, &index)) {
                r->watch->readers->pdata[index] = NULL;
                if (!r->watch->telling)
                        watch_remove_gone(r->watch);
        }
        sd_journal_close(r->journal);
        g_strfreev(r->units);
        g_free(r->invocation);
        g_free(r->field);
        g_free(r->value);
        g_free(r->cursor);
        g_free(r);
        return NULL;
}

/* -- entries ------------------------------------------------------------------------------------------------- */

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

        k = r->journal ? 0 : journal_reader_open(r);
        if (k < 0)
                return k;

        k = r->standing ? 1 : step(r);
        if (k <= 0)
                return k;

        r->standing = false;
        r->left -= r->left < UINT64_MAX;
        *ret = (LogEntry){ 0 };
        k = sd_journal_get_realtime_usec(r->journal, &ret->time);
        if (k < 0)
                return k;
        if (r->query.until > 0 && ret->time > r->query.until)
                return 0;

        priority = get_field(r->journal, "PRIORITY");
        pid = get_field(r->journal, "_PID");
        ret->priority = priority && *priority >= '0' && *priority <= '7' ? *priority - '0' : 6;
        ret->identifier = get_field(r->journal, "SYSLOG_IDENTIFIER") ?: g_strdup("-");
        ret->message = get_field(r->journal, "MESSAGE") ?: g_strdup("");
        ret->message_id = get_field(r->journal, "MESSAGE_ID");
        ret->from_systemd = g_strcmp0(pid, "1") == 0;
        if (!r->query.cursors)
                return 1;

        k = sd_journal_get_cursor(r->journal, &cursor);
        ret->cursor = k < 0 ? NULL : g_strdup(cursor);
        free(cursor);
        return k < 0 ? k : 1;
}
