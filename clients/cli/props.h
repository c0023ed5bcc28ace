/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>

/*
 * Members of an a{sv}. A service that is older or newer than this client may lack some: they are empty
 * then. Strings belong to the dictionary.
 */

const char *props_string(GVariant *properties, const char *name);
uint64_t props_uint(GVariant *properties, const char *name);
gboolean props_has(GVariant *properties, const char *name);
gboolean props_boolean(GVariant *properties, const char *name);
double props_double(GVariant *properties, const char *name, double otherwise);
char *props_joined(GVariant *properties, const char *name, const char *separator);
GVariant *props_value(GVariant *properties, const char *name, const char *type);
