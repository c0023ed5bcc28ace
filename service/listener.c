/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "service/listener.h"

/* The kernel's TCP_LISTEN. Those who listen stand first in the table. */
#define LISTEN 0x0a

/* 0: the line tells of no one who listens. */
static int parse_line(const char *line, unsigned *ret_port, unsigned *ret_uid) {
        unsigned state;

        if (sscanf(line, " %*u: %*8[0-9A-F]:%4x %*8[0-9A-F]:%*4x %2x %*x:%*x %*x:%*x %*x %u", ret_port,
                    &state, ret_uid) != 3)
                return -EBADMSG;

        return state == LISTEN;
}

int listener_find(const char *table, uint16_t port, uid_t uid) {
        g_auto(GStrv) lines = g_strsplit(table, "\n", -1);
        unsigned its_port, its_uid;
        int r, found = 0;

        /* After the heading. */
        for (char **line = lines[0] ? lines + 1 : lines; *line && **line != '\0'; line++) {
                r = parse_line(*line, &its_port, &its_uid);
                if (r <= 0)
                        return r < 0 ? r : found;
                if (its_port == port && its_uid != uid)
                        return -EPERM;
                if (its_port == port)
                        found = 1;
        }

        return found;
}

int listener_check(uint16_t port, uid_t uid) {
        g_autoptr(GString) table = g_string_new(NULL);
        FILE *file;
        char line[256];
        unsigned its_port, its_uid;
        bool listens = true;

        file = fopen("/proc/net/tcp", "re");
        if (!file)
                return -errno;

        /* Not all of it: established connections can be many. */
        for (unsigned n = 0; listens && fgets(line, sizeof(line), file); n++) {
                listens = n == 0 || parse_line(line, &its_port, &its_uid) != 0;
                g_string_append(table, line);
        }
        (void) fclose(file);

        return listener_find(table->str, port, uid);
}
