/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal here is a list in memory: what this file defines of journal.h is linked in place of journal.c. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "service/journal.h"
#include "service/log-stream.h"
#include "service/manager.h"

struct JournalReader {
        sd_event_source *source;
        void (*more)(void *userdata);
        void *userdata;
};

static struct {
        const LogEntry *entries;
        size_t n, next;
        int end; /* what comes after the last entry: 0 or an error */
        int open_error;
        int wake_fd; /* written to when there are more */
        unsigned readers, rests;
} journal;

void log_entry_clear(LogEntry *e) {
        g_clear_pointer(&e->identifier, g_free);
        g_clear_pointer(&e->message, g_free);
        g_clear_pointer(&e->message_id, g_free);
}

int journal_reader_new(const LogQuery *query, JournalReader **ret) {
        if (journal.open_error < 0)
                return journal.open_error;

        *ret = g_new0(JournalReader, 1);
        journal.readers++;
        return 0;
}

JournalReader *journal_reader_free(JournalReader *r) {
        if (!r)
                return NULL;

        journal.readers--;
        sd_event_source_disable_unref(r->source);
        g_free(r);
        return NULL;
}

int journal_reader_next(JournalReader *r, LogEntry *ret) {
        const LogEntry *e = &journal.entries[journal.next];

        if (journal.next == journal.n)
                return journal.end;

        journal.next++;
        *ret = (LogEntry){ .time = e->time,
                .priority = e->priority,
                .identifier = g_strdup(e->identifier),
                .message = g_strdup(e->message),
                .message_id = g_strdup(e->message_id) };
        return 1;
}

static int on_wake(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        JournalReader *r = userdata;
        eventfd_t value;

        (void) eventfd_read(fd, &value);
        r->more(r->userdata);
        return 0;
}

void journal_reader_rest(JournalReader *r) {
        journal.rests++;
}

struct JournalWatch {
        sd_event *event;
};

int journal_reader_watch(
        JournalReader *r, JournalWatch *watch, void (*more)(void *userdata), void *userdata) {
        r->more = more;
        r->userdata = userdata;
        return sd_event_add_io(watch->event, &r->source, journal.wake_fd, EPOLLIN, on_wake, r);
}

typedef struct Fixture {
        Manager manager;
        JournalWatch watch;
        int fd; /* the reading end of the stream, -1 when closed */
        GString *got;
} Fixture;

static void set_up(Fixture *f, gconstpointer data) {
        memset(&journal, 0, sizeof(journal));
        journal.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        g_assert_no_errno(journal.wake_fd);
        g_assert_cmpint(sd_event_new(&f->manager.event), ==, 0);
        f->watch.event = f->manager.event;
        f->manager.journal_watch = &f->watch;
        f->fd = -1;
        f->got = g_string_new(NULL);
}

static void tear_down(Fixture *f, gconstpointer data) {
        /* A stream that follows ends when nobody reads. */
        if (f->fd >= 0)
                g_assert_no_errno(close(f->fd));
        while (f->manager.n_logs > 0)
                g_assert_cmpint(sd_event_run(f->manager.event, UINT64_MAX), >=, 0);
        g_assert_cmpuint(journal.readers, ==, 0);
        sd_event_unref(f->manager.event);
        g_string_free(f->got, TRUE);
        g_assert_no_errno(close(journal.wake_fd));
}

static const char *const last[] = { "1e2b286108ae4dfaac137266a6cddb17", NULL };

static void open_stream(Fixture *f, bool follow) {
        const LogQuery query = { .units = (const char *const[]){ NULL } };

        g_assert_cmpint(log_stream_new(&f->manager, 1000, &query, follow, last, &f->fd), ==, 0);
        g_assert_cmpuint(f->manager.n_logs, ==, 1);
        g_assert_cmpuint(log_streams_of(&f->manager, 1000), ==, 1);
        g_assert_cmpuint(log_streams_of(&f->manager, 0), ==, 0);
        g_assert_cmpint(fcntl(f->fd, F_SETFL, O_NONBLOCK), ==, 0);
}

/* All that can be read now. true: the stream has ended. */
static bool read_some(Fixture *f) {
        char buffer[4096];
        ssize_t n;

        while ((n = read(f->fd, buffer, sizeof(buffer))) > 0)
                g_string_append_len(f->got, buffer, n);
        g_assert_true(n == 0 || errno == EAGAIN);
        return n == 0;
}

