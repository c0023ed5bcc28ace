/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <glib-unix.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

/* No test waits for a time; this ends one that waits for what never comes. */
#define TIMEOUT_SECONDS 50

/* For the message of a test that waits in vain. */
static Run *latest;

typedef struct {
        Run *run;
        GString *text;
} Output;

static gboolean on_output(int fd, GIOCondition condition, gpointer userdata) {
        Output *o = userdata;
        char buffer[4096];
        ssize_t n;

        n = read(fd, buffer, sizeof(buffer));
        if (n > 0) {
                g_string_append_len(o->text, buffer, n);
                return G_SOURCE_CONTINUE;
        }

        /* A terminal whose last user has gone gives EIO. */
        o->run->open--;
        if (fd != o->run->in)
                (void) close(fd);
        g_free(o);
        return G_SOURCE_REMOVE;
}

static void watch_output(Run *r, int fd, GString *text) {
        Output *o = g_new(Output, 1);

        *o = (Output){ r, text };
        r->open++;
        (void) g_unix_fd_add(fd, G_IO_IN | G_IO_HUP, on_output, o);
}

static void on_exit_status(GPid pid, int status, gpointer userdata) {
        Run *r = userdata;

        r->exited = TRUE;
        r->status = status;
}

static void setup_pipes(gpointer userdata) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (GPOINTER_TO_UINT(userdata) & RUN_NOBODY && setresuid(65534, 65534, 65534) < 0)
                _exit(99);
}

static void setup_terminal(gpointer userdata) {
        (void) setsid();
        (void) ioctl(STDIN_FILENO, TIOCSCTTY, 0);
        setup_pipes(userdata);
}

static char **environment(Fake *f) {
        static const struct {
                const char *name, *value;
        } fixed[] = { { "LC_ALL", "C.UTF-8" }, { "TZ", "UTC" }, { "TERM", "xterm" } };
        char **environment = g_get_environ();
        unsigned i;

        environment = g_environ_setenv(environment, "DBUS_SYSTEM_BUS_ADDRESS", f->address, TRUE);
        for (i = 0; i < G_N_ELEMENTS(fixed); i++)
                environment = g_environ_setenv(environment, fixed[i].name, fixed[i].value, TRUE);

        if (f->locale)
                environment = g_environ_setenv(environment, "LC_ALL", f->locale, TRUE);

        return environment;
}

static char **command_line(const char *const *words) {
        GPtrArray *line = g_ptr_array_new();

        g_ptr_array_add(line, g_strdup(g_getenv("LEFT4MECTL")));
        for (; *words; words++)
                g_ptr_array_add(line, g_strdup(*words));
        g_ptr_array_add(line, NULL);
        return (char **) g_ptr_array_free(line, FALSE);
}

static void spawn(Run *r, char **line, char **env, RunFlags flags) {
        const struct winsize size = { .ws_row = flags & RUN_NARROW ? 4 : 24,
                .ws_col = flags & RUN_NARROW ? 40 : 80 };
        g_autoptr(GError) error = NULL;
        int in[2] = { -1, -1 }, out[2], err[2], master, slave;

        if (flags & RUN_TERMINAL) {
                g_assert_cmpint(openpty(&master, &slave, NULL, NULL, &size), ==, 0);
                (void) fcntl(master, F_SETFD, FD_CLOEXEC);
                (void) g_spawn_async_with_fds(NULL, line, env, G_SPAWN_DO_NOT_REAP_CHILD, setup_terminal,
                        GUINT_TO_POINTER(flags), &r->pid, slave, slave, slave, &error);
                g_assert_no_error(error);
                (void) close(slave);
                r->in = master;
                watch_output(r, master, r->out);
                return;
        }

        g_assert_true(g_unix_open_pipe(out, FD_CLOEXEC, NULL) && g_unix_open_pipe(err, FD_CLOEXEC, NULL));
        if (flags & RUN_STDIN)
                g_assert_true(g_unix_open_pipe(in, FD_CLOEXEC, NULL));
        else
                in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);

        (void) g_spawn_async_with_fds(NULL, line, env, G_SPAWN_DO_NOT_REAP_CHILD, setup_pipes,
                GUINT_TO_POINTER(flags), &r->pid, in[0], out[1], err[1], &error);
        g_assert_no_error(error);
        (void) close(in[0]);
        (void) close(out[1]);
        (void) close(err[1]);
        r->in = in[1];
        watch_output(r, out[0], r->out);
        watch_output(r, err[0], r->err);
}

