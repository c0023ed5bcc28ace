/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The upload: a pipe that somebody may close early, feed for ever or never. Counts what comes, and holds
 * it to the size that was announced. */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "progress.h"

#define INPUT_SIZE_MAX (UINT64_C(64) << 30)
#define INPUT_BUFFER (256U * 1024U)

/* What may come after an archive: tar pads, and some tools pad more. */
#define INPUT_REST_MAX (UINT64_C(16) << 20)

typedef struct Input {
        int fd;
        uint64_t expected;  /* 0: not known */
        uint64_t total;     /* read from fd so far */
        Progress *progress; /* is told what was kept of it while nothing comes; or NULL */
        bool ended;         /* the other side closed it */
        int error;          /* what input_next() last failed with, positive */
        size_t held;        /* bytes in buffer that were read ahead */
        char buffer[INPUT_BUFFER];
} Input;

/* Reads ahead, so that input_starts_with() can look at the beginning. 0 bytes there: an empty upload. */
ssize_t input_peek(Input *input);
bool input_starts_with(const Input *input, const void *magic, size_t size);

/* The next piece: what was read ahead, or a new read; 0 at the end. Valid until the next call. -EFBIG
 * when it is more than announced or allowed. */
ssize_t input_next(Input *input, const void **ret);

/* Says what went wrong with the upload itself: input->error. */
int input_fail(const Input *input, GError **error);

/* Copies all that is left to a file without a name in the directory dirfd, and returns that, at its
 * beginning. Tells progress as the first half of the work. */
int input_spool(Input *input, int dirfd, GError **error);

/* Reads what is left after the archive's end; fails if less came in all than announced, and with -EFBIG if it goes on and on. */
int input_finish(Input *input, GError **error);
