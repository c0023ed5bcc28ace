/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ctrl-C does not just end this program: jobs live in the service, so it asks what is to become of them. */

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>

#include "ask.h"
#include "dbus/names.h"
#include "follow.h"
#include "joblog.h"
#include "jobview.h"
#include "json.h"
#include "props.h"
#include "text.h"
#include "upload.h"

typedef struct {
        JobWatch *watch;
        char *success;    /* to be said when it has succeeded, or NULL */
        gboolean outcome; /* its own words are to be said then */
        gboolean told;
} Job;

struct Follow {
        Cli *cli;
        GMainLoop *loop;
        GPtrArray *jobs;
        JobView *view;
        Upload *upload;
        JobLog *log;
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

/* Who only begins jobs wants no word of how they get on. */
static gboolean looks_on(const Follow *f) {
        return !f->detach || f->upload;
}

static void show(Follow *f) {
        if (!f->ask && looks_on(f))
                job_view_show(f->view);
}

static gboolean on_tick(gpointer userdata) {
        show(userdata);
        return G_SOURCE_CONTINUE;
}

static void tell_success(Follow *f, const Job *job, GVariant *properties) {
        const char *message = props_string(properties, "Message");

        /* The line of the job says it too. */
        if (f->cli->quiet || f->cli->json || (job_view_has_outcomes(f->view) && f->cli->out.tty))
                return;

        if (job->success)
                terminal_printf(&f->cli->out, "%s\n", job->success);
        else if (job->outcome)
                terminal_printf(&f->cli->out, "%s: %s\n", props_string(properties, "Subject"),
                        *message ? message : "done");
        fflush(f->cli->out.file);
}

static void tell_failure(Follow *f, const Job *job, GVariant *properties) {
        const char *number = job_watch_number(job->watch), *message = props_string(properties, "Message");
        g_autofree char *title = job_title(properties);

        if (g_str_equal(props_string(properties, "State"), "cancelled")) {
                cli_remember_error(f->cli, LEFT4ME_ERROR_CANCELLED, title);
                cli_complain(f->cli, "%s was cancelled", title);
                if (f->code == EXIT_OK)
                        f->code = f->cancelling ? EXIT_INTERRUPTED : EXIT_FAILED;
        } else {
                cli_remember_error(f->cli, LEFT4ME_ERROR_JOB_FAILED, message);
                cli_complain(f->cli, "%s failed: %s", title, message);
                cli_hint(f->cli, "left4mectl job logs %s shows more", number);
                f->code = EXIT_FAILED;
        }
}

static void tell_end(Follow *f, Job *job) {
        GVariant *properties = job_watch_properties(job->watch);

        job->told = TRUE;
        if (job_watch_error(job->watch))
                f->code = cli_error_about(f->cli, job_watch_error(job->watch), LEFT4ME_JOB_PREFIX,
                        job_watch_number(job->watch));
        else if (g_str_equal(props_string(properties, "State"), "succeeded"))
                tell_success(f, job, properties);
        else
                tell_failure(f, job, properties);
}

/* Where each job has its line, there is time for the whole story when all have ended. */
static void on_job_changed(JobWatch *watch, gpointer userdata) {
        Follow *f = userdata;
        guint i;

        for (i = 0; i < f->jobs->len && !job_view_has_outcomes(f->view); i++) {
                Job *job = g_ptr_array_index(f->jobs, i);

                if (job->watch != watch || !job_watch_ended(watch) || job->told)
                        continue;
                if (f->ask) {
                        f->ask = ask_free(f->ask);
                        fputc('\n', f->cli->err.file);
                }
                job_view_clear(f->view);
                tell_end(f, job);
        }

        show(f);
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
        job_view_clear(f->view);
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
                show(f);
}

static void ask_what_now(Follow *f) {
        job_view_clear(f->view);
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
                job_view_clear(f->view);
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
        f->view = job_view_new(cli);
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
        job_view_free(f->view);
        g_ptr_array_unref(f->jobs);
        g_main_loop_unref(f->loop);
        g_free(f);
        return NULL;
}

static Job *add_job(Follow *f, const char *path) {
        Job *job = g_new0(Job, 1);

        job->watch = job_watch_new(f->cli, path, on_job_changed, f);
        g_ptr_array_add(f->jobs, job);
        job_view_add(f->view, job->watch);
        return job;
}

/* success NULL: it is the caller's to tell. */
void follow_add(Follow *f, const char *path, const char *success) {
        Job *job = add_job(f, path);

        job->success = g_strdup(success);
}

void follow_add_build(Follow *f, const char *path) {
        Job *job = add_job(f, path);

        job->outcome = TRUE;
}

/* What the (only) job waits for. With detach the wait is over when all of it is sent. Takes the pipe. */
void follow_upload(Follow *f, int source, int pipe, uint64_t size, gboolean detach) {
        f->detach = detach;
        f->upload = upload_new(source, pipe, size, on_upload_ended, f);
        job_view_set_upload(f->view, f->upload);
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

        job_view_clear(f->view);
        terminal_put(&f->cli->err, STYLE_DIM, safe);
        fputc('\n', f->cli->err.file);
        show(f);
}

/* "job wait 3 4" brings back whoever has left. */
static void tell_rest(Follow *f) {
        g_autoptr(GString) numbers = g_string_new(NULL);
        guint i;

        for (i = 0; i < f->jobs->len; i++) {
                const Job *job = g_ptr_array_index(f->jobs, i);

                if (!job_watch_ended(job->watch))
                        g_string_append_printf(numbers, " %s", job_watch_number(job->watch));
        }

        if (numbers->len > 0 && !f->cli->quiet)
                cli_hint(f->cli, "what has not ended goes on; left4mectl job wait%s waits for it",
                        numbers->str);
}

/* Returns EXIT_OK when all jobs have succeeded, or are left to themselves. */
int follow_run(Follow *f) {
        guint sources[3];
        unsigned i;

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

        /* A question that the last end has answered has the line in which it stands. */
        if (f->ask)
                fputc('\n', f->cli->err.file);
        if (looks_on(f))
                job_view_end(f->view);
        for (i = 0; i < f->jobs->len; i++) {
                Job *job = g_ptr_array_index(f->jobs, i);

                if (job_watch_ended(job->watch) && !job->told)
                        tell_end(f, job);
        }
        if (looks_on(f) && (job_view_has_outcomes(f->view) || f->only_watch))
                tell_rest(f);

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
