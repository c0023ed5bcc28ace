/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One file on its way from a build into a version. A version holds names, contents and whether a file may
 * be executed, nothing else: no owner but ours, no extended attributes (a `user.overlay.*` in a lower
 * layer would change what the kernel shows), no ACLs, no set-id bits. */

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>

/* What becomes of a mode: 0755 or 0644. */
mode_t settle_mode(mode_t mode);

/* Removes the extended attributes that we may remove. */
int settle_attributes(int fd);

/* Whether a directory of an upper layer hides what the layers below have in it: it was removed, and made again. */
bool settle_is_opaque(int fd);

typedef struct Settle {
        int scratch;   /* a directory for temporary files and copies, on the same file system */
        bool released; /* nobody can reach the build's files any more, by whatever way */
} Settle;

/* Puts the regular file name of the directory from into the directory to, under the same name. The file
 * is moved, but copied if somebody could still write to it then: if it has a second name (all names in the
 * build then get the same copy), is open for writing somewhere, or the build is not released. If base (a directory, or -1) has a file of that name
 * with equal content and mode, that one is linked instead. */
int settle_file(const Settle *settle, int from, int base, int to, const char *name);

/* Links the file or symbolic link name of the directory base into the directory to; copies a file that
 * has no room for more links. */
int settle_link(const Settle *settle, int base, int to, const char *name);

/* The same under another name. */
int settle_link_as(const Settle *settle, int base, const char *name, int to, const char *new_name);
