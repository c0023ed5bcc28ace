/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ctrl-C does not just end this program: jobs live in the service, so it asks what is to become of them. */

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>

#include "ask.h"
#include "dbus/names.h"
#include "follow.h"
#include "format.h"
#include "joblog.h"
#include "jobwatch.h"
#include "json.h"
#include "progress.h"
#include "props.h"
#include "text.h"
#include "upload.h"

typedef struct {
        JobWatch *watch;
        char *success; /* to be said when it has succeeded, or NULL */
        gboolean told;
} Job;

struct Follow {
        Cli *cli;
        GMainLoop *loop;
        GPtrArray *jobs;
        Progress *progress;
        Upload *upload;
        JobLog *log;
        gint64 began;
        Ask *ask;
        GCancellable *cancellable; /* of the calls of Cancel */
        gboolean detach;           /* the upload, if there is one, is all there is to wait for */
        gboolean left;             /* the jobs go on without us */
        gboolean cancelling;
        gboolean only_watch; /* they are not ours to cancel */
        int code;
};

static void job_free(gpointer data) {
        Job *job = data;

        job_watch_free(job->watch);
        g_free(job->success);
        g_free(job);
}

static unsigned jobs_open(const Follow *f) {
        unsigned n = 0;
        guint i;

        for (i = 0; i < f->jobs->len; i++) {
                const Job *job = g_ptr_array_index(f->jobs, i);

                n += !job_watch_ended(job->watch);
        }

        return n;
}

/* What is left to itself is known by then, and has all that it needs of us. */
static gboolean may_leave(const Follow *f) {
        guint i;

        for (i = 0; i < f->jobs->len; i++) {
                const Job *job = g_ptr_array_index(f->jobs, i);

                if (!job_watch_properties(job->watch) && !job_watch_error(job->watch))
                        return FALSE;
        }

        return !f->upload || upload_state(f->upload) == UPLOAD_COMPLETE;
}

static void check_done(Follow *f) {
        if (f->detach && may_leave(f))
                f->left = TRUE;

        if (f->left || jobs_open(f) == 0)
                g_main_loop_quit(f->loop);
}

