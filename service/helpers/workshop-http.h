/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* HTTP for the Workshop: requests that are made again when the other side is busy, broken or slow. All of it waits; each thread has a client
 * of its own. Nothing is decoded on the way: what a server packs we would have to unpack without knowing its size. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "progress.h"
#include "workshop-address.h"

/* What all clients share. */
typedef struct Http {
        const AddressRules *rules;
        GMutex lock;
        int64_t not_before; /* monotonic µs: the other side asked for quiet until then */
        int64_t first_wait; /* µs before a second try; doubles with each */
        Progress *
                progress; /* what http_call() says of calls that fail; of the one thread that makes calls. NULL: nobody follows */
} Http;

typedef struct HttpClient HttpClient;

void http_init(Http *http, const AddressRules *rules);
void http_done(Http *http);

HttpClient *http_client_new(Http *http);
void http_client_free(HttpClient *client); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpClient, http_client_free)

/*
 * Sends a form to a path of the API, and gives the answer to take(). -EBADMSG from that means that it is worth another try, too. Errors: those
 * of take(), and what the last try failed with.
 */
int http_call(HttpClient *client, const char *path, const char *form,
        int (*take)(const char *text, size_t size, void *userdata), void *userdata, GError **error);

typedef struct HttpDownload {
        const char *url;
        int fd;                                      /* what it has already is not asked for again */
        uint64_t expected;                           /* bytes, 0 for not known */
        void (*received)(void *userdata, int64_t n); /* negative: so much of it again */
        void *userdata;
} HttpDownload;

/* Fetches a file. 0: all of it is there. Errors that are this file's own: -EPERM (no allowed address), -ENOENT (the server does not have it),
 * -EMSGSIZE (not the size that was expected); the others may be anybody's. */
int http_download(HttpClient *client, const HttpDownload *what, GError **error);
