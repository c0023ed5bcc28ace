/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * Servers that are to run are started once at each boot, some at a time; not again when the manager is restarted. The mark that it is done
 * lies in /run, which a boot empties, and is made last: a manager that is killed in the middle starts the rest next time.
 */

void autostart_begin(Manager *m);

/* The start of an instance has ended, well or not. */
void autostart_ended(Instance *i);

/* An instance goes away. */
void autostart_forget(Instance *i);
