/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Interfaces and their queues in the network namespace of this process, which own_network() has made; whatever fails ends the test. */

#include <glib.h>

void links_add(const char *name); /* one of a veth pair, up; the other is NAME with a p at the end */
void links_delete(const char *name);
unsigned links_index(const char *name);

/* Puts a queueing discipline with a handle at the root, as another program would. */
void links_set_root(const char *name, const char *kind, guint32 handle);

/* "pfifo 5:", of what is at the root; the kernel's default has handle 0. */
char *links_root(const char *name);
