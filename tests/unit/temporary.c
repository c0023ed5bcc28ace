/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "temporary.h"

void temporary_set_up(Temporary *t, gconstpointer data) {
        g_autoptr(GError) error = NULL;

        (void) umask(0022);
        t->path = g_dir_make_tmp("left4me-unit-XXXXXX", &error);
        g_assert_no_error(error);
        t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_no_errno(t->fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
        return remove(path);
}

void temporary_tear_down(Temporary *t, gconstpointer data) {
        g_assert_no_errno(close(t->fd));
        g_assert_no_errno(nftw(t->path, remove_one, 16, FTW_DEPTH | FTW_PHYS));
        g_clear_pointer(&t->path, g_free);
}

char *temporary_path(const Temporary *t, const char *name) {
        return g_build_filename(t->path, name, NULL);
}

void temporary_put(const Temporary *t, const char *name, const char *content) {
        g_autofree char *path = temporary_path(t, name), *parent = g_path_get_dirname(path);
        g_autoptr(GError) error = NULL;

        g_assert_no_errno(g_mkdir_with_parents(parent, 0755));
        (void) g_file_set_contents(path, content, -1, &error);
        g_assert_no_error(error);
}

char *temporary_get(const Temporary *t, const char *name) {
        g_autofree char *path = temporary_path(t, name);
        struct stat st;
        char *content;

        if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || !g_file_get_contents(path, &content, NULL, NULL))
                return NULL;
        return content;
}

static int compare_names(gconstpointer a, gconstpointer b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

void temporary_assert_names_at(const char *where, const Temporary *t, const char *names) {
        g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GDir) dir = g_dir_open(t->path, 0, NULL);
        g_autofree char *joined = NULL;
        const char *name;

        while ((name = g_dir_read_name(dir)))
                g_ptr_array_add(found, g_strdup(name));
        g_ptr_array_sort(found, compare_names);
        g_ptr_array_add(found, NULL);

        joined = g_strjoinv(" ", (GStrv) found->pdata);
        if (!g_str_equal(joined, names))
                g_error("%s: there is '%s', not '%s'", where, joined, names);
}

bool temporary_mount_small(const Temporary *t, unsigned long size) {
        g_autofree char *path = temporary_path(t, "small"), *options = g_strdup_printf("size=%lu", size);

        if (unshare(CLONE_NEWNS) < 0) {
                g_test_skip("only root may make a mount namespace");
                return false;
        }

        g_assert_no_errno(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
        g_assert_no_errno(mkdir(path, 0755));
        g_assert_no_errno(mount("small", path, "tmpfs", MS_NOSUID | MS_NODEV, options));
        return true;
}

void temporary_unmount_small(const Temporary *t) {
        g_autofree char *path = temporary_path(t, "small");

        g_assert_no_errno(umount2(path, UMOUNT_NOFOLLOW));
}
