/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "service/log-stream.h"
#include "service/manager.h"

/* How many entries are read in one turn of the event loop, so that nobody else waits for long. */
#define ENTRIES_PER_TURN 256U

/* A pipe that is full for so long is one that nobody reads. */
#define STALLED (2 * G_TIME_SPAN_SECOND)

typedef struct LogStream {
        Manager *manager;
        uid_t uid;
        JournalReader *reader;
        bool follow;
        const char *const *last; /* message ids, or NULL */
        int fd;
        bool ended; /* the last line is the one that is being written */
        sd_event_source *writable;
        sd_event_source *stalled; /* runs while the pipe is full */
        GString *line;            /* the entry that is being written */
        size_t written;
} LogStream;

unsigned log_streams_of(const Manager *m, uid_t uid) {
        return m->log_users ? GPOINTER_TO_UINT(g_hash_table_lookup(m->log_users, GUINT_TO_POINTER(uid))) : 0;
}

/* The table is there as long as anybody reads. */
static void count(Manager *m, uid_t uid, bool more) {
        unsigned n = log_streams_of(m, uid) + (more ? 1 : -1U);

        if (!m->log_users)
                m->log_users = g_hash_table_new(NULL, NULL);
        if (n > 0)
                g_hash_table_insert(m->log_users, GUINT_TO_POINTER(uid), GUINT_TO_POINTER(n));
        else
                g_hash_table_remove(m->log_users, GUINT_TO_POINTER(uid));

        m->n_logs += more ? 1 : -1U;
        if (m->n_logs == 0)
                g_clear_pointer(&m->log_users, g_hash_table_unref);
}

static void log_stream_free(LogStream *s) {
        count(s->manager, s->uid, false);
        journal_reader_free(s->reader);
        sd_event_source_disable_unref(s->writable);
        sd_event_source_disable_unref(s->stalled);
        (void) close(s->fd);
        g_string_free(s->line, TRUE);
        g_free(s);
}

/* A line is a line: what would break it, or is no text at all, is replaced. */
static void format_entry(GString *line, const LogEntry *e) {
        g_autofree char *message = g_utf8_make_valid(e->message, -1),
                        *identifier = g_utf8_make_valid(e->identifier, -1);

        g_strdelimit(message, "\n\r", ' ');
        g_strdelimit(identifier, "\n\r \t", '_');
        g_string_printf(line, "%s%s%" G_GUINT64_FORMAT " %d %s %s\n", e->cursor ?: "", e->cursor ? " " : "",
                e->time, e->priority, identifier, message);
}

/* 1: all of the line is written; 0: the pipe is full; < 0: nobody reads any more. */
static int write_line(LogStream *s) {
        while (s->written < s->line->len) {
                ssize_t n = write(s->fd, s->line->str + s->written, s->line->len - s->written);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                s->written += (size_t) n;
        }

        return 1;
}

/* Whether the pipe's other side is told of is up to epoll in any case; what we wait for besides is room in it. */
static void wait_for_room(LogStream *s, bool wait) {
        (void) sd_event_source_set_io_events(s->writable, wait ? EPOLLOUT : 0);
        (void) sd_event_source_set_time_relative(s->stalled, STALLED);
        (void) sd_event_source_set_enabled(s->stalled, wait ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

/* Whoever has stopped reading keeps a pipe and a place in the journal, and no files of it. */
static int on_stalled(sd_event_source *source, uint64_t usec, void *userdata) {
        LogStream *s = userdata;

        journal_reader_rest(s->reader);
        return 0;
}

static void log_stream_pump(void *userdata) {
        LogStream *s = userdata;
        int r = 1;

        for (unsigned n = 0; n < ENTRIES_PER_TURN; n++) {
                g_auto(LogEntry) e = { 0 };

                r = write_line(s);
                if (r <= 0)
                        break;

                r = s->ended ? -ENODATA : journal_reader_next(s->reader, &e);
                if (r <= 0) {
                        wait_for_room(s, false);
                        if (r < 0 || !s->follow)
                                log_stream_free(s);
                        return;
                }

                format_entry(s->line, &e);
                s->written = 0;
                s->ended = s->follow && s->last && e.message_id && g_strv_contains(s->last, e.message_id);
        }

        if (r < 0)
                log_stream_free(s);
        else
                wait_for_room(s, true);
}

static int on_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        if (revents & (EPOLLERR | EPOLLHUP))
                log_stream_free(userdata);
        else
                log_stream_pump(userdata);

        return 0;
}

static void on_more(void *userdata) {
        LogStream *s = userdata;

        /* A full pipe is gone on with when there is room in it. */
        if (s->written >= s->line->len)
                log_stream_pump(s);
}

int log_stream_new(
        Manager *m, uid_t uid, const LogQuery *query, bool follow, const char *const *last, int *ret_fd) {
        LogStream *s = g_new0(LogStream, 1);
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0) {
                r = -errno;
                g_free(s);
                return r;
        }

        count(m, uid, true);
        *s = (LogStream){ .manager = m,
                .uid = uid,
                .follow = follow,
                .last = last,
                .fd = fds[1],
                .line = g_string_new(NULL) };

        r = fcntl(s->fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
        if (r >= 0)
                r = journal_reader_new(query, &s->reader);
        if (r >= 0)
                r = sd_event_add_io(m->event, &s->writable, s->fd, EPOLLOUT, on_writable, s);
        if (r >= 0)
                r = sd_event_add_time_relative(
                        m->event, &s->stalled, CLOCK_MONOTONIC, STALLED, 0, on_stalled, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->stalled, SD_EVENT_OFF);
        if (r >= 0 && follow)
                r = journal_reader_watch(s->reader, m->journal_watch, on_more, s);
        if (r < 0) {
                log_stream_free(s);
                (void) close(fds[0]);
                return r;
        }

        *ret_fd = fds[0];
        return 0;
}
