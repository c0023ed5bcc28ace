/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/journal-tail.h"
#include "service/journal.h"
#include "service/manager.h"
#include "service/util.h"

#define LINES 4U
#define WAIT (1 * G_TIME_SPAN_SECOND)

/* SD_MESSAGE_UNIT_FAILURE_RESULT: systemd's last word on a run that failed. */
#define UNIT_FAILED_ID "d9b373ed55a64feb8242e02dbe79a49c"

typedef struct Tail {
        JournalReader *reader;
        sd_event_source *deadline;
        GQueue lines; /* char*: what the unit's own processes said, newest last */
        bool ended;   /* systemd has noted the failure */
        void (*done)(const char *lines, void *userdata);
        void *userdata;
} Tail;

static void tail_end(Tail *t) {
        g_autoptr(GString) text = g_string_new(NULL);
        void (*done)(const char *, void *) = t->done;
        void *userdata = t->userdata;
        char *line;

        while ((line = g_queue_pop_head(&t->lines))) {
                g_string_append_printf(text, "%s%s", text->len > 0 ? "; " : "", line);
                g_free(line);
        }

        journal_reader_free(t->reader);
        sd_event_source_disable_unref(t->deadline);
        g_free(t);
        done(text->str, userdata);
}

static void tail_read(void *userdata) {
        Tail *t = userdata;

        for (;;) {
                g_auto(LogEntry) e = { 0 };

                if (journal_reader_next(t->reader, &e) <= 0)
                        break;

                if (e.from_systemd && g_strcmp0(e.message_id, UNIT_FAILED_ID) == 0)
                        t->ended = true;
                if (e.from_systemd || *e.message == '\0' || *e.message == '@')
                        continue;

                g_queue_push_tail(&t->lines, g_steal_pointer(&e.message));
                if (t->lines.length > LINES)
                        g_free(g_queue_pop_head(&t->lines));
        }

        /* Two journals: what the unit said may come to the one after systemd's note has come to the other. */
        if (t->ended && t->lines.length > 0)
                tail_end(t);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        tail_end(userdata);
        return 0;
}

static int on_begin(sd_event_source *source, void *userdata) {
        tail_read(userdata);
        return 0;
}

int journal_tail_unit(
        Manager *m, const char *unit, void (*done)(const char *lines, void *userdata), void *userdata) {
        const char *units[] = { unit, NULL };
        /* A unit that is asked about has just failed: what it said longer ago belongs to another run. */
        const LogQuery query = {
                .units = units, .lines = UINT64_MAX, .since = now_usec() - 5 * G_TIME_SPAN_SECOND
        };
        Tail *t = g_new0(Tail, 1);
        int r;

        t->done = done;
        t->userdata = userdata;
        g_queue_init(&t->lines);

        r = journal_reader_new(&query, &t->reader);
        if (r >= 0)
                r = journal_reader_watch(t->reader, m->event, tail_read, t);
        if (r >= 0)
                r = sd_event_add_time_relative(
                        m->event, &t->deadline, CLOCK_MONOTONIC, WAIT, 0, on_deadline, t);
        if (r >= 0)
                r = sd_event_add_defer(m->event, NULL, on_begin, t);
        if (r < 0) {
                journal_reader_free(t->reader);
                sd_event_source_disable_unref(t->deadline);
                g_free(t);
        }

        return r;
}
