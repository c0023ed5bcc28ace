/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Bytes as they are written down in captures: two digits each, and blanks. Aborts on anything else. */
GByteArray *from_hex(const char *text);
void append_hex(GByteArray *out, const char *text);

/* Aborts, showing both, unless b holds these bytes. */
void assert_hex(const GByteArray *b, const char *expected);
