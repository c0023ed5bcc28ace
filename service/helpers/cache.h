/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

#include "roots.h"

#define WORKSHOP_CACHE "workshop_cache"

/* Removes files of the Workshop's cache that no version links and nobody has used for so many seconds, and what downloads left that nobody went
 * on with. */
int cache_prune(const Roots *roots, uint64_t age, GError **error);
