/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "beneath.h"
#include "common/io.h"
#include "fail.h"
#include "input.h"

#define SPOOL_NAME ".left4me-upload"

static ssize_t read_more(Input *input, char *data, size_t size) {
        ssize_t n;

        /* No longer than for that: poll() does not see the end of a pipe whose writer had gone before it was opened. */
        (void) progress_poll(input->progress, input->fd, 0);
        do
                n = read(input->fd, data, size);
        while (n < 0 && errno == EINTR);
        if (n < 0) {
                input->error = errno;
                return -errno;
        }

        input->ended = n == 0;
        input->total += (uint64_t) n;
        if (input->total > (input->expected > 0 ? input->expected : INPUT_SIZE_MAX)) {
                input->error = EFBIG;
                return -EFBIG;
        }
        return n;
}

ssize_t input_peek(Input *input) {
        /* Enough for any magic number, however small the pieces in which it comes. */
        while (input->held < 8 && !input->ended) {
                ssize_t n = read_more(
                        input, input->buffer + input->held, sizeof input->buffer - input->held);

                if (n < 0)
                        return n;
                input->held += (size_t) n;
        }
        return (ssize_t) input->held;
}

bool input_starts_with(const Input *input, const void *magic, size_t size) {
        return input->held >= size && memcmp(input->buffer, magic, size) == 0;
}

ssize_t input_next(Input *input, const void **ret) {
        ssize_t n = (ssize_t) input->held;

        if (n == 0 && !input->ended)
                n = read_more(input, input->buffer, sizeof input->buffer);

        input->held = 0;
        *ret = input->buffer;
        return n;
}

static int open_unnamed(int dirfd) {
        int fd;

        fd = openat(dirfd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
        if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
                return fd < 0 ? -errno : fd;

        /* Not every file system has these. */
        fd = openat(dirfd, SPOOL_NAME, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        (void) unlinkat(dirfd, SPOOL_NAME, 0);
        return fd;
}

int input_fail(const Input *input, GError **error) {
        int err = input->error;

        if (err == EFBIG && input->expected > 0)
                return fail(error, err, "more came than the announced %" PRIu64 " bytes", input->expected);
        if (err == EFBIG)
                return fail(error, err, "the upload is larger than %" PRIu64 " GiB", INPUT_SIZE_MAX >> 30);
        return fail_errno(error, err, "cannot read the upload");
}

int input_spool(Input *input, int dirfd, GError **error) {
        _cleanup_fd_ int fd = -1;
        const void *data;
        ssize_t n;
        int r;

        fd = open_unnamed(dirfd);
        if (fd < 0)
                return fail_errno(error, -fd, "cannot make a file to hold the upload");
        while ((n = input_next(input, &data)) > 0) {
                r = write_all(fd, data, (size_t) n);
                if (r == -ENOSPC || r == -EDQUOT)
                        return fail(error, -r,
                                "no space left to hold the upload: free some, or send a tar, which needs none");
                if (r < 0)
                        return fail_errno(error, -r, "cannot hold the upload");
                progress_report(input->progress, input->total, 2 * input->expected, "receiving");
        }
        if (n < 0)
                return input_fail(input, error);
        if (lseek(fd, 0, SEEK_SET) < 0)
                return fail_errno(error, errno, "cannot hold the upload");

        return steal_fd(&fd);
}

int input_finish(Input *input, GError **error) {
        uint64_t rest = 0;
        const void *data;
        ssize_t n;

        while (rest <= INPUT_REST_MAX && (n = input_next(input, &data)) > 0)
                rest += (uint64_t) n;
        if (rest > INPUT_REST_MAX)
                return fail(error, EFBIG, "the upload goes on after the end of the archive");
        if (n < 0)
                return input_fail(input, error);
        if (input->total < input->expected)
                return fail(error, EPIPE, "the upload ends early: %" PRIu64 " of %" PRIu64 " bytes came",
                        input->total, input->expected);
        return 0;
}
