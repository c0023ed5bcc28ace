/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/directory.h"
#include "service/layer-parts.h"

static void root_clear(gpointer data) {
        LayerRoot *root = data;

        if (root->fd >= 0)
                (void) close(root->fd);
        g_free(root->name);
}

LayerRoots *layer_roots_new(void) {
        GArray *roots = g_array_new(FALSE, TRUE, sizeof(LayerRoot));

        g_array_set_clear_func(roots, root_clear);
        return roots;
}

void layer_roots_add(LayerRoots *roots, const char *name, uint32_t version, int fd) {
        const LayerRoot root = { .name = g_strdup(name), .version = version, .fd = fd };

        g_array_append_val(roots, root);
}

void layer_roots_add_files(
        LayerRoots *roots, const char *name, int fd, const char *at, const char *const *files) {
        const LayerRoot root = { .name = g_strdup(name), .fd = fd, .at = at, .files = files };

        g_array_append_val(roots, root);
}

const char *file_type_to_string(FileType type) {
        static const char *const names[] = {
                [FILE_PLAIN] = "file",
                [FILE_DIRECTORY] = "directory",
                [FILE_SYMLINK] = "symlink",
                [FILE_WHITEOUT] = "whiteout",
                [FILE_SPECIAL] = "special",
        };

        return names[type];
}

/* -- a list ---------------------------------------------------------------------------------------------------- */

#define LISTING_SLICE 1024U

struct LayerListing {
        bool all;
        size_t max;
        GArray *parts; /* NULL: in no layer is such a directory, only mounted files */
        unsigned part; /* under way */
        DIR *dir;      /* its, NULL: not begun */
        GArray *files;
};

static void file_clear(gpointer data) {
        g_free(((LayerFile *) data)->name);
}

static int add_file(GArray *files, const Part *part, int fd, const char *name, size_t max) {
        LayerFile file = { .root = part->root, .hidden = part->hidden };
        struct stat st;
        int r;

        if (files->len >= max)
                return -E2BIG;

        r = layer_look_up(fd, name, &st, &file.type);
        if (r < 0)
                return r == -ENOENT ? 0 : r;

        if (file.type == FILE_PLAIN || file.type == FILE_SYMLINK)
                file.size = (uint64_t) st.st_size;
        /* A game gives its files any time it likes. */
        if (st.st_mtim.tv_sec > 0)
                file.modified = MIN((uint64_t) st.st_mtim.tv_sec, UINT32_MAX) * G_TIME_SPAN_SECOND +
                                (uint64_t) st.st_mtim.tv_nsec / 1000U;
        file.name = g_strdup(name);
        g_array_append_val(files, file);
        return 0;
}

/* The files that are mounted into this directory. Before the first start they are not there yet, but nothing else ever is what
 * the server sees of that name. */
static void add_mounted(GArray *files, const LayerRoots *roots, const char *path) {
        for (unsigned i = 0; i < roots->len; i++) {
                const LayerRoot *root = &g_array_index(roots, LayerRoot, i);
                const Part part = { .root = i };

                if (!root->at || !g_str_equal(root->at, path))
                        continue;

                for (const char *const *name = root->files; *name; name++) {
                        unsigned before = files->len;

                        if (root->fd >= 0)
                                (void) add_file(files, &part, root->fd, *name, SIZE_MAX);
                        if (files->len == before) {
                                const LayerFile file = { .name = g_strdup(*name), .root = i };

                                g_array_append_val(files, file);
                        }
                }
        }
}

static int compare_files(gconstpointer a, gconstpointer b) {
        const LayerFile *x = a, *y = b;
        int r = strcmp(x->name, y->name);

        return r != 0 ? r : x->root < y->root ? -1 : x->root > y->root;
}

static int part_fd(const GArray *parts, unsigned root) {
        for (unsigned i = 0; parts && i < parts->len; i++)
                if (g_array_index(parts, Part, i).root == root)
                        return g_array_index(parts, Part, i).fd;

        return -1;
}

