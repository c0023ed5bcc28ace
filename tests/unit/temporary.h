/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A directory of its own for each test, and files in it. */

#include <glib.h>
#include <stdbool.h>

typedef struct Temporary {
        char *path;
        int fd;
} Temporary;

/* For g_test_add(). */
void temporary_set_up(Temporary *t, gconstpointer data);
void temporary_tear_down(Temporary *t, gconstpointer data);
#define TEMPORARY_ADD(path, func) \
        g_test_add(path, Temporary, NULL, temporary_set_up, func, temporary_tear_down)

/* The path of something in the directory. The caller frees it. */
char *temporary_path(const Temporary *t, const char *name);

void temporary_put(const Temporary *t, const char *name, const char *content);

/* The content of a file, NULL if there is none or if it is no plain file. */
char *temporary_get(const Temporary *t, const char *name);

/* Asserts that the directory holds these names and no others; they are sorted, with a blank between. */
#define temporary_assert_names(t, names) temporary_assert_names_at(G_STRLOC, t, names)
void temporary_assert_names_at(const char *where, const Temporary *t, const char *names);

/* Mounts a tmpfs of so many bytes as the directory `small`, in a mount namespace that the process gets for it. false: we may not, and
 * the test is marked as skipped. Only its absolute path leads into it. */
bool temporary_mount_small(const Temporary *t, unsigned long size);
void temporary_unmount_small(const Temporary *t);
