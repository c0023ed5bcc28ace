/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "cli.h"

/* What several overlays of a server's stack bring of the same name. Only told, never a reason to refuse anything: who may not ask, or
 * asks a service that cannot tell, gets NULL, and NULL is told as nothing. */

GVariant *conflicts_get(Cli *cli, const char *path); /* a(ssas) */

char *conflicts_words(GVariant *conflicts); /* lines for people, "" for none */
void conflicts_warn(Cli *cli, const char *name, GVariant *conflicts);
/* As the member "conflicts"; none: also an empty one. */
void conflicts_add_json(JsonObject *object, GVariant *conflicts, gboolean none);
