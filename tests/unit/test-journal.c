/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "own-journal.h"
#include "service/journal.h"

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* All that a reader gives until it has given so many; priority, identifier and message a line, and `*` for systemd's. */
typedef struct Reading {
        JournalReader *reader;
        GString *got;
        GArray *times; /* uint64_t */
        char *message_id;
} Reading;

static void read_more(void *userdata) {
        Reading *r = userdata;
        int k;

        for (;;) {
                g_auto(LogEntry) e = { 0 };

                k = journal_reader_next(r->reader, &e);
                if (k <= 0)
                        break;
                g_string_append_printf(r->got, "%d %s %s%s\n", e.priority, e.identifier, e.message,
                        e.from_systemd ? " *" : "");
                g_array_append_val(r->times, e.time);
                g_free(r->message_id);
                r->message_id = g_steal_pointer(&e.message_id);
        }
        g_assert_cmpint(k, ==, 0);
}

static void reading_begin(Reading *r, const LogQuery *q) {
        *r = (Reading){ .got = g_string_new(NULL), .times = g_array_new(FALSE, FALSE, sizeof(uint64_t)) };
        g_assert_cmpint(journal_reader_new(q, &r->reader), ==, 0);
        read_more(r);
}

static void reading_clear(Reading *r) {
        journal_reader_free(r->reader);
        g_string_free(r->got, TRUE);
        g_array_unref(r->times);
        g_free(r->message_id);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reading, reading_clear)

static void reading_wait(Reading *r, unsigned n) {
        g_autoptr(sd_event) event = NULL;
        g_autoptr(JournalWatch) watch = NULL;

        g_assert_cmpint(sd_event_new(&event), ==, 0);
        watch = journal_watch_new(event);
        g_assert_cmpint(journal_reader_watch(r->reader, watch, read_more, r), >=, 0);
        read_more(r);
        while (r->times->len < n)
                g_assert_cmpint(sd_event_run(event, UINT64_MAX), >=, 0);

        journal_reader_free(g_steal_pointer(&r->reader));
}

static void reading_begin_wait(Reading *r, const LogQuery *q, unsigned n) {
        reading_begin(r, q);
        reading_wait(r, n);
}

static void test_nothing(void) {
        const uint64_t lines[] = { 0, 1, 1000, UINT64_MAX };

        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
                const LogQuery q = { .units = LIST("left4me-server@nobody.service"), .lines = lines[i] };
                g_auto(Reading) r = { 0 };

                reading_begin(&r, &q);
                g_assert_cmpstr(r.got->str, ==, "");
        }
}

/* Its own, what systemd says of it and what left4med does. Others may claim it, but are not heard. */
static void test_who(void) {
        const LogQuery q = {
                .units = LIST("left4me-server@a.service", "left4me-overlay@server-a.service"),
                .field = "LEFT4ME_INSTANCE",
                .value = "a",
                .lines = UINT64_MAX,
        };
        static const char claims[] =
                "MESSAGE=forged\nPRIORITY=1\nUNIT=left4me-server@a.service\nLEFT4ME_INSTANCE=a\n"
                "_PID=1\n_SYSTEMD_UNIT=left4me-server@a.service\n_SYSTEMD_UNIT=left4med.service\n";
        g_auto(Reading) r = { 0 };
        pid_t pids[5];

        reading_begin(&r, &q);
        pids[0] = own_journal_send_as(
                "left4me-server@a.service", LIST("MESSAGE=says a\nSYSLOG_IDENTIFIER=srcds\n"));
        reading_wait(&r, 1);
        reading_clear(&r);

        pids[1] = own_journal_send_as("left4me-overlay@server-a.service", LIST("MESSAGE=says overlay\n"));
        pids[2] = own_journal_send_as(
                "left4me-server@b.service", LIST(claims, "MESSAGE=says b\nLEFT4ME_INSTANCE=a\n",
                                                    "MESSAGE=b\nUNIT=left4me-server@a.service\n"));
        pids[3] = own_journal_send_as("left4med.service",
                LIST("MESSAGE=of b\nLEFT4ME_INSTANCE=b\n", "MESSAGE=of a\nLEFT4ME_INSTANCE=a\n"));
        own_journal_send("MESSAGE=Started b\nUNIT=left4me-server@b.service\n");
        own_journal_send(
                "MESSAGE=Started a\nUNIT=left4me-server@a.service\nMESSAGE_ID=39f53479d3a045ac8e11786248231fbf\n");
        reading_begin_wait(&r, &q, 4);

        /* All before this one has been taken when it is there. */
        pids[4] = own_journal_send_as("left4me-server@a.service", LIST("MESSAGE=last\n"));
        reading_clear(&r);
        reading_begin_wait(&r, &q, 5);
        for (size_t i = 0; i < G_N_ELEMENTS(pids); i++)
                own_journal_reap(pids[i]);

        g_assert_nonnull(strstr(r.got->str, "6 srcds says a\n"));
        g_assert_nonnull(strstr(r.got->str, "6 - says overlay\n"));
        g_assert_nonnull(strstr(r.got->str, "6 - of a\n"));
        g_assert_nonnull(strstr(r.got->str, "6 - Started a *\n"));
        g_assert_true(g_str_has_suffix(r.got->str, "6 - last\n"));
        g_assert_cmpuint(r.times->len, ==, 5);
}