/* The files of one name, n of them; says of each whether it is seen. all: asks opaque directories, too. */
static void mark_visible(LayerFile *files, unsigned n, const GArray *parts, bool all) {
        const LayerFile *shown = NULL;

        for (unsigned i = 0; i < n; i++) {
                LayerFile *file = &files[i];
                int fd = part_fd(parts, file->root);

                if (file->hidden)
                        continue;
                if (file->type == FILE_WHITEOUT || (shown && file->type != FILE_DIRECTORY))
                        return;

                file->visible = true;
                shown = file;
                if (!all || fd < 0 || layer_hides_below(fd, file->name, file->type) > 0)
                        return;
        }
}

static void resolve(GArray *files, const GArray *parts, bool all) {
        unsigned kept = 0;

        for (unsigned i = 0, n; i < files->len; i += n) {
                LayerFile *first = &g_array_index(files, LayerFile, i);

                for (n = 1; i + n < files->len && g_str_equal(first[n].name, first->name); n++)
                        ;
                mark_visible(first, n, parts, all);
        }

        for (unsigned i = 0; i < files->len && !all; i++) {
                LayerFile *file = &g_array_index(files, LayerFile, i);

                if (file->visible) {
                        LayerFile copy = *file;

                        /* What is dropped at the end is what was not kept. */
                        *file = g_array_index(files, LayerFile, kept);
                        g_array_index(files, LayerFile, kept++) = copy;
                }
        }
        if (!all)
                g_array_set_size(files, kept);
}

/* Whether the merged view has this directory. */
static bool is_shown(const GArray *parts) {
        for (unsigned i = 0; parts && i < parts->len; i++)
                if (!g_array_index(parts, Part, i).hidden)
                        return true;

        return false;
}

LayerListing *layer_listing_free(LayerListing *l) {
        if (!l)
                return NULL;

        if (l->dir)
                (void) closedir(l->dir);
        if (l->parts)
                g_array_unref(l->parts);
        if (l->files)
                g_array_unref(l->files);
        g_free(l);
        return NULL;
}

int layer_listing_new(const LayerRoots *roots, const char *path, bool all, size_t max, LayerListing **ret,
        unsigned *ret_root) {
        g_autoptr(LayerListing) l = g_new0(LayerListing, 1);
        int r;

        l->all = all;
        l->max = max;
        l->files = g_array_new(FALSE, TRUE, sizeof(LayerFile));
        g_array_set_clear_func(l->files, file_clear);
        add_mounted(l->files, roots, path);
        r = *path != '\0' ? parts_descend(roots, path, &l->parts, ret_root)
                          : parts_open_roots(roots, &l->parts, ret_root);
        if (r < 0 && !(r == -ENOENT && l->files->len > 0))
                return r;
        if (!all && !is_shown(l->parts) && l->files->len == 0)
                return -ENOENT;

        *ret = g_steal_pointer(&l);
        return 0;
}

/* Reads on in the directory of a part. 1: it is through. */
static int read_part(LayerListing *l, const Part *part, unsigned *budget) {
        struct dirent *entry;
        int fd, r;

        if (!l->dir) {
                fd = layer_open(part->fd, ".", O_RDONLY | O_DIRECTORY);
                r = fd < 0 ? fd : directory_take(fd, &l->dir);
                if (r < 0)
                        return r;
        }

        while (*budget > 0) {
                entry = directory_next(l->dir);
                if (!entry)
                        return errno != 0 ? -errno : 1;

                --*budget;
                r = add_file(l->files, part, dirfd(l->dir), entry->d_name, l->max);
                if (r < 0)
                        return r;
        }

        return 0;
}

