/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads a server's log from standard input with the product's own reader and writes one line for each: the event, then
 * what it has of player, victim and text, separated by tabs. So the tests hear whether what the stand-in logs is what
 * left4me understands. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "protocol/logline.h"

static void field(const char *text) {
        printf("\t%s", text ? text : "");
}

int main(void) {
        char line[LOGLINE_MAX + 2];

        while (fgets(line, sizeof(line), stdin)) {
                g_autoptr(LogLine) l = NULL;
                int r;

                r = logline_parse(line, strlen(line), &l);
                if (r < 0) {
                        printf("%s\n", strerror(-r));
                        continue;
                }
                printf("%s", log_event_to_string(l->event));
                field(l->player.name);
                field(l->player.account);
                field(l->victim.name);
                field(l->text);
                printf("\n");
        }
        return 0;
}