/* What belongs to one run of a unit: its own lines, and systemd's about it; and what journald saw too late to tell. */
static void test_invocation(void) {
        static const char unit[] = "left4me-server@i.service", one[] = "11111111111111111111111111111111",
                          two[] = "22222222222222222222222222222222",
                          link[] = "/run/systemd/units/invocation:left4me-server@i.service";
        LogQuery q = { .units = LIST(unit), .lines = UINT64_MAX };
        g_auto(Reading) all = { 0 }, r = { 0 };
        pid_t first, second, late;

        /* Where journald finds which run a process belongs to. */
        g_assert_no_errno(g_mkdir_with_parents("/run/systemd/units", 0755));
        g_assert_no_errno(symlink(one, link));
        first = own_journal_send_as(unit, LIST("MESSAGE=of the first\n"));
        reading_begin_wait(&all, &q, 1);
        reading_clear(&all);
        g_assert_no_errno(unlink(link));
        g_assert_no_errno(symlink(two, link));
        second = own_journal_send_as(unit, LIST("MESSAGE=of the second\n"));
        own_journal_send(
                "MESSAGE=first ended\nUNIT=left4me-server@i.service\nINVOCATION_ID=11111111111111111111111111111111\n");
        own_journal_send(
                "MESSAGE=second ended\nUNIT=left4me-server@i.service\nINVOCATION_ID=22222222222222222222222222222222\n");
        g_assert_no_errno(unlink(link));
        late = own_journal_send_as(unit, LIST("MESSAGE=late\n"));
        reading_begin_wait(&all, &q, 5);
        own_journal_reap(first);
        own_journal_reap(second);
        own_journal_reap(late);

        q.invocation = two;
        reading_begin(&r, &q);
        g_assert_nonnull(strstr(r.got->str, "of the second\n"));
        g_assert_nonnull(strstr(r.got->str, "second ended *\n"));
        g_assert_nonnull(strstr(r.got->str, "late\n"));
        g_assert_cmpuint(r.times->len, ==, 3);
}

static void test_fields(void) {
        static const char unit[] = "left4me-server@f.service";
        g_autofree char *many = g_strnfill(100000, 'm'), *big = g_strdup_printf("MESSAGE=%s\n", many);
        const LogQuery q = { .units = LIST(unit), .lines = UINT64_MAX };
        g_auto(Reading) r = { 0 };
        pid_t pid;

        pid = own_journal_send_as(
                unit, LIST("MESSAGE=a\nPRIORITY=0\nSYSLOG_IDENTIFIER=x y\n", "MESSAGE=b\nPRIORITY=9\n",
                              "MESSAGE=c\nPRIORITY=\n", "MESSAGE=\n", "NOTHING=x\n", big,
                              "MESSAGE=last\nPRIORITY=7\nMESSAGE_ID=39f53479d3a045ac8e11786248231fbf\n"));
        reading_begin_wait(&r, &q, 7);
        own_journal_reap(pid);

        g_assert_true(g_str_has_prefix(r.got->str, "0 x y a\n6 - b\n6 - c\n6 - \n6 - \n6 - mmmm"));
        g_assert_true(g_str_has_suffix(r.got->str, "m\n7 - last\n"));
        g_assert_cmpstr(r.message_id, ==, "39f53479d3a045ac8e11786248231fbf");
}

