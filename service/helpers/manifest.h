/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A version of an overlay of the Workshop is made by the manifest that left4me-workshop wrote (protocol/workshop.h), and of nothing else: each
 * item's file is a link to that in the cache, or to the one in the version before. The manifest was written in the sandbox and names files
 * only by id and revision. */

#include <glib.h>

#include "protocol/workshop.h"
#include "settle.h"

/* Takes the manifest out of the build's upper layer, to builds/N/manifest, where the manager reads it too. 1 and *ret, the caller's; 0: there is
 * none, for there was no news. */
int manifest_take(int build, int upper, WorkshopList **ret, GError **error);

/* Puts the items' files into the tree stage. cache is a directory; base the version before, or -1. */
int manifest_link(
        const WorkshopList *list, int cache, int base, int stage, const Settle *settle, GError **error);
