/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "service/build-progress.h"
#include "service/job.h"
#include "service/journal.h"
#include "service/manager.h"
#include "service/util.h"

#define PREFIX "@progress "
#define TEXT_MAX 200U
#define LINES_AT_ONCE 200U

struct BuildProgress {
        Job *job;
        JournalReader *reader;
        sd_event_source *rest; /* what one go did not come to */
};

bool progress_line_parse(const char *line, double *ret_fraction, char **ret_text) {
        char *end;
        gint64 n;

        if (!g_str_has_prefix(line, PREFIX))
                return false;

        line += strlen(PREFIX);
        n = g_ascii_strtoll(line, &end, 10);
        if (end == line || (*end != ' ' && *end != '\0') || n < -1 || n > 100)
                return false;

        *ret_fraction = n < 0 ? -1.0 : (double) n / 100.0;
        *ret_text = text_clean(end + (*end == ' '), TEXT_MAX);
        return true;
}

static void take_lines(BuildProgress *p) {
        g_autofree char *newest = NULL;
        double fraction = -1.0;
        unsigned n;

        for (n = 0; n < LINES_AT_ONCE; n++) {
                g_auto(LogEntry) e = { 0 };
                char *text;

                if (journal_reader_next(p->reader, &e) <= 0)
                        break;
                if (progress_line_parse(e.message, &fraction, &text)) {
                        g_free(newest);
                        newest = text;
                }
        }

        if (newest)
                job_set_progress(p->job, fraction, newest);

        (void) sd_event_source_set_enabled(p->rest, n == LINES_AT_ONCE ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static void on_lines(void *userdata) {
        take_lines(userdata);
}

static int on_rest(sd_event_source *source, void *userdata) {
        take_lines(userdata);
        return 0;
}

BuildProgress *build_progress_new(Job *j, const char *unit) {
        const char *units[] = { unit, NULL };
        const LogQuery query = { .units = units, .lines = UINT64_MAX, .since = now_usec() };
        BuildProgress *p = g_new0(BuildProgress, 1);
        int r;

        p->job = j;
        r = sd_event_add_defer(j->manager->event, &p->rest, on_rest, p);
        /* After whatever else there is to do. */
        if (r >= 0)
                r = sd_event_source_set_priority(p->rest, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = journal_reader_new(&query, &p->reader);
        if (r >= 0)
                r = journal_reader_watch(p->reader, j->manager->journal_watch, on_lines, p);
        if (r < 0)
                return build_progress_free(p);

        return p;
}

BuildProgress *build_progress_free(BuildProgress *p) {
        if (!p)
                return NULL;

        journal_reader_free(p->reader);
        sd_event_source_disable_unref(p->rest);
        g_free(p);
        return NULL;
}