#define N 10

static void test_range(void) {
        static const char unit[] = "left4me-server@r.service";
        /* from, to: of the entries that must come, in 0..N-1; since and until name an entry too, -1 for none */
        static const struct {
                uint64_t lines;
                int since, until, from, to;
        } cases[] = {
                { UINT64_MAX, -1, -1, 0, 9 },
                { UINT64_MAX, 4, -1, 4, 9 },
                { UINT64_MAX, -1, 6, 0, 6 },
                { UINT64_MAX, 4, 6, 4, 6 },
                { UINT64_MAX, 5, 5, 5, 5 },
                { UINT64_MAX, 0, 9, 0, 9 },
                { 0, -1, -1, 10, 9 },
                { 1, -1, -1, 9, 9 },
                { 3, -1, -1, 7, 9 },
                { 10, -1, -1, 0, 9 },
                { 11, -1, -1, 0, 9 },
                { 1000, -1, -1, 0, 9 },
                { 3, 2, -1, 7, 9 },
                { 3, 8, -1, 8, 9 },
                { 100, 4, -1, 4, 9 },
                { 3, -1, 6, 4, 6 },
                { 3, 6, 6, 6, 6 },
                { 100, -1, 0, 0, 0 },
        };
        LogQuery q = { .units = LIST(unit), .lines = UINT64_MAX };
        g_auto(Reading) all = { 0 };
        pid_t pid = own_journal_send_as(
                unit, LIST("MESSAGE=0\n", "MESSAGE=1\n", "MESSAGE=2\n", "MESSAGE=3\n", "MESSAGE=4\n",
                              "MESSAGE=5\n", "MESSAGE=6\n", "MESSAGE=7\n", "MESSAGE=8\n", "MESSAGE=9\n"));

        reading_begin_wait(&all, &q, N);
        own_journal_reap(pid);

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                const uint64_t *times = (const uint64_t *) (gpointer) all.times->data;
                g_autoptr(GString) want = g_string_new(NULL);
                g_auto(Reading) r = { 0 };

                for (int k = cases[i].from; k <= cases[i].to; k++)
                        g_string_append_printf(want, "6 - %d\n", k);
                q.lines = cases[i].lines;
                q.since = cases[i].since >= 0 ? times[cases[i].since] : 0;
                q.until = cases[i].until >= 0 ? times[cases[i].until] : 0;
                reading_begin(&r, &q);
                if (!g_str_equal(r.got->str, want->str))
                        g_error("%" G_GUINT64_FORMAT " lines since %d until %d: not %d to %d but\n%s",
                                cases[i].lines, cases[i].since, cases[i].until, cases[i].from, cases[i].to,
                                r.got->str);
        }
}

#define CURSORS 5

typedef struct CursorCase {
        int at; /* the entry whose cursor it is */
        bool with;
        uint64_t lines;
        int since; /* an entry, -1 for none */
        int from, to;
} CursorCase;

static void check_cursor(LogQuery q, const CursorCase *c, char *const *cursors, const uint64_t *times) {
        g_autoptr(GString) want = g_string_new(NULL);
        g_auto(Reading) r = { 0 };

        for (int k = c->from; k <= c->to; k++)
                g_string_append_printf(want, "6 - %d\n", k);
        q.cursor = cursors[c->at];
        q.with_cursor = c->with;
        q.lines = c->lines;
        q.since = c->since >= 0 ? times[c->since] : 0;
        reading_begin(&r, &q);
        if (!g_str_equal(r.got->str, want->str))
                g_error("%s %d, %" G_GUINT64_FORMAT " lines: not %d to %d but\n%s",
                        c->with ? "from" : "after", c->at, c->lines, c->from, c->to, r.got->str);
}

