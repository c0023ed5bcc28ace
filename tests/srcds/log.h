/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the server speaks: the console (standard output, one write a line) and the game log, whose lines
 * go to a file below left4dead2/logs and, with sv_logecho, to the console too. */
#pragma once

#include <netinet/in.h>
#include <stdio.h>

#include "cvar.h"

#define LOG_ADDRESSES_MAX 16

typedef struct Log {
        FILE *file;
        bool on;
        struct sockaddr_in addresses[LOG_ADDRESSES_MAX]; /* that get it as datagrams */
        size_t n_addresses;
        int udp;       /* from this socket, the game's */
        char name[96]; /* relative to the game directory, as the log itself names it */
} Log;

/* From now on console_print() writes to a buffer, which console_redirected() hands over, to be freed. */
void console_redirect(void);
char *console_redirected(size_t *ret_size);

void console_print_text(const char *text); /* whole lines */
void console_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void standin_note(const char *format, ...)
        __attribute__((format(printf, 1, 2))); /* "standin: ..." : no real line */

void log_start(Log *l, CvarTable *cvars, const char *game, const char *ip, unsigned port);
void log_stop(Log *l, CvarTable *cvars);
void log_line(Log *l, CvarTable *cvars, const char *format, ...) __attribute__((format(printf, 3, 4)));
