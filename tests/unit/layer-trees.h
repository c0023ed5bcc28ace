/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Fills a directory with anything that a layer can hold: whiteouts of both kinds, opaque directories, links. upper: no whiteouts by
 * attribute, which the kernel takes from lower layers only. */
void layer_make_random(GRand *rand, const char *directory, unsigned depth, bool upper);

/* What a game does to its files: removes, replaces, renames, writes. What cannot be done is left. */
void layer_play(GRand *rand, const char *directory, unsigned depth);
