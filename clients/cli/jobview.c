/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "format.h"
#include "jobview.h"
#include "progress.h"
#include "props.h"
#include "style.h"
#include "text.h"

/* A terminal of fewer columns has no room for bars and long names. */
#define WIDE 60U
#define BAR 10U

/* So many lines of each job, or one in so long a time: a build may say something else four times a second. */
#define PHASES_MAX 20U
#define PHASE_USEC (10 * (gint64) USEC_PER_SEC)

typedef struct {
        const JobWatch *watch;
        char *phase; /* that was told last, without a terminal */
        unsigned told;
        gint64 when;
} Entry;

struct JobView {
        Cli *cli;
        GArray *entries;
        Progress *progress;
        const Upload *upload;
        gint64 began;
};

static void entry_clear(gpointer data) {
        Entry *e = data;

        g_free(e->phase);
}

JobView *job_view_new(Cli *cli) {
        JobView *v = g_new0(JobView, 1);

        v->cli = cli;
        v->entries = g_array_new(FALSE, TRUE, sizeof(Entry));
        g_array_set_clear_func(v->entries, entry_clear);
        v->progress = progress_new(cli);
        v->began = g_get_monotonic_time();
        return v;
}

JobView *job_view_free(JobView *v) {
        if (!v)
                return NULL;

        progress_free(v->progress);
        g_array_unref(v->entries);
        g_free(v);
        return NULL;
}

void job_view_add(JobView *v, const JobWatch *watch) {
        const Entry e = { .watch = watch };

        g_array_append_val(v->entries, e);
}

/* Of the only job. */
void job_view_set_upload(JobView *v, const Upload *upload) {
        v->upload = upload;
}

static const JobWatch *watch_at(const JobView *v, unsigned i) {
        return g_array_index(v->entries, Entry, i).watch;
}

/* The lines tell how each job has ended, in short. */
gboolean job_view_has_outcomes(const JobView *v) {
        return v->entries->len > 1 && progress_active(v->progress);
}

/* "1.1G of 2.4G  120.0M/s  8s left". */
static char *upload_details(const JobView *v) {
        uint64_t sent, size, elapsed, rate;
        g_autofree char *sent_text = NULL, *size_text = NULL, *rate_text = NULL, *left = NULL;

        if (!v->upload || upload_state(v->upload) != UPLOAD_RUNNING)
                return g_strdup("");

        sent = upload_sent(v->upload);
        size = upload_size(v->upload);
        elapsed = (uint64_t) MAX(g_get_monotonic_time() - v->began, 1);
        rate = (uint64_t) ((double) sent * USEC_PER_SEC / (double) elapsed);
        sent_text = format_bytes(sent);
        rate_text = format_bytes(rate);
        if (size == 0)
                return g_strdup_printf("%s  %s/s", sent_text, rate_text);

        size_text = format_bytes(size);
        left = rate > 0 && sent < size ? format_duration(((size - sent) / rate + 1) * USEC_PER_SEC)
                                       : g_strdup("-");
        return g_strdup_printf("%s of %s  %s/s  %s left", sent_text, size_text, rate_text, left);
}

static double fraction_of(const JobView *v, GVariant *properties) {
        double progress = props_double(properties, "Progress", -1);

        if (progress < 0 && v->upload && upload_size(v->upload) > 0 &&
                upload_state(v->upload) == UPLOAD_RUNNING)
                return (double) upload_sent(v->upload) / (double) upload_size(v->upload);

        return progress;
}

static char *subject_of(GVariant *properties) {
        const char *subject = props_string(properties, "Subject");

        return text_safe(*subject ? subject : props_string(properties, "Kind"), -1, TEXT_ONE_LINE);
}

static char *message_of(GVariant *properties) {
        const char *message = props_string(properties, "Message"),
                   *state = props_string(properties, "State");

        if (!*message && g_str_equal(state, "queued"))
                message = "waits for its turn";

        return text_safe(*message ? message : state, -1, TEXT_ONE_LINE);
}

