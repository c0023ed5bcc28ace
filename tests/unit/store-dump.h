/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/store.h"

/* All that a store gives back, as one text, to compare. The caller frees it. */
char *store_dump(Store *s);

/* Asserts that store_dump() gives this. */
void store_assert(Store *s, const char *dump);

/* Opens the database, which must work. */
Store *store_open_good(const char *path);

/* A config whose lists say the letter; its layers are from `maps` and `mods`, its game is `l4d2`. */
InstanceConfig *store_example(uint16_t port, char letter, unsigned n_cvars);

/* A store with those three overlays. */
Store *store_open_example(const char *path);
