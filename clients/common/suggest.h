/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

unsigned suggest_distance(const char *a, const char *b);
const char *suggest(const char *word, const char *const *candidates);
