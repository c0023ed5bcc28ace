/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "dbus/names.h"
#include "joblog.h"

/* What is longer is shown in pieces. */
#define LINE_SIZE 4096

struct JobLog {
        JobLogCallback said;
        gpointer userdata;
        GCancellable *cancellable;
        int fd;
        guint watch;
        size_t have;
        char buffer[LINE_SIZE + 1];
};

/* "TIME PRIORITY IDENTIFIER MESSAGE"; progress and the end are shown in another way, and how systemd runs its units is of no interest. */
static void tell(JobLog *log, const char *line) {
        g_auto(GStrv) words = g_strsplit(line, " ", 4);

        if (g_strv_length(words) == 4 && *words[3] != 0 && !g_str_equal(words[2], "left4med") &&
                !g_str_equal(words[2], "systemd") && !g_str_has_prefix(words[3], "@progress "))
                log->said(words[3], log->userdata);
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer userdata) {
        JobLog *log = userdata;
        char *line = log->buffer, *feed;
        ssize_t n;

        n = read(fd, log->buffer + log->have, LINE_SIZE - log->have);
        if (n <= 0) {
                log->watch = 0;
                return G_SOURCE_REMOVE;
        }

        log->have += (size_t) n;
        log->buffer[log->have] = 0;
        while ((feed = strchr(line, '\n'))) {
                *feed = 0;
                tell(log, line);
                line = feed + 1;
        }

        log->have -= (size_t) (line - log->buffer);
        memmove(log->buffer, line, log->have + 1);
        if (log->have == LINE_SIZE) {
                tell(log, log->buffer);
                log->have = 0;
        }

        return G_SOURCE_CONTINUE;
}

static void on_opened(GObject *bus, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GUnixFDList) fds = NULL;
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        JobLog *log = userdata;
        gint32 handle = -1;

        reply = g_dbus_connection_call_with_unix_fd_list_finish(
                G_DBUS_CONNECTION(bus), &fds, result, &error);
        if (!reply || !fds)
                return; /* the log is gone, or nobody's business */

        g_variant_get(reply, "(h)", &handle);
        if (handle < 0 || handle >= g_unix_fd_list_get_length(fds))
                return;

        log->fd = g_unix_fd_list_get(fds, handle, NULL);
        if (log->fd >= 0)
                log->watch = g_unix_fd_add(log->fd, G_IO_IN | G_IO_HUP, on_readable, log);
}

JobLog *job_log_new(Cli *cli, const char *path, JobLogCallback said, gpointer userdata) {
        JobLog *log = g_new(JobLog, 1);

        *log = (JobLog){ .said = said, .userdata = userdata, .cancellable = g_cancellable_new(), .fd = -1 };
        g_dbus_connection_call_with_unix_fd_list(client_bus(cli->client), LEFT4ME_BUS_NAME, path,
                LEFT4ME_JOB_INTERFACE, "OpenLog",
                g_variant_new_parsed("({'Follow': <true>, 'Lines': <@u 10>},)"), G_VARIANT_TYPE("(h)"),
                G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, log->cancellable, on_opened, log);
        return log;
}

JobLog *job_log_free(JobLog *log) {
        if (!log)
                return NULL;

        g_cancellable_cancel(log->cancellable);
        g_object_unref(log->cancellable);
        if (log->watch)
                g_source_remove(log->watch);
        if (log->fd >= 0)
                (void) close(log->fd);
        g_free(log);
        return NULL;
}
