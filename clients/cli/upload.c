/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

#include "common/io.h"
#include "upload.h"

#define BUFFER_SIZE (256 * 1024)

struct Upload {
        int source, pipe;
        uint64_t size, sent;
        UploadState state;
        int error;
        guint watch; /* on the source while the buffer is empty, else on the pipe */
        size_t begin, end;
        UploadCallback ended;
        gpointer userdata;
        unsigned char buffer[BUFFER_SIZE];
};

static void upload_end(Upload *u, UploadState state, int error) {
        if (u->state != UPLOAD_RUNNING)
                return;

        u->state = state;
        u->error = error;
        if (u->watch)
                g_source_remove(u->watch);
        u->watch = 0;

        /*
         * The end of the archive is told by closing the pipe; when reading failed it must not look like
         * one before the job is cancelled.
         */
        if (state != UPLOAD_READ_FAILED && state != UPLOAD_STOPPED) {
                (void) close(u->pipe);
                u->pipe = -1;
        }

        u->ended(u, u->userdata);
}

static gboolean on_writable(int fd, GIOCondition condition, gpointer userdata);

static gboolean on_readable(int fd, GIOCondition condition, gpointer userdata) {
        Upload *u = userdata;
        ssize_t n;

        n = read(u->source, u->buffer, BUFFER_SIZE);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return G_SOURCE_CONTINUE;

        u->watch = 0;
        if (n < 0)
                upload_end(u, UPLOAD_READ_FAILED, errno);
        else if (n == 0)
                upload_end(u, UPLOAD_COMPLETE, 0);
        else {
                u->begin = 0;
                u->end = (size_t) n;
                u->watch = g_unix_fd_add(u->pipe, G_IO_OUT, on_writable, u);
        }

        return G_SOURCE_REMOVE;
}

static gboolean on_writable(int fd, GIOCondition condition, gpointer userdata) {
        Upload *u = userdata;
        ssize_t n;

        n = write(u->pipe, u->buffer + u->begin, u->end - u->begin);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return G_SOURCE_CONTINUE;

        if (n < 0) {
                u->watch = 0;
                upload_end(u, UPLOAD_REFUSED, errno);
                return G_SOURCE_REMOVE;
        }

        u->begin += (size_t) n;
        u->sent += (uint64_t) n;
        if (u->begin < u->end)
                return G_SOURCE_CONTINUE;

        u->watch = g_unix_fd_add(u->source, G_IO_IN, on_readable, u);
        return G_SOURCE_REMOVE;
}

/* Takes the pipe; the source stays the caller's. Size 0: not known. */
Upload *upload_new(int source, int pipe, uint64_t size, UploadCallback ended, gpointer userdata) {
        Upload *u = g_new0(Upload, 1);

        /* A job that ends closes the other end; that is an answer, no reason to die. */
        (void) signal(SIGPIPE, SIG_IGN);

        u->source = source;
        u->pipe = pipe;
        u->size = size;
        u->ended = ended;
        u->userdata = userdata;
        (void) g_unix_set_fd_nonblocking(pipe, TRUE, NULL);
        u->watch = g_unix_fd_add(source, G_IO_IN, on_readable, u);
        return u;
}

Upload *upload_free(Upload *u) {
        if (!u)
                return NULL;

        if (u->watch)
                g_source_remove(u->watch);
        if (u->pipe >= 0)
                (void) close(u->pipe);
        g_free(u);
        return NULL;
}

UploadState upload_state(const Upload *u) {
        return u->state;
}

uint64_t upload_sent(const Upload *u) {
        return u->sent;
}

uint64_t upload_size(const Upload *u) {
        return u->size;
}

/* The errno of what failed. */
int upload_error(const Upload *u) {
        return u->error;
}

/* Sends no more, but leaves the pipe open, so that what arrived does not pass for everything. */
void upload_stop(Upload *u) {
        upload_end(u, UPLOAD_STOPPED, 0);
}

/*
 * The rest of the upload, in a process of its own, from standard input to standard output. After a fork
 * beside other threads only system calls are safe, and they suffice. Everything else is closed: a bus
 * connection that nobody reads would fill up.
 */
static void G_GNUC_NORETURN copy_rest(Upload *u) {
        int null = open("/dev/null", O_RDWR);
        ssize_t n;

        (void) setsid();
        if (fcntl(u->pipe, F_SETFL, 0) < 0 || dup2(u->source, STDIN_FILENO) < 0 ||
                dup2(u->pipe, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
                close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
                _exit(1);

        if (write_all(STDOUT_FILENO, u->buffer + u->begin, u->end - u->begin) < 0)
                _exit(1);

        for (;;) {
                n = read(STDIN_FILENO, u->buffer, BUFFER_SIZE);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0 || write_all(STDOUT_FILENO, u->buffer, (size_t) n) < 0)
                        _exit(n == 0 ? 0 : 1);
        }
}

/* Goes on without this process and this terminal. Our end of the pipe is closed then. */
gboolean upload_hand_over(Upload *u) {
        pid_t pid;

        if (u->state != UPLOAD_RUNNING)
                return TRUE;

        /* When we end first, the kernel hangs up on all who still belong to our terminal. */
        (void) signal(SIGHUP, SIG_IGN);

        pid = fork();
        if (pid < 0)
                return FALSE;
        if (pid == 0)
                copy_rest(u);

        upload_end(u, UPLOAD_COMPLETE, 0);
        return TRUE;
}
