/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A host of its own for a test of the helpers: /var/lib/left4me and /run/left4me in a temporary directory
 * on a real file system, and trees that are written and read as text. */

#include <glib.h>
#include <stdbool.h>

#include "roots.h"

typedef struct Fixture {
        char *dir; /* has state/ and run/ below it */
        char *state;
        Roots roots;
} Fixture;

/* Gives the whole process a mount namespace of its own; the mounts that tests make vanish with it. Call
 * first in main(). */
void fixture_namespace(void);

/* For g_test_add(). */
void fixture_set_up(Fixture *f, gconstpointer data);
void fixture_tear_down(Fixture *f, gconstpointer data);
#define FIXTURE_ADD(path, func) g_test_add(path, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

/* The path of something below the state directory. The caller frees it. */
char *fixture_path(const Fixture *f, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Writes a file below the state directory, making the directories above it; `fixture_put_run` below the
 * run directory. */
void fixture_put(const Fixture *f, const char *path, const char *content);
void fixture_put_run(const Fixture *f, const char *path, const char *content);

/* The content of a file below the state directory, NULL if there is none. */
char *fixture_get(const Fixture *f, const char *path);

/* Makes a tree from text below an absolute path, one entry a line:
 *   d PATH          directory            f PATH CONTENT   file, 0644         x PATH CONTENT   file, 0755
 *   l PATH TARGET   symbolic link        w PATH           whiteout           o PATH           opaque directory
 *   p PATH          FIFO                 h PATH OTHER     hard link to the file OTHER (a path in the tree)
 * Directories above are made. */
void tree_make(const char *root, const char *text);

/* Removes it all. */
void tree_remove(const char *root);

/* The tree below root in the same form, sorted; modes other than the usual ones are told as `[mode]` at
 * the end of a line. */
char *tree_dump(const char *root);

/* Asserts that tree_dump(root) is text, lines in any order. */
#define tree_assert(root, text) tree_assert_at(G_STRLOC, root, text)
void tree_assert_at(const char *where, const char *root, const char *text);

/* Asserts that r failed with the errno value err, and that the message holds each of the words
 * (NULL-terminated); clears the error. */
void assert_failed_at(const char *where, int r, int err, GError **error, ...) G_GNUC_NULL_TERMINATED;
#define assert_failed(r, err, error, ...) assert_failed_at(G_STRLOC, r, err, error, __VA_ARGS__, NULL)

/* Asserts that r is not negative, telling the message otherwise. */
#define assert_ok(r, error) \
        do { \
                int _r = (r); \
                g_assert_no_error(error); \
                g_assert_cmpint(_r, >=, 0); \
        } while (0)
