/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* The game runs one server.cfg only, which left4me writes. An overlay's own one is therefore linked as
 * `server_OVERLAY.cfg` beside it, and the written one runs those of the whole stack. stage is the tree of
 * the version that is made, base that of the version before it, or -1. */
int server_cfg_link(int stage, int base, const char *overlay, GError **error);
