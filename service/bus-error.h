/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "dbus/names.h"
#include "service/types.h"

/* Tells sd-bus our error names, so that sd_bus_error_setf() returns an errno that fits each of them. */
void bus_error_register(void);

/* Sets the named error that fits a failed operation on files or the store: NoSpace for a full disk or quota, Failed for the rest.
 * what says what was tried, as in "Cannot write the stack of 'versus-1'". Returns the negative errno. */
int bus_error_set_io(sd_bus_error *error, int r, const char *what);