/* From where somebody stopped reading: nothing is given twice, nothing left out. */
static void test_cursor(void) {
        static const char unit[] = "left4me-server@c.service", other[] = "left4me-server@d.service";
        static const CursorCase cases[] = {
                { 0, false, UINT64_MAX, -1, 1, 4 },
                { 0, true, UINT64_MAX, -1, 0, 4 },
                { 2, false, UINT64_MAX, -1, 3, 4 },
                { 2, true, UINT64_MAX, -1, 2, 4 },
                { 4, false, UINT64_MAX, -1, 5, 4 },
                { 4, true, UINT64_MAX, -1, 4, 4 },
                { 1, false, 2, -1, 2, 3 },
                { 1, true, 2, -1, 1, 2 },
                { 1, false, 0, -1, 5, 4 },
                { 1, false, 9, -1, 2, 4 },
                { 0, false, UINT64_MAX, 3, 3, 4 },
                { 3, false, UINT64_MAX, 1, 4, 4 },
        };
        LogQuery q = { .units = LIST(unit), .lines = UINT64_MAX, .cursors = true };
        g_auto(Reading) all = { 0 };
        char *cursors[CURSORS];
        JournalReader *reader;
        pid_t pid = own_journal_send_as(
                unit, LIST("MESSAGE=0\n", "MESSAGE=1\n", "MESSAGE=2\n", "MESSAGE=3\n", "MESSAGE=4\n"));

        reading_begin_wait(&all, &q, CURSORS);
        own_journal_reap(pid);

        g_assert_cmpint(journal_reader_new(&q, &reader), ==, 0);
        for (size_t i = 0; i < CURSORS; i++) {
                g_auto(LogEntry) e = { 0 };

                g_assert_cmpint(journal_reader_next(reader, &e), ==, 1);
                g_assert_null(strpbrk(e.cursor, " \n"));
                cursors[i] = g_steal_pointer(&e.cursor);
        }
        journal_reader_free(reader);

        q.cursors = false;
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                check_cursor(q, &cases[i], cursors, (const uint64_t *) (gpointer) all.times->data);

        /* One of another log is a place in time as well; what is none is refused. */
        q.units = LIST(other);
        q.cursor = cursors[0];
        g_assert_cmpint(journal_reader_new(&q, &reader), ==, 0);
        journal_reader_free(reader);
        q.cursor = "s=x;nonsense";
        g_assert_cmpint(journal_reader_new(&q, &reader), ==, -EBADMSG);
        for (size_t i = 0; i < CURSORS; i++)
                g_free(cursors[i]);
}

static void expect_next(JournalReader *r, const char *message) {
        g_auto(LogEntry) e = { 0 };

        g_assert_cmpint(journal_reader_next(r, &e), ==, message != NULL);
        g_assert_cmpstr(e.message, ==, message);
}

/* Waits until so many entries of the unit are in the journal. */
static void wait_for_entries(const char *unit, unsigned n) {
        const LogQuery q = { .units = LIST(unit), .lines = UINT64_MAX };
        g_auto(Reading) all = { 0 };

        reading_begin_wait(&all, &q, n);
}

