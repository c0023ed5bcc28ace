/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The names in the directories that an archive writes to, without regard to case. The game's tools and maps come from a system
 * that has none: the engine asks for lower-case names, and of two that differ only in case one would never be
 * found, which one nobody can tell. Also knows what the archive itself wrote, and as what. */

#include <glib.h>

typedef enum ClashKind {
        CLASH_TREE,      /* was there before */
        CLASH_FILE,      /* of the archive: a file or a link */
        CLASH_DIRECTORY, /* of the archive */
} ClashKind;

typedef struct Clashes Clashes;

Clashes *clashes_new(void);
void clashes_free(Clashes *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Clashes, clashes_free)

/* The directory path was made a moment ago: nothing is in it. */
void clashes_add_directory(Clashes *c, const char *path);

/* Takes note of name, as kind, in the directory path, which fd is: what is in it is read the first time. An error (EEXIST) names both
 * when another name there differs only in case, or when the archive has the same one as a file and as a directory. */
int clashes_claim(Clashes *c, int fd, const char *path, const char *name, ClashKind kind, GError **error);

/* The same for each part of a path that is to become a file of the tree root. Also refuses (EILSEQ) names with `:` and `\`, as of archives. */
int clashes_check_path(int root, const char *path, GError **error);
