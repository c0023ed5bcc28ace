/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

/*
 * The connection to left4med, and what every client must know of its contract (dbus/names.h, the XML files
 * beside it).
 */

typedef struct Client Client;

/* What a failure is to the user, whatever its name. */
typedef enum {
        CLIENT_FAILURE_OTHER,
        CLIENT_FAILURE_NO_SUCH_OBJECT,
        CLIENT_FAILURE_DENIED,
        CLIENT_FAILURE_NEEDS_AUTHENTICATION,
        CLIENT_FAILURE_NO_SERVICE,
} ClientFailure;

typedef struct {
        const char *path, *interface, *method;
        GVariant *arguments;  /* a tuple, taken if floating; NULL for none */
        const char *reply;    /* type of the answer, such as "(o)"; NULL for "()" */
        gboolean interactive; /* the user may be asked to authenticate */
        GCancellable *cancellable;
} ClientCall;

Client *client_new(GError **error);
Client *client_free(Client *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)
GDBusConnection *client_bus(Client *c);

char *client_path(const char *prefix, const char *name);
char *client_job_path(unsigned number);
char *client_path_name(const char *prefix, const char *path);

GVariant *client_call(Client *c, const ClientCall *call, GError **error);
GVariant *client_call_fd(Client *c, const ClientCall *call, unsigned index, int *ret_fd, GError **error);
void client_call_async(Client *c, const ClientCall *call, GAsyncReadyCallback done, gpointer userdata);
GVariant *client_call_finish(GObject *bus, GAsyncResult *result, GError **error);

ClientFailure client_failure(const GError *error);
char *client_error_name(const GError *error);
char *client_error_message(const GError *error);
