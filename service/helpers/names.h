/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What may be a name, a number, a path, a link target. Pure, and strict: what passes here becomes part of
 * a path. */

#include <stdbool.h>
#include <stdint.h>

#define TREE_DEPTH_MAX 64U /* directories below each other in a version */
#define TREE_PATH_MAX 1000U
#define TREE_NAME_MAX 255U

typedef enum MountKind {
        MOUNT_SERVER, /* server-NAME: the merged tree of an instance */
        MOUNT_BUILD,  /* build-N: what the build of job N works on */
        _MOUNT_KIND_MAX,
} MountKind;

typedef struct MountId {
        MountKind kind;
        const char *text; /* as given, `server-NAME` or `build-N` */
        const char *name; /* the part behind the first dash */
} MountId;

/* [a-z0-9][a-z0-9_-]{0,63} */
bool name_valid(const char *name);

/* A decimal number from 1 to 2^32-1 without sign, blank or leading zero. */
int number_parse(const char *text, uint32_t *ret);

/* The instance name of a left4me-overlay@ unit; *ret points into text. */
int mount_id_parse(const char *text, MountId *ret);

/* Whether a file name is one that a version may hold: UTF-8 without control characters, not `.` or `..`. */
bool entry_name_valid(const char *name);

/* Brings a path from outside into the form `a/b/c` (`.`, doubled and trailing slashes go), "" for the
 * root of the tree. Refuses what is absolute, has a `..`, a name that entry_name_valid() refuses, or
 * passes the limits above. *ret is the caller's. */
int path_normalise(const char *path, char **ret);

/* Whether a symbolic link that stands depth directories below the root of its tree stays inside. `..` may
 * stand only at the front of a target, where it counts real directories; behind a name it would count
 * from wherever that name, itself a link, leads. So if each link of a tree passes, no chain of them
 * leaves it, and none does when the tree becomes a layer among others. */
bool link_stays_inside(const char *target, unsigned depth);

/* Number of directories above a normalised path: 0 for `a`, 2 for `a/b/c`. */
unsigned path_depth(const char *path);
