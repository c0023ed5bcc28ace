/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "clashes.h"
#include "common/directory.h"
#include "fail.h"

typedef struct Name {
        ClashKind kind;
        char text[];
} Name;

struct Clashes {
        GHashTable *directories; /* path -> names in it: lower-case name -> Name */
};

Clashes *clashes_new(void) {
        Clashes *c = g_new0(Clashes, 1);

        c->directories = g_hash_table_new_full(
                g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_hash_table_unref);
        return c;
}

void clashes_free(Clashes *c) {
        if (!c)
                return;

        g_hash_table_unref(c->directories);
        g_free(c);
}

static GHashTable *add_directory(Clashes *c, const char *path) {
        GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

        g_hash_table_replace(c->directories, g_strdup(path), names);
        return names;
}

void clashes_add_directory(Clashes *c, const char *path) {
        (void) add_directory(c, path);
}

static void add_name(GHashTable *names, const char *name, ClashKind kind) {
        size_t size = strlen(name) + 1;
        Name *n = g_malloc(sizeof(*n) + size);

        n->kind = kind;
        memcpy(n->text, name, size);
        g_hash_table_replace(names, g_ascii_strdown(name, -1), n);
}

static int read_directory(int fd, GHashTable *names) {
        _cleanup_directory_ DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = directory_open(fd, ".", &dir);
        if (r < 0)
                return r;

        while ((entry = directory_next(dir)))
                add_name(names, entry->d_name, CLASH_TREE);

        return -errno;
}

static int fail_case(GError **error, const char *path, const char *name, const Name *other) {
        const char *slash = path[0] ? "/" : "";

        return fail(error, EEXIST,
                "%s%s%s and %s%s%s, which %s, differ only in case: the game opens lower-case names, keep one",
                path, slash, name, path, slash, other->text,
                other->kind == CLASH_TREE ? "is in the overlay" : "is in the archive too");
}

int clashes_claim(Clashes *c, int fd, const char *path, const char *name, ClashKind kind, GError **error) {
        GHashTable *names = g_hash_table_lookup(c->directories, path);
        g_autofree char *folded = g_ascii_strdown(name, -1);
        const Name *other;
        struct stat st;
        int r;

        if (!names) {
                names = add_directory(c, path);
                r = read_directory(fd, names);
                if (r < 0)
                        return fail_errno(error, -r, "%s: cannot look what is there", path);
        }

        /* Two that were there before both stay, and each may be replaced. */
        other = g_hash_table_lookup(names, folded);
        if (other && strcmp(other->text, name) != 0 && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return fail_case(error, path, name, other);
        if (other && other->kind != CLASH_TREE && other->kind != kind && strcmp(other->text, name) == 0)
                return fail(error, EEXIST,
                        "%s%s%s: a file and a directory in the archive, both with this name", path,
                        path[0] ? "/" : "", name);

        add_name(names, name, kind);
        return 0;
}

int clashes_check_path(int root, const char *path, GError **error) {
        g_autoptr(Clashes) c = clashes_new();
        g_autoptr(GString) above = g_string_new(NULL);
        g_auto(GStrv) parts = g_strsplit(path, "/", -1);
        _cleanup_fd_ int fd = -1;
        int r;

        if (strpbrk(path, ":\\"))
                return fail(error, EILSEQ, "%s: a name must have no `:` and no `\\`", path);

        fd = beneath_open(root, ".", O_RDONLY | O_DIRECTORY);
        for (char **part = parts; *part && fd >= 0; part++) {
                int next;

                r = clashes_claim(c, fd, above->str, *part, part[1] ? CLASH_DIRECTORY : CLASH_FILE, error);
                if (r < 0)
                        return r;

                /* Where nothing is, or no directory, there is nothing to clash with below. */
                next = beneath_open(fd, *part, O_RDONLY | O_DIRECTORY);
                close_fd(&fd);
                fd = next;
                g_string_append_printf(above, "%s%s", above->len > 0 ? "/" : "", *part);
        }
        return 0;
}
