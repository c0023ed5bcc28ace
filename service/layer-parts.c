/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "service/layer-parts.h"

#define XATTR_OPAQUE "user.overlay.opaque"
#define XATTR_WHITEOUT "user.overlay.whiteout"

/* -- one layer ------------------------------------------------------------------------------------------------- */

int layer_open(int fd, const char *name, int flags) {
        const struct open_how how = {
                .flags = (uint64_t) (unsigned) (flags | O_NOFOLLOW | O_CLOEXEC),
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };
        int opened = (int) syscall(SYS_openat2, fd, name, &how, sizeof(how));

        return opened < 0 ? -errno : opened;
}

/* Attributes are read by way of /proc, since getxattrat() is too new: the link there is our own descriptor's, the last element is
 * not followed. */
static ssize_t get_xattr(int fd, const char *name, const char *xattr, char *value, size_t size) {
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%d/%s", fd, name);

        return lgetxattr(path, xattr, value, size);
}

/* As the kernel, "y" alone. ("x" says that there are whiteouts by attribute in the directory.) */
static int is_opaque(int fd, const char *name) {
        char value;

        if (get_xattr(fd, name, XATTR_OPAQUE, &value, 1) < 0)
                return errno == EACCES ? -EACCES : false;

        return value == 'y';
}

static FileType type_of(int fd, const char *name, const struct stat *st) {
        if (S_ISDIR(st->st_mode))
                return FILE_DIRECTORY;
        if (S_ISLNK(st->st_mode))
                return FILE_SYMLINK;
        if (S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0))
                return FILE_WHITEOUT;
        if (!S_ISREG(st->st_mode))
                return FILE_SPECIAL;
        if (st->st_size == 0 && get_xattr(fd, name, XATTR_WHITEOUT, NULL, 0) >= 0)
                return FILE_WHITEOUT;
        return FILE_PLAIN;
}

int layer_look_up(int fd, const char *name, struct stat *st, FileType *ret_type) {
        if (fstatat(fd, name, st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;

        *ret_type = type_of(fd, name, st);
        return 0;
}

/* -- the directory in each layer ------------------------------------------------------------------------------- */

static void part_clear(gpointer data) {
        (void) close(((Part *) data)->fd);
}

static GArray *parts_new(void) {
        GArray *parts = g_array_new(FALSE, FALSE, sizeof(Part));

        g_array_set_clear_func(parts, part_clear);
        return parts;
}

static int add_part(GArray *parts, unsigned root, bool hidden, int fd, const char *name) {
        Part part = { .root = root, .hidden = hidden };

        part.fd = layer_open(fd, name, O_PATH | O_DIRECTORY);
        if (part.fd < 0)
                return part.fd;

        g_array_append_val(parts, part);
        return 0;
}

int parts_open_roots(const LayerRoots *roots, GArray **ret, unsigned *ret_root) {
        g_autoptr(GArray) parts = parts_new();

        for (unsigned i = 0; i < roots->len; i++) {
                const LayerRoot *root = &g_array_index(roots, LayerRoot, i);
                int r;

                if (root->at || root->fd < 0)
                        continue;

                r = add_part(parts, i, false, root->fd, ".");
                if (r < 0) {
                        *ret_root = i;
                        return r;
                }
        }

        *ret = g_steal_pointer(&parts);
        return 0;
}

int layer_hides_below(int fd, const char *name, FileType type) {
        return type != FILE_DIRECTORY || is_opaque(fd, name);
}

/* Goes from a directory to one in it. */
static int descend_one(const GArray *parts, const char *name, GArray **ret, unsigned *ret_root) {
        g_autoptr(GArray) below = parts_new();
        bool blocked = false, other = false;
        int r;

        for (unsigned i = 0; i < parts->len; i++) {
                const Part *part = &g_array_index(parts, Part, i);
                FileType type;
                struct stat st;

                *ret_root = part->root;
                r = layer_look_up(part->fd, name, &st, &type);
                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return r;

                if (type == FILE_DIRECTORY) {
                        r = add_part(below, part->root, part->hidden || blocked, part->fd, name);
                        if (r < 0 && r != -ENOENT)
                                return r;
                } else if (type != FILE_WHITEOUT && !blocked && !part->hidden)
                        other = true;

                if (part->hidden || blocked)
                        continue;

                r = layer_hides_below(part->fd, name, type);
                if (r < 0)
                        return r;
                blocked = r > 0;
        }

        if (below->len == 0)
                return other ? -ENOTDIR : -ENOENT;

        *ret = g_steal_pointer(&below);
        return 0;
}

int parts_descend(const LayerRoots *roots, const char *path, GArray **ret, unsigned *ret_root) {
        g_autoptr(GArray) parts = NULL;
        g_auto(GStrv) names = g_strsplit(path, "/", -1);
        int r;

        r = parts_open_roots(roots, &parts, ret_root);
        if (r < 0)
                return r;

        for (char **name = names; *name; name++) {
                g_autoptr(GArray) below = NULL;

                r = descend_one(parts, *name, &below, ret_root);
                if (r < 0)
                        return r;

                g_array_unref(parts);
                parts = g_steal_pointer(&below);
        }

        *ret = g_steal_pointer(&parts);
        return 0;
}
