/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "service/mounts.h"
#include "service/stack.h"

struct Mounts {
        char *path;
        char *below;
        int fd; /* of the kernel's table, which tells by it that it changed; -1: of a file that tells nothing */
        bool read;         /* table holds what fd said last */
        GHashTable *table; /* target -> options */
};

int mounts_new(const char *path, const char *below, Mounts **ret) {
        struct statfs st;
        Mounts *m;
        int fd;

        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        if (fstatfs(fd, &st) < 0 || st.f_type != PROC_SUPER_MAGIC) {
                (void) close(fd);
                fd = -1;
        }

        m = g_new(Mounts, 1);
        *m = (Mounts){
                .path = g_strdup(path),
                .below = g_strdup(below),
                .fd = fd,
                .table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
        };
        *ret = m;
        return 0;
}

Mounts *mounts_free(Mounts *m) {
        if (!m)
                return NULL;

        if (m->fd >= 0)
                (void) close(m->fd);
        g_hash_table_unref(m->table);
        g_free(m->path);
        g_free(m->below);
        g_free(m);
        return NULL;
}

/* Before it is read: what changes meanwhile is told the next time. */
static bool mounts_have_changed(Mounts *m) {
        struct pollfd p = { .fd = m->fd, .events = POLLPRI };

        return m->fd < 0 || poll(&p, 1, 0) != 0;
}

const char *mounts_find(Mounts *m, const char *target) {
        if (mounts_have_changed(m) || !m->read) {
                g_autofree char *text = NULL;

                g_hash_table_remove_all(m->table);
                m->read = g_file_get_contents(m->path, &text, NULL, NULL);
                if (m->read)
                        stack_read_mountinfo(text, m->below, m->table);
        }

        return g_hash_table_lookup(m->table, target);
}
