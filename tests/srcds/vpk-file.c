/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vpk-file.h"

static ssize_t read_at(void *userdata, unsigned archive, uint64_t offset, void *buffer, size_t size) {
        const VpkFile *f = userdata;
        ssize_t n;

        if (archive != VPK_ARCHIVE_SELF)
                return -ENOENT;
        n = pread(f->fd, buffer, size, (off_t) offset);
        return n < 0 ? -errno : n;
}

int vpk_file_open(VpkFile *f, const char *path) {
        struct stat st;
        int r;

        *f = (VpkFile){ .fd = open(path, O_RDONLY | O_CLOEXEC) };
        if (f->fd < 0)
                return -errno;
        r = fstat(f->fd, &st) < 0 ? -errno : vpk_open(read_at, f, (uint64_t) st.st_size, &f->vpk);
        if (r < 0)
                (void) close(f->fd);
        return r;
}

void vpk_file_close(VpkFile *f) {
        vpk_free(f->vpk);
        (void) close(f->fd);
}

GBytes *vpk_file_read(VpkFile *f, const VpkEntry *entry, size_t max) {
        GBytes *bytes = NULL;

        return vpk_read(entry, read_at, f, max, &bytes) < 0 ? NULL : bytes;
}
