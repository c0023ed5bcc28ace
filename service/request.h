/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * A call that changes something and awaits its answer, perhaps for long. Opaque to the domain, which ends it exactly once with one
 * of the functions below; each of them takes the request, logs who asked for what and how it ended, and tells all news first.
 */

/* uid: of the caller; verb and subject: for the log. Error: LimitsExceeded. */
int request_new(Manager *m, sd_bus_message *call, uid_t uid, const char *verb, const char *subject,
        Request **ret, sd_bus_error *error);

void request_ok(Request *q);
void request_ok_path(Request *q, const char *path);
void request_ok_paths(Request *q, GStrv paths);

/* Answers a file descriptor, which stays the caller's of this function. */
void request_ok_fd(Request *q, int fd);

/* Answers an object path and a file descriptor, which stays the caller's of this function. */
void request_ok_path_fd(Request *q, const char *path, int fd);

/* Answers with a reply to its call that the caller has made, and keeps. */
void request_ok_message(Request *q, sd_bus_message *reply);

void request_fail(Request *q, const sd_bus_error *error);
void request_failf(Request *q, const char *name, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* What was stored is in force now, or r < 0: it is not, for that reason. A FirewallDone. */
void request_in_force(int r, const char *why, void *request);

/* The manager ends: the caller hears of it from the bus. */
void request_drop(Request *q);

/* How a handler ends: r < 0 gives the request up, because sd-bus itself answers with the error; else the request is under way or
 * answered. Returns what the handler returns. */
int request_return(Request *q, int r, const sd_bus_error *error);
