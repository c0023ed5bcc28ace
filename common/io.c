/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>

#include "common/io.h"

int write_all(int fd, const void *data, size_t size) {
        const char *next = data;

        while (size > 0) {
                ssize_t n = write(fd, next, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;

                next += n;
                size -= (size_t) n;
        }

        return 0;
}

ssize_t read_full(int fd, void *data, size_t size) {
        size_t done = 0;

        while (done < size) {
                ssize_t n = read(fd, (char *) data + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;

                done += (size_t) n;
        }

        return (ssize_t) done;
}
