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

typedef struct LogStream {
        Manager *manager;
        JournalReader *reader;
        bool follow;
        const char *const *last; /* message ids, or NULL */
        int fd;
        bool ended; /* the last line is the one that is being written */
        sd_event_source *writable;
        GString *line; /* the entry that is being written */
        size_t written;
} LogStream;

static void log_stream_free(LogStream *s) {
        s->manager->n_logs--;
        journal_reader_free(s->reader);
        sd_event_source_disable_unref(s->writable);
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

int log_stream_new(Manager *m, const LogQuery *query, bool follow, const char *const *last, int *ret_fd) {
        LogStream *s = g_new0(LogStream, 1);
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0) {
                r = -errno;
                g_free(s);
                return r;
        }

        m->n_logs++;
        *s = (LogStream){
                .manager = m, .follow = follow, .last = last, .fd = fds[1], .line = g_string_new(NULL)
        };

        r = fcntl(s->fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
        if (r >= 0)
                r = journal_reader_new(query, &s->reader);
        if (r >= 0)
                r = sd_event_add_io(m->event, &s->writable, s->fd, EPOLLOUT, on_writable, s);
        if (r >= 0 && follow)
                r = journal_reader_watch(s->reader, m->event, on_more, s);
        if (r < 0) {
                log_stream_free(s);
                (void) close(fds[0]);
                return r;
        }

        *ret_fd = fds[0];
        return 0;
}
