/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus-entry.h"

int bus_open_entry(sd_bus_message *m, const char *key, const char *type) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);

        return r < 0 ? r : sd_bus_message_open_container(m, 'v', type);
}

int bus_close_entry(sd_bus_message *m) {
        int r;

        r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int bus_open_array_entry(sd_bus_message *m, const char *key, const char *type) {
        int r;

        r = bus_open_entry(m, key, type);
        return r < 0 ? r : sd_bus_message_open_container(m, 'a', type + 1);
}

int bus_close_array_entry(sd_bus_message *m) {
        int r;

        r = sd_bus_message_close_container(m);
        return r < 0 ? r : bus_close_entry(m);
}

int bus_read_entries(sd_bus_message *m, BusEntryReader read, void *userdata) {
        const char *key;
        int r;

        if (sd_bus_message_get_error(m))
                return -sd_bus_message_get_errno(m);

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0)
                        r = read(m, key, userdata);
                if (r == 0)
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }

        return r < 0 ? r : sd_bus_message_exit_container(m);
}