int layer_listing_step(LayerListing *l, GArray **ret, unsigned *ret_root) {
        unsigned budget = LISTING_SLICE;
        int r;

        for (; l->parts && l->part < l->parts->len; l->part++) {
                const Part *part = &g_array_index(l->parts, Part, l->part);

                if (part->hidden && !l->all)
                        continue;

                *ret_root = part->root;
                r = read_part(l, part, &budget);
                if (r <= 0)
                        return r;

                g_clear_pointer(&l->dir, closedir);
        }

        g_array_sort(l->files, compare_files);
        resolve(l->files, l->parts, l->all);
        *ret = g_steal_pointer(&l->files);
        return 1;
}

int layers_list(
        const LayerRoots *roots, const char *path, bool all, size_t max, GArray **ret, unsigned *ret_root) {
        g_autoptr(LayerListing) l = NULL;
        int r;

        r = layer_listing_new(roots, path, all, max, &l, ret_root);
        if (r < 0)
                return r;

        while ((r = layer_listing_step(l, ret, ret_root)) == 0)
                ;
        return r < 0 ? r : 0;
}

/* -- a file ---------------------------------------------------------------------------------------------------- */

static int open_plain(int fd, const char *name, int *ret_fd) {
        struct stat st;
        int opened;

        /* Whoever puts a FIFO there meanwhile holds up nobody. */
        opened = layer_open(fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (opened < 0)
                return opened;

        if (fstat(opened, &st) < 0 || !S_ISREG(st.st_mode) || fcntl(opened, F_SETFL, O_RDONLY) < 0) {
                (void) close(opened);
                return -ENXIO;
        }

        *ret_fd = opened;
        return 0;
}

static int open_file(int fd, const char *name, FileType type, int *ret_fd) {
        switch (type) {
        case FILE_PLAIN:
                return open_plain(fd, name, ret_fd);
        case FILE_DIRECTORY:
                return -EISDIR;
        case FILE_SYMLINK:
                return -ELOOP;
        case FILE_SPECIAL:
                return -ENXIO;
        case FILE_WHITEOUT:
                return -ENOENT;
        }

        return -EINVAL;
}

static bool has_layer(const LayerRoots *roots, const char *name) {
        for (unsigned i = 0; i < roots->len; i++)
                if (g_str_equal(g_array_index(roots, LayerRoot, i).name, name))
                        return true;

        return false;
}

/* Whether the path is one of the mounted files (of that layer, if it is not NULL). */
static bool is_mounted(const LayerRoots *roots, const char *directory, const char *name, const char *layer,
        unsigned *ret_root) {
        for (unsigned i = 0; i < roots->len; i++) {
                const LayerRoot *root = &g_array_index(roots, LayerRoot, i);

                if (root->at && g_str_equal(root->at, directory) && g_strv_contains(root->files, name) &&
                        (!layer || g_str_equal(layer, root->name))) {
                        *ret_root = i;
                        return true;
                }
        }

        return false;
}

int layers_open(
        const LayerRoots *roots, const char *path, const char *layer, int *ret_fd, unsigned *ret_root) {
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        g_autofree char *directory = slash ? g_strndup(path, (size_t) (slash - path)) : g_strdup("");
        g_autoptr(GArray) parts = NULL;
        int r;

        if (layer && !has_layer(roots, layer))
                return -ESRCH;
        if (is_mounted(roots, directory, name, layer, ret_root))
                return -EPERM;

        r = slash ? parts_descend(roots, directory, &parts, ret_root)
                  : parts_open_roots(roots, &parts, ret_root);
        if (r < 0)
                return r == -ENOTDIR ? -ENOENT : r;

        for (unsigned i = 0; i < parts->len; i++) {
                const Part *part = &g_array_index(parts, Part, i);
                struct stat st;
                FileType type;

                if (layer ? !g_str_equal(g_array_index(roots, LayerRoot, part->root).name, layer)
                          : part->hidden)
                        continue;

                *ret_root = part->root;
                r = layer_look_up(part->fd, name, &st, &type);
                if (r != -ENOENT)
                        return r < 0 ? r : open_file(part->fd, name, type, ret_fd);
        }

        return -ENOENT;
}
