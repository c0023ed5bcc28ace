/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The XML files of dbus/, read as the tests need them. */

#include <gio/gio.h>
#include <stdbool.h>

typedef struct Contract Contract;

Contract *contract_new(void);
void contract_free(Contract *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Contract, contract_free)

/* NULL when the contract has no such interface. */
GDBusInterfaceInfo *contract_interface(Contract *c, const char *name);

/* The names of all of them, ended by NULL. */
extern const char *const contract_interfaces[];

/* What is wrong with this a{sv} as the complete properties of the interface, and as a change of some; NULL when nothing is. */
char *contract_missing(Contract *c, const char *interface, GVariant *properties);
char *contract_not_changeable(Contract *c, const char *interface, GVariant *properties);

/* "true", "const", "invalidates" or "false": of the property, else of its interface, else the specification's default. */
const char *contract_emits(GDBusInterfaceInfo *interface, GDBusPropertyInfo *property);
