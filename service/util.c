/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/directory.h"
#include "common/io.h"
#include "service/util.h"

uint64_t now_usec(void) {
        return (uint64_t) g_get_real_time();
}

bool name_is_valid(const char *text) {
        size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");

        return n >= 1 && n <= 64 && text[n] == '\0' && text[0] != '-' && text[0] != '_';
}

bool text_is_plain(const char *text, size_t max) {
        size_t n = 0;

        for (; text[n] != '\0'; n++)
                if (text[n] < ' ' || text[n] > '~' || n >= max)
                        return false;

        return true;
}

char *text_clean(const char *text, size_t max) {
        size_t size = strnlen(text, max + 1);
        char *clean = g_utf8_make_valid(text, (gssize) MIN(size, max));

        for (char *c = clean; *c != '\0'; c++)
                if (g_ascii_iscntrl(*c))
                        *c = '?';
        if (size > max) {
                char *cut = g_strconcat(clean, "...", NULL);

                g_free(clean);
                return cut;
        }

        return clean;
}

int file_write(int dirfd, const char *name, const void *data, size_t size, mode_t mode) {
        g_autofree char *temporary = g_strdup_printf(".%s.new", name);
        int fd, r;

        /* One process writes here, so a left-over of that name is from before a crash. */
        (void) unlinkat(dirfd, temporary, 0);

        fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;

        r = write_all(fd, data, size);
        if (r >= 0 && fchmod(fd, mode) < 0)
                r = -errno;
        if (close(fd) < 0 && r >= 0)
                r = -errno;
        if (r >= 0 && renameat(dirfd, temporary, dirfd, name) < 0)
                r = -errno;
        if (r < 0)
                (void) unlinkat(dirfd, temporary, 0);

        return r;
}

int directory_make(int dirfd, const char *name, mode_t mode) {
        int fd;

        if (mkdirat(dirfd, name, mode) < 0 && errno != EEXIST)
                return -errno;

        fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int file_read(int dirfd, const char *name, size_t max, char **ret) {
        g_autofree char *data = g_malloc(max + 2);
        ssize_t size;
        int fd;

        fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        size = read_full(fd, data, max + 1);
        (void) close(fd);
        if (size < 0)
                return (int) size;
        if ((size_t) size > max)
                return -EFBIG;

        data[size] = '\0';
        *ret = g_steal_pointer(&data);
        return 0;
}

static int empty_directory(int parent, const char *name) {
        _cleanup_directory_ DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = directory_open(parent, name, &dir);
        if (r < 0)
                return r == -ENOENT ? 0 : r;

        while ((entry = directory_next(dir)))
                (void) unlinkat(dirfd(dir), entry->d_name, 0);

        return 0;
}

int directory_remove(int dirfd, const char *name) {
        int r = 0;

        /* Nobody comes back for what is left of it before the next start: a passing error is no reason to leave it. */
        for (unsigned tries = 0; tries < 2; tries++) {
                r = empty_directory(dirfd, name);
                if (r >= 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
                        r = errno == ENOENT ? 0 : -errno;
                if (r >= 0)
                        return 0;
        }

        return r;
}

static int compare_names(gconstpointer a, gconstpointer b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int list(int dirfd, const char *name, size_t max, bool hidden, GStrv *ret) {
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        _cleanup_directory_ DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = directory_open(dirfd, name, &dir);
        if (r < 0)
                return r;

        while ((entry = directory_next(dir))) {
                if (entry->d_name[0] == '.' && !hidden)
                        continue;
                if (names->len >= max)
                        return -E2BIG;
                g_ptr_array_add(names, g_strdup(entry->d_name));
        }

        g_ptr_array_sort(names, compare_names);
        g_ptr_array_add(names, NULL);
        *ret = (GStrv) g_ptr_array_free(g_steal_pointer(&names), FALSE);
        return 0;
}

int directory_list(int dirfd, const char *name, size_t max, GStrv *ret) {
        return list(dirfd, name, max, false, ret);
}

int directory_list_all(int dirfd, const char *name, size_t max, GStrv *ret) {
        return list(dirfd, name, max, true, ret);
}