/* Lets the stream write as long as it has something to do. */
static void settle(Fixture *f) {
        int r;

        do
                r = sd_event_run(f->manager.event, 0);
        while (r > 0);
        g_assert_cmpint(r, ==, 0);
}

static void test_format(Fixture *f, gconstpointer data) {
        const LogEntry entries[] = {
                { 1, 6, (char[]){ "srcds" }, (char[]){ "hello" }, NULL, false },
                { UINT64_MAX, 0, (char[]){ "-" }, (char[]){ "" }, NULL, false },
                { 0, 7, (char[]){ "two words\there" }, (char[]){ "a\nb\rc\td  " }, NULL, false },
                { 2, 3, (char[]){ "x\ny\rz" }, (char[]){ "\303\244 \377 \303" }, NULL, false },
                { 3, 4, (char[]){ "\377" }, (char[]){ "%s%n \\x0a" }, NULL, false },
        };
        static const char want[] = "1 6 srcds hello\n"
                                   "18446744073709551615 0 - \n"
                                   "0 7 two_words_here a b c\td  \n"
                                   "2 3 x_y_z \303\244 \357\277\275 \357\277\275\n"
                                   "3 4 \357\277\275 %s%n \\x0a\n";

        journal.entries = entries;
        journal.n = G_N_ELEMENTS(entries);
        open_stream(f, false);
        settle(f);
        g_assert_true(read_some(f));
        g_assert_cmpstr(f->got->str, ==, want);
        g_assert_cmpuint(f->manager.n_logs, ==, 0);
}

static void test_empty(Fixture *f, gconstpointer data) {
        open_stream(f, false);
        settle(f);
        g_assert_true(read_some(f));
        g_assert_cmpuint(f->got->len, ==, 0);
}

/* The log of something that ends: with the entry that says so, whatever comes after it. */
static void test_last(Fixture *f, gconstpointer data) {
        const LogEntry entries[] = {
                { 1, 6, (char[]){ "a" }, (char[]){ "one" }, (char[]){ "00000000000000000000000000000000" },
                        false },
                { 2, 6, (char[]){ "a" }, (char[]){ "two" }, (char[]){ "1e2b286108ae4dfaac137266a6cddb17" },
                        false },
                { 3, 6, (char[]){ "a" }, (char[]){ "three" }, NULL, false },
        };

        journal.entries = entries;
        journal.n = G_N_ELEMENTS(entries);
        open_stream(f, true);
        settle(f);
        g_assert_true(read_some(f));
        g_assert_cmpstr(f->got->str, ==, "1 6 a one\n2 6 a two\n");
        g_assert_cmpuint(f->manager.n_logs, ==, 0);
}

static void test_journal_fails(Fixture *f, gconstpointer data) {
        const LogEntry entry = { 1, 6, (char[]){ "a" }, (char[]){ "b" }, NULL, false };

        journal.entries = &entry;
        journal.n = 1;
        journal.end = -EBADMSG;
        open_stream(f, true);
        settle(f);
        g_assert_true(read_some(f));
        g_assert_cmpstr(f->got->str, ==, "1 6 a b\n");
        g_assert_cmpuint(f->manager.n_logs, ==, 0);
}

static void test_journal_closed(Fixture *f, gconstpointer data) {
        const LogQuery query = { .units = (const char *const[]){ NULL } };
        int before = dup(0), after;

        journal.open_error = -EACCES;
        g_assert_cmpint(log_stream_new(&f->manager, 1000, &query, true, NULL, &f->fd), ==, -EACCES);
        g_assert_cmpint(f->fd, ==, -1);
        g_assert_cmpuint(f->manager.n_logs, ==, 0);

        /* Both ends of the pipe are closed. */
        g_assert_no_errno(close(before));
        after = dup(0);
        g_assert_cmpint(after, ==, before);
        g_assert_no_errno(close(after));
}