static void show_one(JobView *v) {
        GVariant *properties = job_watch_properties(watch_at(v, 0));
        g_autofree char *subject = NULL, *message = NULL, *label = NULL, *details = NULL, *line = NULL;
        unsigned columns = terminal_columns(&v->cli->err);

        if (!properties || job_watch_ended(watch_at(v, 0)))
                return;

        subject = subject_of(properties);
        message = message_of(properties);
        label = g_strdup_printf("%s: %s", subject, message);
        details = upload_details(v);
        line = progress_bar(columns - MIN(columns, 2), label, fraction_of(v, properties), details);
        progress_show(v->progress, &(const ProgressLine){ line, STYLE_NONE }, 1);
}

static const char *state_of(const JobWatch *watch) {
        GVariant *properties = job_watch_properties(watch);

        if (job_watch_error(watch))
                return "unknown";

        return properties ? props_string(properties, "State") : "asked for";
}

/* "[====>     ]  45%", " 45%", or a word. */
static char *state_field(const JobWatch *watch, gboolean wide) {
        GVariant *properties = job_watch_properties(watch);
        double fraction = properties ? props_double(properties, "Progress", -1) : -1;
        char bar[BAR + 1];
        unsigned filled;

        if (fraction < 0 || !g_str_equal(state_of(watch), "running"))
                return text_pad(
                        state_of(watch), wide ? BAR + strlen("[] 100%") : strlen("cancelled"), FALSE);

        fraction = MIN(fraction, 1.0);
        if (!wide)
                return g_strdup_printf("%8u%%", (unsigned) (fraction * 100));

        filled = (unsigned) (fraction * BAR);
        memset(bar, ' ', BAR);
        memset(bar, '=', filled);
        if (filled > 0 && filled < BAR)
                bar[filled - 1] = '>';
        bar[BAR] = 0;
        return g_strdup_printf("[%s] %3u%%", bar, (unsigned) (fraction * 100));
}

static char *elapsed(GVariant *properties) {
        uint64_t started = props_uint(properties, "Started"), finished = props_uint(properties, "Finished"),
                 end = finished > 0 ? finished : (uint64_t) g_get_real_time();

        return started == 0 ? g_strdup("") : format_clock(end > started ? end - started : 0);
}

/* "l4d2        [====>     ]  45%   1:07  downloading for linux". */
static ProgressLine line_of(const JobView *v, const JobWatch *watch, unsigned names) {
        GVariant *properties = job_watch_properties(watch);
        gboolean wide = terminal_columns(&v->cli->err) >= WIDE;
        g_autofree char *subject = properties ? subject_of(properties) : g_strdup("?"), *cut = NULL,
                        *name = NULL, *state = state_field(watch, wide),
                        *clock = properties ? elapsed(properties) : g_strdup(""), *time = NULL,
                        *message = properties ? message_of(properties) : g_strdup("");

        cut = text_ellipsize(subject, names, terminal_ellipsis(&v->cli->err));
        name = text_pad(cut, names, FALSE);
        time = text_pad(clock, strlen(wide ? "1:02:03" : "12:34"), TRUE);
        return (ProgressLine){
                g_strdup_printf("%s  %s  %s  %s", name, state, time, message),
                style_of_job(state_of(watch)),
        };
}

static unsigned name_columns(const JobView *v) {
        unsigned columns = terminal_columns(&v->cli->err),
                 most = columns >= WIDE ? columns / 3 : columns / 4, names = 1;

        for (guint i = 0; i < v->entries->len; i++) {
                GVariant *properties = job_watch_properties(watch_at(v, i));
                g_autofree char *subject = properties ? subject_of(properties) : NULL;

                names = MAX(names, subject ? text_width(subject) : 0);
        }

        return CLAMP(names, 1, MAX(most, 1));
}

/* What is at work is worth a line before what has failed, what waits, and what is well. */
static void choose(const JobView *v, gboolean *chosen, unsigned room) {
        static const char *const order[] = { "running", "failed", "unknown", "queued", "asked for",
                "cancelled", "succeeded" };

        for (unsigned o = 0; o < G_N_ELEMENTS(order); o++)
                for (guint i = 0; i < v->entries->len && room > 0; i++)
                        if (g_str_equal(state_of(watch_at(v, i)), order[o])) {
                                chosen[i] = TRUE;
                                room--;
                        }
}

