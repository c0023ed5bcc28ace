/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "common/directory.h"
#include "names.h"
#include "remove.h"

/* A directory deeper than this is moved up to the top and has its turn later, so that neither our stack nor
 * our descriptors give a game or a script a depth at which its tree cannot be removed. (Not less than a
 * version may have: through a merged view the directories of a lower layer cannot be moved.) */
#define DEPTH_MAX (TREE_DEPTH_MAX + 2)

typedef struct Removal {
        int top;          /* the directory that goes */
        unsigned hoisted; /* directories moved up to it so far */
        bool again;       /* some were: the top needs another round */
} Removal;

static int hoist(Removal *removal, int dirfd, const char *name) {
        int fd;

        /* Moving a directory changes its `..`, for which it must be writable. */
        fd = beneath_open_closed(dirfd, name);
        if (fd < 0)
                return fd;
        (void) close(fd);

        for (;;) {
                g_autofree char *to = g_strdup_printf(".deep-%u", removal->hoisted++);

                if (renameat2(dirfd, name, removal->top, to, RENAME_NOREPLACE) >= 0)
                        break;
                if (errno != EEXIST)
                        return -errno;
        }
        removal->again = true;
        return 0;
}

static int remove_content(Removal *removal, int fd, unsigned depth);

static int remove_entry(Removal *removal, int dirfd, const char *name, unsigned char type, unsigned depth) {
        _cleanup_fd_ int fd = -1;
        int r;

        if (type != DT_DIR) {
                if (unlinkat(dirfd, name, 0) >= 0 || errno == ENOENT)
                        return 0;
                if (errno != EISDIR)
                        return -errno;
        }
        if (depth >= DEPTH_MAX)
                return hoist(removal, dirfd, name);

        fd = beneath_open_closed(dirfd, name);
        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        r = remove_content(removal, fd, depth + 1);
        if (r < 0)
                return r;
        return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int remove_content(Removal *removal, int fd, unsigned depth) {
        _cleanup_directory_ DIR *dir = NULL;
        struct dirent *de;
        int r;

        r = directory_open(fd, ".", &dir);
        while (r >= 0 && (de = directory_next(dir)))
                r = remove_entry(removal, fd, de->d_name, de->d_type, depth);

        return r;
}

int remove_tree(int dirfd, const char *name) {
        _cleanup_fd_ int top = -1;
        Removal removal = { 0 };
        struct stat st;
        int r;

        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISDIR(st.st_mode))
                return unlinkat(dirfd, name, 0) < 0 ? -errno : 0;

        top = beneath_open_closed(dirfd, name);
        if (top < 0)
                return top;
        removal.top = top;
        do {
                removal.again = false;
                r = remove_content(&removal, top, 0);
                if (r < 0)
                        return r;
        } while (removal.again);

        return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int remove_by_rename(int dirfd, const char *name) {
        g_autofree char *trash = g_strdup_printf(".%s", name);
        int r;

        r = remove_tree(dirfd, trash);
        if (r < 0)
                return r;
        if (renameat(dirfd, name, dirfd, trash) < 0)
                return errno == ENOENT ? 0 : -errno;

        /* From here on it is gone for everybody, whatever becomes of the rest. */
        r = remove_tree(dirfd, trash);
        if (r < 0)
                r = remove_tree(dirfd, trash);
        return r < 0 ? 1 : 0;
}

int remove_trash(int dirfd) {
        _cleanup_directory_ DIR *dir = NULL;
        struct dirent *de;
        int r;

        r = directory_open(dirfd, ".", &dir);
        while (r >= 0 && (de = directory_next(dir)))
                if (de->d_name[0] == '.')
                        r = remove_tree(dirfd, de->d_name);

        return r;
}
