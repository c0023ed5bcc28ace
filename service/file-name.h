/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * Names of files as text. A game may give its files any bytes for a name, while strings on the bus are UTF-8 and terminals mind
 * control characters: what is not printable UTF-8, and the backslash, is told as \xNN, one for each byte. Ordinary names are
 * themselves.
 */

char *file_name_escape(const char *name);

/* A path as a caller gives it, back into bytes: relative, each of its elements 1 to 255 bytes long and neither "." nor "..", at
 * most 100 of them. "" is valid if root is. Returns NULL for one that is not valid. */
char *file_path_unescape(const char *path, bool root);
