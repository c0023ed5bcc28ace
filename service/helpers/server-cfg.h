/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* The game runs one server.cfg only, which left4me writes. An overlay's own one is therefore linked as
 * `server_OVERLAY.cfg` beside it, and the written one runs those of the whole stack. stage is the tree of
 * the version that is made, base that of the version before it, or -1. */
/* For a version of an overlay that gets another name: gives its server.cfg the link of that name besides, and takes away the one of
 * the old name once the overlay has the new one. `version` is the tree. Both can be done again. */
int server_cfg_add_name(int version, const char *to, GError **error);
int server_cfg_drop_name(int version, const char *from, GError **error);

int server_cfg_link(int stage, int base, const char *overlay, GError **error);
