/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>

gboolean timespec_parse(const char *text, uint64_t now, uint64_t *ret_usec);
