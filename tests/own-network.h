/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* No test touches the network of the machine that it runs on. */

#include <stdbool.h>

/* Gives the process, and what it starts from now on, a network namespace with nothing but loopback in it, which is up. Where that is not
 * allowed: false, and the right to change the machine's network is gone for whatever is started. */
bool own_network(void);