/* Resting at any place, once and twice, changes nothing of what is read. */
static void test_rest(void) {
        static const char unit[] = "left4me-server@s.service";
        const LogQuery q = { .units = LIST(unit), .lines = UINT64_MAX },
                       last = { .units = LIST(unit), .lines = 0 };
        g_autoptr(JournalReader) r = NULL, from_now = NULL;
        pid_t pids[2];

        /* Before there is anything. */
        g_assert_cmpint(journal_reader_new(&q, &r), ==, 0);
        journal_reader_rest(r);
        pids[0] = own_journal_send_as(unit, LIST("MESSAGE=0\n", "MESSAGE=1\n", "MESSAGE=2\n"));
        wait_for_entries(unit, 3);
        expect_next(r, "0");
        journal_reader_rest(r);
        journal_reader_rest(r);
        expect_next(r, "1");
        expect_next(r, "2");
        expect_next(r, NULL);
        journal_reader_rest(r);
        expect_next(r, NULL);
        journal_reader_rest(r);
        g_assert_cmpint(journal_reader_new(&last, &from_now), ==, 0);
        journal_reader_rest(from_now);

        pids[1] = own_journal_send_as(unit, LIST("MESSAGE=3\n"));
        wait_for_entries(unit, 4);
        expect_next(r, "3");
        expect_next(r, NULL);
        expect_next(from_now, "3");
        for (size_t i = 0; i < G_N_ELEMENTS(pids); i++)
                own_journal_reap(pids[i]);
}

static void test_again(void) {
        static const char unit[] = "left4me-server@again.service";
        const LogQuery q = { .units = LIST(unit), .lines = 2 };
        g_autoptr(JournalReader) r = NULL;
        pid_t pid = own_journal_send_as(unit, LIST("MESSAGE=0\n", "MESSAGE=1\n", "MESSAGE=2\n"));

        wait_for_entries(unit, 3);
        g_assert_cmpint(journal_reader_new(&q, &r), ==, 0);
        for (unsigned n = 0; n < 2; n++) {
                expect_next(r, "1");
                expect_next(r, "2");
                expect_next(r, NULL);
                g_assert_cmpint(journal_reader_again(r), >=, 0);
        }
        journal_reader_rest(r);
        g_assert_cmpint(journal_reader_again(r), ==, 0);
        own_journal_reap(pid);
}

static void end_reader(void *userdata) {
        JournalReader **r = userdata;

        *r = journal_reader_free(*r);
}

/* Readers that end themselves, and another, when they are told. */
static void test_watch(void) {
        static const char unit[] = "left4me-server@w.service";
        const LogQuery q = { .units = LIST(unit), .lines = UINT64_MAX };
        g_autoptr(sd_event) event = NULL;
        g_autoptr(JournalWatch) watch = NULL;
        JournalReader *readers[3], **ended[] = { &readers[0], &readers[2], &readers[2] };
        pid_t pid;

        g_assert_cmpint(sd_event_new(&event), ==, 0);
        watch = journal_watch_new(event);
        for (size_t i = 0; i < G_N_ELEMENTS(readers); i++) {
                g_assert_cmpint(journal_reader_new(&q, &readers[i]), ==, 0);
                g_assert_cmpint(journal_reader_watch(readers[i], watch, end_reader, ended[i]), ==, 0);
        }

        pid = own_journal_send_as(unit, LIST("MESSAGE=0\n"));
        while (readers[0] || readers[2])
                g_assert_cmpint(sd_event_run(event, UINT64_MAX), >=, 0);
        own_journal_reap(pid);
        journal_reader_free(readers[1]);

        /* Nothing is left that would wake the loop. */
        pid = own_journal_send_as(unit, LIST("MESSAGE=1\n"));
        wait_for_entries(unit, 2);
        g_assert_cmpint(sd_event_run(event, 0), ==, 0);
        own_journal_reap(pid);
}

static void test_skip(void) {
        g_test_skip("needs root, PID namespaces and systemd-journald");
}

int main(int argc, char **argv) {
        bool own = own_journal_enter();
        int status;

        g_test_init(&argc, &argv, NULL);
        if (!own) {
                g_test_add_func("/journal", test_skip);
                return g_test_run();
        }

        own_journal_start();
        g_test_add_func("/journal/nothing", test_nothing);
        g_test_add_func("/journal/who", test_who);
        g_test_add_func("/journal/fields", test_fields);
        g_test_add_func("/journal/invocation", test_invocation);
        g_test_add_func("/journal/range", test_range);
        g_test_add_func("/journal/cursor", test_cursor);
        g_test_add_func("/journal/rest", test_rest);
        g_test_add_func("/journal/again", test_again);
        g_test_add_func("/journal/watch", test_watch);
        status = g_test_run();
        own_journal_stop();
        return status;
}
