/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Items that Steam gives only to its own client. left4me-workshop may not run steamcmd, and left4me-steam may not touch the Workshop's cache: so
 * the one writes down what it wants, in a directory in the overlay's root that no version gets (it is made by the manifest), and ends with
 * WORKSHOP_WISHES_STATUS; left4med then has the other fetch it into the same directory, on the same stack, and the first one goes on.
 *
 * Each takes what it reads for hostile. `wanted` has lines ID REVISION, `told` lines ID REASON for what did not come; what came is
 * ID-REVISION.vpk, as in the cache.
 */

#include <glib.h>

#define WISHES_DIRECTORY ".left4me-steam"

typedef struct Wish {
        char *id, *revision;
        char *reason; /* why it did not come; NULL: it did, or nobody has tried */
} Wish;

Wish *wish_new(const char *id, const char *revision);
void wish_free(Wish *wish); /* takes NULL */

/* Of left4me-workshop; overlay is a directory, wishes are of Wish. */
int wishes_write(int overlay, const GPtrArray *wishes, GError **error);

/* Of left4me-steam. *ret is the caller's; *ret_directory, too: where the files belong. */
int wishes_read(int overlay, GPtrArray **ret, int *ret_directory, GError **error);
int wishes_answer(int directory, const GPtrArray *wishes, GError **error);

/* 1: steamcmd was asked, *ret (the caller's) has the reasons by their ids; 0: not yet. */
int wishes_read_answer(int overlay, GHashTable **ret, GError **error);

/* The file that came for an item. -ENOENT: none. */
int wish_open(int overlay, const char *id, const char *revision);