static char *rest_line(const JobView *v, const gboolean *chosen) {
        unsigned rest = 0, ended = 0;

        for (guint i = 0; i < v->entries->len; i++)
                if (!chosen[i]) {
                        rest++;
                        ended += job_watch_ended(watch_at(v, i));
                }

        return g_strdup_printf("and %u more, %u of them ended", rest, ended);
}

static void clear_line(gpointer data) {
        ProgressLine *line = data;

        g_free(line->text);
}

/* A line of each; where there are not so many rows, of some, and one on the rest. */
static GArray *make_lines(const JobView *v, unsigned rows) {
        GArray *lines = g_array_new(FALSE, FALSE, sizeof(ProgressLine));
        g_autofree gboolean *chosen = g_new0(gboolean, v->entries->len);
        gboolean all = v->entries->len <= rows;
        unsigned names = name_columns(v);
        ProgressLine line;

        g_array_set_clear_func(lines, clear_line);
        choose(v, chosen, all ? v->entries->len : rows - 1);
        for (guint i = 0; i < v->entries->len; i++)
                if (chosen[i]) {
                        line = line_of(v, watch_at(v, i), names);
                        g_array_append_val(lines, line);
                }

        if (!all) {
                line = (ProgressLine){ rest_line(v, chosen), STYLE_DIM };
                g_array_append_val(lines, line);
        }

        return lines;
}

/* What has been asked for is known in no time: lines without names would only flash. */
static gboolean all_known(const JobView *v) {
        for (guint i = 0; i < v->entries->len; i++)
                if (!job_watch_properties(watch_at(v, i)) && !job_watch_error(watch_at(v, i)))
                        return FALSE;

        return TRUE;
}

static void show_several(JobView *v) {
        unsigned rows = terminal_rows(&v->cli->err);
        g_autoptr(GArray) lines = make_lines(v, MAX(rows, 3) - 1);

        progress_show(v->progress, (const ProgressLine *) (gpointer) lines->data, lines->len);
}

/* What it does is the same as long as only figures change, and what follows a colon. */
static char *phase_of(GVariant *properties) {
        g_autofree char *message = message_of(properties);

        message[strcspn(message, ":0123456789")] = 0;
        return g_steal_pointer(&message);
}

static void tell_phase(JobView *v, Entry *e) {
        GVariant *properties = job_watch_properties(e->watch);
        gint64 now = g_get_monotonic_time();
        g_autofree char *phase = NULL, *subject = NULL, *message = NULL;

        /* That it runs is told before what it does. */
        if (!properties || job_watch_ended(e->watch) || !job_builds(properties) ||
                (*props_string(properties, "Message") == 0 && g_str_equal(state_of(e->watch), "running")))
                return;

        phase = phase_of(properties);
        if (g_strcmp0(phase, e->phase) == 0 || (e->told >= PHASES_MAX && now < e->when + PHASE_USEC))
                return;

        subject = subject_of(properties);
        message = message_of(properties);
        terminal_printf(&v->cli->err, "%s: %s\n", subject, message);
        fflush(v->cli->err.file);

        g_free(e->phase);
        e->phase = g_steal_pointer(&phase);
        e->told++;
        e->when = now;
}

void job_view_show(JobView *v) {
        if (v->entries->len == 0)
                return;

        if (progress_active(v->progress) && v->entries->len == 1)
                show_one(v);
        else if (progress_active(v->progress) && all_known(v))
                show_several(v);
        else if (progress_active(v->progress))
                return;
        else if (!v->cli->quiet && !v->cli->json)
                for (guint i = 0; i < v->entries->len; i++)
                        tell_phase(v, &g_array_index(v->entries, Entry, i));
}

/* Before anything else is printed. */
void job_view_clear(JobView *v) {
        progress_clear(v->progress);
}

/* The wait is over. Of several jobs the lines stay where they are. */
void job_view_end(JobView *v) {
        g_autoptr(GArray) lines = NULL;

        if (!job_view_has_outcomes(v)) {
                progress_clear(v->progress);
                return;
        }

        lines = make_lines(v, v->entries->len);
        progress_end(v->progress, (const ProgressLine *) (gpointer) lines->data, lines->len);
}
