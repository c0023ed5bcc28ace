/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>

/* Bytes on their way from a file or standard input into the pipe of a job, within the main loop. */

typedef struct Upload Upload;

typedef enum {
        UPLOAD_RUNNING,
        UPLOAD_COMPLETE,
        UPLOAD_REFUSED,     /* nobody reads any more: the job tells why */
        UPLOAD_READ_FAILED, /* what was sent is not all of it */
        UPLOAD_STOPPED,
} UploadState;

typedef void (*UploadCallback)(Upload *u, gpointer userdata);

Upload *upload_new(int source, int pipe, uint64_t size, UploadCallback ended, gpointer userdata);
Upload *upload_free(Upload *u);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Upload, upload_free)

UploadState upload_state(const Upload *u);
uint64_t upload_sent(const Upload *u);
uint64_t upload_size(const Upload *u);
int upload_error(const Upload *u);
void upload_stop(Upload *u);
gboolean upload_hand_over(Upload *u);