/* "1.1G of 2.4G  120.0M/s  8s left". */
static char *upload_details(const Follow *f) {
        uint64_t sent, size, elapsed, rate;
        g_autofree char *sent_text = NULL, *size_text = NULL, *rate_text = NULL, *left = NULL;

        if (!f->upload || upload_state(f->upload) != UPLOAD_RUNNING)
                return g_strdup("");

        sent = upload_sent(f->upload);
        size = upload_size(f->upload);
        elapsed = (uint64_t) MAX(g_get_monotonic_time() - f->began, 1);
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

static double job_fraction(const Follow *f, GVariant *properties) {
        double progress = props_double(properties, "Progress", -1);

        if (progress < 0 && f->upload && upload_size(f->upload) > 0 &&
                upload_state(f->upload) == UPLOAD_RUNNING)
                return (double) upload_sent(f->upload) / (double) upload_size(f->upload);

        return progress;
}

/* The first job that is not over yet, and how many others there are. */
static void show_progress(Follow *f) {
        g_autofree char *label = NULL, *safe = NULL, *details = NULL, *line = NULL;
        GVariant *properties = NULL;
        const char *message;
        guint i;

        if (f->ask)
                return;

        for (i = 0; i < f->jobs->len && !properties; i++) {
                const Job *job = g_ptr_array_index(f->jobs, i);

                if (!job_watch_ended(job->watch))
                        properties = job_watch_properties(job->watch);
        }
        if (!properties)
                return;

        message = props_string(properties, "Message");
        label = g_strdup_printf("%s: %s", props_string(properties, "Subject"),
                *message ? message : props_string(properties, "State"));
        safe = text_safe(label, -1, TEXT_ONE_LINE);
        details = jobs_open(f) > 1 ? g_strdup_printf("and %u more", jobs_open(f) - 1) : upload_details(f);
        line = progress_bar(terminal_columns(&f->cli->err), safe, job_fraction(f, properties), details);
        progress_show(f->progress, line);
}

static gboolean on_tick(gpointer userdata) {
        show_progress(userdata);
        return G_SOURCE_CONTINUE;
}

static void tell_end(Follow *f, Job *job) {
        GVariant *properties = job_watch_properties(job->watch);
        const char *number = job_watch_number(job->watch);
        g_autofree char *title = NULL;

        job->told = TRUE;
        progress_clear(f->progress);

        if (job_watch_error(job->watch)) {
                f->code = cli_error_about(f->cli, job_watch_error(job->watch), LEFT4ME_JOB_PREFIX, number);
                return;
        }

        title = job_title(properties);
        if (g_str_equal(props_string(properties, "State"), "succeeded")) {
                if (job->success && !f->cli->quiet && !f->cli->json) {
                        terminal_printf(&f->cli->out, "%s\n", job->success);
                        fflush(f->cli->out.file);
                }
        } else if (g_str_equal(props_string(properties, "State"), "cancelled")) {
                cli_remember_error(f->cli, LEFT4ME_ERROR_CANCELLED, title);
                cli_complain(f->cli, "%s was cancelled", title);
                if (f->code == EXIT_OK)
                        f->code = f->cancelling ? EXIT_INTERRUPTED : EXIT_FAILED;
        } else {
                cli_remember_error(f->cli, LEFT4ME_ERROR_JOB_FAILED, props_string(properties, "Message"));
                cli_complain(f->cli, "%s failed: %s", title, props_string(properties, "Message"));
                cli_hint(f->cli, "left4mectl job logs %s shows more", number);
                f->code = EXIT_FAILED;
        }
}

static void on_job_changed(JobWatch *watch, gpointer userdata) {
        Follow *f = userdata;
        guint i;

        for (i = 0; i < f->jobs->len; i++) {
                Job *job = g_ptr_array_index(f->jobs, i);

                if (job->watch != watch || !job_watch_ended(watch) || job->told)
                        continue;
                if (f->ask) {
                        f->ask = ask_free(f->ask);
                        fputc('\n', f->cli->err.file);
                }
                tell_end(f, job);
        }

        show_progress(f);
        check_done(f);
}

static void on_cancelled(GObject *bus, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;
        Follow *f = userdata;

        reply = client_call_finish(bus, result, &error);
        if (reply || g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return;

        /* Busy: past the point of no return. The job itself tells how it ends. */
        progress_clear(f->progress);
        (void) cli_error(f->cli, error);
}

static void cancel_jobs(Follow *f) {
        guint i;

        f->cancelling = TRUE;
        if (f->upload)
                upload_stop(f->upload);

        for (i = 0; i < f->jobs->len; i++) {
                const Job *job = g_ptr_array_index(f->jobs, i);
                const ClientCall call = {
                        .path = job_watch_path(job->watch),
                        .interface = LEFT4ME_JOB_INTERFACE,
                        .method = "Cancel",
                        .interactive = !f->cli->no_ask_password,
                        .cancellable = f->cancellable,
                };

                if (!job_watch_ended(job->watch))
                        client_call_async(f->cli->client, &call, on_cancelled, f);
        }
}

static void leave_jobs(Follow *f) {
        if (f->upload && !upload_hand_over(f->upload)) {
                cli_complain(f->cli, "cannot go on in the background: %s", g_strerror(errno));
                return;
        }

        f->left = TRUE;
        check_done(f);
}

static void ask_what_now(Follow *f);

static void on_answer(const char *answer, gpointer userdata) {
        Follow *f = userdata;

        f->ask = ask_free(f->ask);

        if (!answer || g_ascii_tolower(*answer) == 'c')
                cancel_jobs(f);
        else if (g_ascii_tolower(*answer) == 'd')
                leave_jobs(f);
        else if (*answer && g_ascii_tolower(*answer) != 'w')
                ask_what_now(f);
        else
                show_progress(f);
}

static void ask_what_now(Follow *f) {
        progress_clear(f->progress);
        f->ask = ask_new(
                f->cli, "\nInterrupted: [c]ancel, [d]etach and let it go on, or [w]ait?", on_answer, f);
}

/* The first time there is a choice, the second time it is cancelled, the third time it is left as it is. */
static gboolean on_interrupt(gpointer userdata) {
        Follow *f = userdata;

        if (f->cancelling || f->only_watch) {
                f->code = EXIT_INTERRUPTED;
                g_main_loop_quit(f->loop);
        } else if (f->ask || !ask_possible(f->cli)) {
                f->ask = ask_free(f->ask);
                cancel_jobs(f);
        } else
                ask_what_now(f);

        return G_SOURCE_CONTINUE;
}

static gboolean on_terminate(gpointer userdata) {
        Follow *f = userdata;

        if (f->only_watch)
                return on_interrupt(f);
        if (!f->cancelling)
                cancel_jobs(f);

        return G_SOURCE_CONTINUE;
}

static void on_upload_ended(Upload *upload, gpointer userdata) {
        Follow *f = userdata;

        if (upload_state(upload) == UPLOAD_READ_FAILED) {
                progress_clear(f->progress);
                f->code = cli_failed(f->cli, EXIT_FAILED, "cannot read the archive: %s",
                        g_strerror(upload_error(upload)));
                cancel_jobs(f);
        }

        check_done(f);
}

Follow *follow_new(Cli *cli) {
        Follow *f = g_new0(Follow, 1);

        f->cli = cli;
        f->loop = g_main_loop_new(NULL, FALSE);
        f->jobs = g_ptr_array_new_with_free_func(job_free);
        f->progress = progress_new(cli);
        f->cancellable = g_cancellable_new();
        return f;
}

Follow *follow_free(Follow *f) {
        if (!f)
                return NULL;

        g_cancellable_cancel(f->cancellable);
        g_object_unref(f->cancellable);
        ask_free(f->ask);
        upload_free(f->upload);
        job_log_free(f->log);
        progress_free(f->progress);
        g_ptr_array_unref(f->jobs);
        g_main_loop_unref(f->loop);
        g_free(f);
        return NULL;
}

void follow_add(Follow *f, const char *path, const char *success) {
        Job *job = g_new0(Job, 1);

        job->success = g_strdup(success);
        job->watch = job_watch_new(f->cli, path, on_job_changed, f);
        g_ptr_array_add(f->jobs, job);
}

/* What the (only) job waits for. With detach the wait is over when all of it is sent. Takes the pipe. */
void follow_upload(Follow *f, int source, int pipe, uint64_t size, gboolean detach) {
        f->detach = detach;
        f->upload = upload_new(source, pipe, size, on_upload_ended, f);
}

void follow_detach(Follow *f) {
        f->detach = TRUE;
}

/* Somebody else began these jobs: an interrupt ends the wait, and no job. */
void follow_only_watch(Follow *f) {
        f->only_watch = TRUE;
}

/* Above the bar, for whoever looks on. */
static void on_said(const char *line, gpointer userdata) {
        Follow *f = userdata;
        g_autofree char *safe = text_safe(line, -1, TEXT_ONE_LINE);

        if (f->ask)
                return;

        progress_clear(f->progress);
        terminal_put(&f->cli->err, STYLE_DIM, safe);
        fputc('\n', f->cli->err.file);
        show_progress(f);
}

/* Returns EXIT_OK when all jobs have succeeded, or are left to themselves. */
int follow_run(Follow *f) {
        guint sources[3];
        unsigned i;

        f->began = g_get_monotonic_time();
        sources[0] = g_unix_signal_add(SIGINT, on_interrupt, f);
        sources[1] = g_unix_signal_add(SIGTERM, on_terminate, f);
        sources[2] = g_timeout_add(100, on_tick, f);

        if (f->jobs->len == 1 && f->cli->err.tty && !f->cli->quiet && !f->cli->json)
                f->log = job_log_new(f->cli,
                        job_watch_path(((const Job *) g_ptr_array_index(f->jobs, 0))->watch), on_said, f);
        if (jobs_open(f) > 0)
                g_main_loop_run(f->loop);

        for (i = 0; i < G_N_ELEMENTS(sources); i++)
                g_source_remove(sources[i]);

        progress_clear(f->progress);
        return f->code;
}

/* Somebody chose, here or on the command line, not to wait for the end. */
gboolean follow_left(const Follow *f) {
        return f->left;
}

void follow_print_jobs(const Follow *f) {
        for (guint i = 0; i < f->jobs->len; i++) {
                const Job *job = g_ptr_array_index(f->jobs, i);

                terminal_printf(&f->cli->out, "job %s\n", job_watch_number(job->watch));
        }
}

/* The jobs as they are now: as an array, or the only one. */
void follow_print_json(const Follow *f, gboolean array) {
        JsonArray *jobs = json_array_new();
        guint i;

        for (i = 0; i < f->jobs->len; i++) {
                const Job *job = g_ptr_array_index(f->jobs, i);
                GVariant *properties = job_watch_properties(job->watch);
                JsonObject *object = properties ? json_from_dictionary(properties) : json_object_new();

                json_object_set_int_member(
                        object, "job", g_ascii_strtoll(job_watch_number(job->watch), NULL, 10));
                json_array_add_object_element(jobs, object);
        }

        json_print(f->cli, array ? json_node_array(jobs) : json_array_dup_element(jobs, 0));
        if (!array)
                json_array_unref(jobs);
}
