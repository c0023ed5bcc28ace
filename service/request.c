/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/bus-error.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/object.h"
#include "service/request.h"

#define REQUESTS_MAX 1024U

struct Request {
        Manager *manager;
        sd_bus_message *call;
        uid_t uid;
        char *verb;
        char *subject;
};

int request_new(Manager *m, sd_bus_message *call, uid_t uid, const char *verb, const char *subject,
        Request **ret, sd_bus_error *error) {
        Request *q;

        if (m->n_requests >= REQUESTS_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "%u calls wait already. Try again when some have ended.", m->n_requests);

        q = g_new(Request, 1);
        *q = (Request){ .manager = m,
                .call = sd_bus_message_ref(call),
                .uid = uid,
                .verb = g_strdup(verb),
                .subject = g_strdup(subject) };
        m->n_requests++;

        *ret = q;
        return 0;
}

void request_drop(Request *q) {
        if (!q)
                return;

        q->manager->n_requests--;
        sd_bus_message_unref(q->call);
        g_free(q->verb);
        g_free(q->subject);
        g_free(q);
}

static void request_end(Request *q, const char *error_name, const char *error_message) {
        log_change(q->uid, q->verb, q->subject, error_name, error_message);
        request_drop(q);
}

/* A caller who gets no answer at all, for want of a descriptor or of memory, would wait for ever. */
static void request_answered(Request *q, int r) {
        sd_bus_error error = SD_BUS_ERROR_NULL;

        if (r >= 0) {
                request_end(q, NULL, NULL);
                return;
        }

        (void) sd_bus_error_setf(&error, LEFT4ME_ERROR_FAILED,
                "It was done, but the answer cannot be sent: %s", strerror(-r));
        (void) sd_bus_reply_method_error(q->call, &error);
        request_end(q, error.name, error.message);
        sd_bus_error_free(&error);
}

void request_ok(Request *q) {
        objects_flush(q->manager);
        request_answered(q, sd_bus_reply_method_return(q->call, ""));
}

void request_ok_path(Request *q, const char *path) {
        objects_flush(q->manager);
        request_answered(q, sd_bus_reply_method_return(q->call, "o", path));
}

static int reply_paths(sd_bus_message *call, GStrv paths) {
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "o");
        for (char **path = paths; r >= 0 && *path; path++)
                r = sd_bus_message_append(reply, "o", *path);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

void request_ok_paths(Request *q, GStrv paths) {
        objects_flush(q->manager);
        request_answered(q, reply_paths(q->call, paths));
}

void request_ok_fd(Request *q, int fd) {
        objects_flush(q->manager);
        request_answered(q, sd_bus_reply_method_return(q->call, "h", fd));
}

void request_ok_path_fd(Request *q, const char *path, int fd) {
        objects_flush(q->manager);
        request_answered(q, sd_bus_reply_method_return(q->call, "oh", path, fd));
}

void request_ok_message(Request *q, sd_bus_message *reply) {
        objects_flush(q->manager);
        request_answered(q, sd_bus_message_send(reply));
}

void request_fail(Request *q, const sd_bus_error *error) {
        objects_flush(q->manager);
        (void) sd_bus_reply_method_error(q->call, error);
        request_end(q, error->name, error->message);
}

void request_failf(Request *q, const char *name, const char *format, ...) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        va_list args;

        va_start(args, format);
        (void) sd_bus_error_setfv(&error, name, format, args);
        va_end(args);

        request_fail(q, &error);
        sd_bus_error_free(&error);
}

void request_in_force(int r, const char *why, void *request) {
        Request *q = request;

        if (r == -ECANCELED)
                request_drop(q);
        else if (r < 0)
                request_failf(q, LEFT4ME_ERROR_FAILED, "It is stored, but not in force: %s.", why);
        else
                request_ok(q);
}

int request_return(Request *q, int r, const sd_bus_error *error) {
        if (r < 0) {
                request_end(q, error->name ?: LEFT4ME_ERROR_FAILED, error->message ?: "failed");
                return r;
        }

        return 1;
}
