/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Makes the tree that an overlay mount of a base version and an upper layer showed, as a plain directory.
 * What the build left alone becomes links to the base's files, what it wrote moves in. What the kernel
 * wrote into the upper layer is honoured: whiteouts (character device 0:0) and opaque directories.
 * Directories and whiteouts of the upper layer stay until the end, so that a merge that was cut off at
 * any point is completed by doing it again. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "settle.h"

/* upper layer, base version (-1: none) and the tree to make are directories. */
int merge_trees(int upper, int base, int stage, const Settle *settle, GError **error);

typedef struct TreeFigures {
        uint64_t size;  /* bytes in files, as `ls` shows them */
        uint64_t files; /* all but directories */
        bool changed;   /* anything is another file than in the base; without one: there is anything */
} TreeFigures;

/* Measures a tree that merge_trees() made, against the base (-1: none). */
int measure_tree(int stage, int base, TreeFigures *ret, GError **error);
