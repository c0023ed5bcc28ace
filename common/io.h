/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reading and writing to the end, over signals: for everybody, the helpers without GLib and children after a fork included. */

#include <sys/types.h>

/* All of it, or the error that ended it. */
int write_all(int fd, const void *data, size_t size);

/* Until size bytes are there or the file ends: how many there are. */
ssize_t read_full(int fd, void *data, size_t size);
