/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the stand-ins share: a connection of their own to the private bus, a name on it, the XML of what they offer. */

#include <gio/gio.h>

GDBusConnection *standin_connect(const char *bus_address);
/* Gives the connection back to the bus and to the caller's reference. */
void standin_disconnect(GDBusConnection *bus);

/* The name is there, or gone, on return. */
void standin_own_name(GDBusConnection *bus, const char *name);
void standin_release_name(GDBusConnection *bus, const char *name);

/* Parses an XML file of this directory. */
GDBusNodeInfo *standin_interfaces(const char *file);

/* As sd_bus_path_encode(): all but letters and digits is escaped, a digit in front as well. */
char *standin_path(const char *prefix, const char *name);
/* What the last element of the path encodes. */
char *standin_decode(const char *path);
