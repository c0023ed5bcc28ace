/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <string.h>
#include <syslog.h>

#include "service/journal-tail.h"
#include "service/journal.h"
#include "service/manager.h"
#include "service/unit.h"
#include "service/util.h"

#define LINES 4U
#define LINE_MAX_SIZE 400U
/* Of a run that logged for an hour only the end counts. */
#define LINES_LOOKED_AT 64U
#define WAIT (1 * G_TIME_SPAN_SECOND)

/* SD_MESSAGE_UNIT_STARTING, SD_MESSAGE_UNIT_FAILURE_RESULT: systemd's first and last word on a run that failed. */
#define UNIT_STARTING_ID "7d4958e842da4a758f6c1cdc7b36dcc5"
#define UNIT_FAILED_ID "d9b373ed55a64feb8242e02dbe79a49c"

typedef struct Tail {
        JournalReader *reader;
        sd_event_source *deadline;
        GQueue lines;  /* char*: what the unit's own processes said, newest last */
        uint64_t said; /* when the newest of them was */
        char *silence; /* what is said for a unit that has said nothing */
        bool errors;   /* those are errors, and nothing else */
        bool ran;      /* else what it said, it said in an earlier run */
        bool ended;    /* systemd has noted the failure */
        void (*done)(const char *why, void *userdata);
        void *userdata;
} Tail;

static void tail_free(Tail *t) {
        g_queue_clear_full(&t->lines, g_free);
        journal_reader_free(t->reader);
        sd_event_source_disable_unref(t->deadline);
        g_free(t->silence);
        g_free(t);
}

static void tail_end(Tail *t) {
        g_autoptr(GString) text = g_string_new(NULL);
        void (*done)(const char *, void *) = t->done;
        void *userdata = t->userdata;
        char *line;

        if (g_queue_is_empty(&t->lines))
                g_string_append(text, t->silence);

        while ((line = g_queue_pop_head(&t->lines))) {
                g_string_append_printf(text, "%s%s", text->len > 0 ? "; " : "", line);
                g_free(line);
        }

        tail_free(t);
        done(text->str, userdata);
}

static void tail_clear(Tail *t) {
        g_queue_clear_full(&t->lines, g_free);
        t->errors = false;
}

static void tail_collect(Tail *t) {
        for (;;) {
                g_auto(LogEntry) e = { 0 };

                if (journal_reader_next(t->reader, &e) <= 0)
                        break;

                if (e.from_systemd && g_strcmp0(e.message_id, UNIT_FAILED_ID) == 0)
                        t->ended = true;
                /* What was said before was said by an earlier run. */
                if (e.from_systemd && g_strcmp0(e.message_id, UNIT_STARTING_ID) == 0 && e.time >= t->said)
                        tail_clear(t);
                if (e.from_systemd || *e.message == '\0' || *e.message == '@')
                        continue;

                /* Our own programs say in so many words what went wrong; what stands around it is how it came to that. */
                if (e.priority <= LOG_ERR && !t->errors) {
                        tail_clear(t);
                        t->errors = true;
                } else if (e.priority > LOG_ERR && t->errors)
                        continue;

                t->said = e.time;
                g_queue_push_tail(&t->lines, text_clean(e.message, LINE_MAX_SIZE));
                if (t->lines.length > LINES)
                        g_free(g_queue_pop_head(&t->lines));
        }
}

/*
 * Two journals: what the unit said may come to the one after systemd's note has come to the other. It has an earlier time then, and
 * who has read so far does not come by it any more.
 */
static void tail_collect_again(Tail *t) {
        if (journal_reader_again(t->reader) < 0)
                return;

        tail_clear(t);
        t->said = 0;
        tail_collect(t);
}

static void tail_read(void *userdata) {
        Tail *t = userdata;

        if (t->ended)
                tail_collect_again(t);
        else
                tail_collect(t);

        if (t->ended && t->lines.length > 0)
                tail_end(t);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        Tail *t = userdata;

        if (t->ran)
                tail_collect_again(t);
        tail_end(t);
        return 0;
}

static int on_begin(sd_event_source *source, void *userdata) {
        Tail *t = userdata;

        if (t->ran)
                tail_read(t);
        else
                tail_end(t);
        return 0;
}

static bool has_failed(const UnitState *s) {
        return s->result[0] != '\0' && !g_str_equal(s->result, "success");
}

/* The state is taken now: whoever asks may reset the failure before the answer comes. */
static char *describe_silence(const Unit *u) {
        const UnitState *s = unit_state(u);

        if (!has_failed(s))
                return g_strdup_printf(
                        "%s was not run, because a unit that it needs failed. See: systemctl --failed; journalctl --unit=%s",
                        unit_name(u), unit_name(u));

        if (s->exit_code != 0)
                return g_strdup_printf("%s failed (%s, %s %d) and logged nothing. See: journalctl --unit=%s",
                        unit_name(u), s->result, s->exit_code == CLD_EXITED ? "exit status" : "signal",
                        s->exit_status, unit_name(u));

        return g_strdup_printf("%s failed (%s) and logged nothing. See: journalctl --unit=%s", unit_name(u),
                s->result, unit_name(u));
}

int journal_tail_unit(
        Manager *m, const Unit *u, void (*done)(const char *why, void *userdata), void *userdata) {
        const char *units[] = { unit_name(u), NULL }, *invocation = unit_state(u)->invocation;
        const LogQuery query = {
                .units = units,
                .invocation = *invocation != '\0' ? invocation : NULL,
                .lines = *invocation != '\0' ? LINES_LOOKED_AT : UINT64_MAX,
                /* A unit that is asked about has just failed: what is older belongs to another run. */
                .since = *invocation != '\0' ? 0 : now_usec() - 5 * G_TIME_SPAN_SECOND,
        };
        Tail *t = g_new0(Tail, 1);
        int r;

        t->done = done;
        t->userdata = userdata;
        t->silence = describe_silence(u);
        t->ran = has_failed(unit_state(u));
        g_queue_init(&t->lines);

        r = journal_reader_new(&query, &t->reader);
        if (r >= 0)
                r = journal_reader_watch(t->reader, m->journal_watch, tail_read, t);
        if (r >= 0)
                r = sd_event_add_time_relative(
                        m->event, &t->deadline, CLOCK_MONOTONIC, WAIT, 0, on_deadline, t);
        if (r >= 0)
                r = sd_event_add_defer(m->event, NULL, on_begin, t);
        if (r < 0)
                tail_free(t);

        return r;
}
