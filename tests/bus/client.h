/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A client on the private bus. All calls are asynchronous underneath: daemon and stand-ins are served while one waits. */

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <stdbool.h>
#include <sys/types.h>

#include "dbus/names.h"

/* A call under way; as a PolicyKit-aware client does, interaction is allowed unless said otherwise. */
typedef struct Call {
        bool done;
        char *what; /* for messages */
        GVariant *reply;
        GUnixFDList *fds;
        GError *error;
        guint references;
} Call;

Call *call_begin(GDBusConnection *bus, const char *path, const char *interface, const char *method,
        GVariant *arguments);
Call *call_begin_flags(GDBusConnection *bus, const char *path, const char *interface, const char *method,
        GVariant *arguments, GDBusCallFlags flags);
Call *call_begin_to(GDBusConnection *bus, const char *destination, const char *path, const char *interface,
        const char *method, GVariant *arguments, GDBusCallFlags flags);
void call_wait(Call *c);
void call_free(Call *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Call, call_free)

/* Waits and frees the call: it must have succeeded, or failed with this error name. */
GVariant *call_end(Call *c);
void call_end_refused(Call *c, const char *error_name);

/* D-Bus name of the error, "" for success; valid as long as the call. */
const char *call_error_name(Call *c);

GDBusConnection *client_connect(const char *bus_address);

/* A connection with the rights of another user, so that the daemon sees that user; as root only. */
GDBusConnection *client_connect_as(const char *bus_address, uid_t uid);

char *instance_path(const char *name);
char *overlay_path(const char *name);
char *job_path(guint number);
guint job_number(const char *path);

/* A property as the daemon answers it, unboxed. */
GVariant *client_get(GDBusConnection *bus, const char *path, const char *interface, const char *property);
GVariant *client_get_managed(GDBusConnection *bus);
