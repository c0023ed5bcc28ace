/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * An entry {"KEY": <...>} of an a{sv} that is being written, whose value is too long for one sd_bus_message_append(). What comes between
 * opening and closing is the value, of this type.
 */
int bus_open_entry(sd_bus_message *m, const char *key, const char *type);
int bus_close_entry(sd_bus_message *m);

/* The same for an array that is appended one element after the other: what comes between are the elements. */
int bus_open_array_entry(sd_bus_message *m, const char *key, const char *type);
int bus_close_array_entry(sd_bus_message *m);

/*
 * Goes through an a{sv} that is being read, such as the answer of GetAll: read gets each key while the message stands at its value, and
 * returns more than 0 when it has read that, 0 when it has not (it is passed over), or an error, which ends it. An error reply is its errno.
 */
typedef int (*BusEntryReader)(sd_bus_message *m, const char *key, void *userdata);

int bus_read_entries(sd_bus_message *m, BusEntryReader read, void *userdata);