/* A reader that takes its time, of more than the pipe holds: nothing is lost, and the loop waits instead of turning. */
static void test_slow_reader(Fixture *f, gconstpointer data) {
        const unsigned n = 3000;
        g_autofree char *message = g_strnfill(1000, 'm');
        g_autofree LogEntry *entries = g_new0(LogEntry, n);
        g_auto(GStrv) lines = NULL;

        for (unsigned i = 0; i < n; i++)
                entries[i] = (LogEntry){
                        .time = i, .priority = 6, .identifier = message + 996, .message = message
                };
        journal.entries = entries;
        journal.n = n;

        open_stream(f, false);
        do
                settle(f);
        while (!read_some(f));

        lines = g_strsplit(f->got->str, "\n", -1);
        g_assert_cmpuint(g_strv_length(lines), ==, n + 1);
        for (unsigned i = 0; i < n; i++) {
                g_autofree char *want = g_strdup_printf("%u 6 mmmm %s", i, message);

                g_assert_cmpstr(lines[i], ==, want);
        }
}

static void test_follow(Fixture *f, gconstpointer data) {
        const LogEntry entries[] = {
                { 1, 6, (char[]){ "a" }, (char[]){ "one" }, NULL, false },
                { 2, 6, (char[]){ "a" }, (char[]){ "two" }, NULL, false },
                { 3, 6, (char[]){ "a" }, (char[]){ "three" }, NULL, false },
        };

        journal.entries = entries;
        journal.n = 1;
        open_stream(f, true);
        settle(f);
        g_assert_false(read_some(f));
        g_assert_cmpstr(f->got->str, ==, "1 6 a one\n");

        /* Woken for nothing, and for two. */
        g_assert_no_errno(eventfd_write(journal.wake_fd, 1));
        settle(f);
        g_assert_false(read_some(f));
        journal.n = 3;
        g_assert_no_errno(eventfd_write(journal.wake_fd, 1));
        settle(f);
        g_assert_false(read_some(f));
        g_assert_cmpstr(f->got->str, ==, "1 6 a one\n2 6 a two\n3 6 a three\n");
        g_assert_cmpuint(journal.rests, ==, 0);
}

/* Whoever does not read for some seconds lets go of the journal, and gets the rest when he reads again. */
static void test_stalled(Fixture *f, gconstpointer data) {
        g_autofree char *message = g_strnfill(16000, 'm');
        g_autofree LogEntry *entries = g_new0(LogEntry, 100);

        for (unsigned i = 0; i < 100; i++)
                entries[i] = (LogEntry){ .time = i, .identifier = message, .message = message };
        journal.entries = entries;
        journal.n = 100;
        open_stream(f, false);
        while (journal.rests == 0)
                g_assert_cmpint(sd_event_run(f->manager.event, UINT64_MAX), >=, 0);
        settle(f);
        g_assert_cmpuint(journal.rests, ==, 1);
        g_assert_cmpuint(journal.next, <, 50);

        while (!read_some(f))
                settle(f);
        g_assert_cmpuint(f->got->len, ==, 100 * (2 * 16000 + 5) + 190);
}

/* Also when the pipe is full, or with nothing to write. */
static void test_reader_goes(Fixture *f, gconstpointer data) {
        g_autofree char *message = g_strnfill(16000, 'm');
        g_autofree LogEntry *entries = g_new0(LogEntry, 100);

        for (unsigned i = 0; i < 100; i++)
                entries[i] = (LogEntry){ .time = i, .identifier = message, .message = message };
        journal.entries = entries;

        for (journal.n = 0; journal.n <= 100; journal.n += 50) {
                journal.next = 0;
                open_stream(f, true);
                settle(f);
                g_assert_cmpuint(f->manager.n_logs, ==, 1);
                g_assert_no_errno(close(f->fd));
                f->fd = -1;
                settle(f);
                g_assert_cmpuint(f->manager.n_logs, ==, 0);
        }
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);

        /* As left4med: a reader that went is an error of write(). */
        (void) signal(SIGPIPE, SIG_IGN);

        ADD("/log-stream/format", test_format);
        ADD("/log-stream/last", test_last);
        ADD("/log-stream/empty", test_empty);
        ADD("/log-stream/journal-fails", test_journal_fails);
        ADD("/log-stream/journal-closed", test_journal_closed);
        ADD("/log-stream/slow-reader", test_slow_reader);
        ADD("/log-stream/follow", test_follow);
        ADD("/log-stream/stalled", test_stalled);
        ADD("/log-stream/reader-goes", test_reader_goes);
        return g_test_run();
}