Run *run_start(Fake *f, RunFlags flags, const char *const *words) {
        g_auto(GStrv) line = command_line(words), env = environment(f);
        Run *r = g_new0(Run, 1);

        r->out = g_string_new(NULL);
        r->err = g_string_new(NULL);
        latest = r;
        spawn(r, line, env, flags);
        (void) g_child_watch_add(r->pid, on_exit_status, r);
        return r;
}

static gboolean G_GNUC_NORETURN on_timeout(gpointer userdata) {
        g_error("nothing happens any more; so far '%s' and '%s'", latest ? latest->out->str : "",
                latest ? latest->err->str : "");
}

void run_loop_until(gboolean (*done)(gconstpointer data), gconstpointer data) {
        guint timeout = g_timeout_add_seconds(TIMEOUT_SECONDS, on_timeout, NULL);

        while (!done(data))
                (void) g_main_context_iteration(NULL, TRUE);

        g_source_remove(timeout);
}

static gboolean has_ended(gconstpointer data) {
        const Run *r = data;

        return r->exited && r->open == 0;
}

void run_wait(Run *r) {
        run_loop_until(has_ended, r);
}

typedef struct {
        const Run *run;
        const char *text;
} Expected;

static gboolean has_said(gconstpointer data) {
        const Expected *e = data;

        if (strstr(e->run->out->str, e->text) || strstr(e->run->err->str, e->text))
                return TRUE;
        if (has_ended(e->run))
                g_error("ended without '%s', with '%s' and '%s'", e->text, e->run->out->str,
                        e->run->err->str);

        return FALSE;
}

/* Until it has put that out, on whichever of the two. */
void run_until(Run *r, const char *text) {
        run_loop_until(has_said, &(const Expected){ r, text });
}

void run_send(Run *r, const char *text) {
        size_t size = strlen(text);

        g_assert_cmpint(write(r->in, text, size), ==, (ssize_t) size);
}

void run_close_input(Run *r) {
        (void) close(r->in);
        r->in = -1;
}

void run_free(Run *r) {
        run_wait(r);
        if (r->in >= 0)
                (void) close(r->in);
        if (r == latest)
                latest = NULL;
        g_string_free(r->out, TRUE);
        g_string_free(r->err, TRUE);
        g_free(r);
}

/* Runs it and expects that exit code. */
Run *run_to_end(Fake *f, RunFlags flags, int code, ...) {
        g_autoptr(GPtrArray) words = g_ptr_array_new();
        va_list list;
        Run *r;

        va_start(list, code);
        do
                g_ptr_array_add(words, va_arg(list, char *));
        while (g_ptr_array_index(words, words->len - 1));
        va_end(list);

        r = run_start(f, flags, (const char *const *) words->pdata);
        run_wait(r);
        if (!WIFEXITED(r->status) || WEXITSTATUS(r->status) != code)
                g_error("exit status %#x, not %d, with '%s' and '%s'", (unsigned) r->status, code,
                        r->out->str, r->err->str);

        return r;
}

void assert_has(const GString *text, const char *part) {
        if (!strstr(text->str, part))
                g_error("'%s' is not in '%s'", part, text->str);
}

void assert_lacks(const GString *text, const char *part) {
        if (strstr(text->str, part))
                g_error("'%s' is in '%s'", part, text->str);
}
