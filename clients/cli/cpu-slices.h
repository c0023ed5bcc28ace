/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"
#include "json.h"

/* The slices as the service has them: what they may use and what they use. */

typedef struct Slices Slices;

/* NULL with *error. */
Slices *slices_load(Cli *cli, GError **error);
Slices *slices_free(Slices *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Slices, slices_free)

void slices_print(Cli *cli, const Slices *s);
JsonArray *slices_json(const Slices *s);
