/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/*
 * The remote console of a game server. left4med opens and authenticates the connection; commands and answers then go directly to and
 * from the server.
 */

typedef struct Console Console;

typedef enum {
        CONSOLE_ANSWERED, /* perhaps by nothing: many commands say nothing */
        CONSOLE_CUT,      /* answered in part: it was too long, or did not come to its end in time */
        CONSOLE_SENT,     /* one after which the server says nothing, or ends the connection */
        CONSOLE_LOST,     /* the connection ended instead of an answer */
        CONSOLE_SILENT,   /* no answer in time */
} ConsoleResult;

Console *console_new(Cli *cli, const char *name);
Console *console_free(Console *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Console, console_free)

/* Asks left4med for the connection, unless there is one that still lives; says what is wrong. Returns the exit code. */
int console_open(Console *c, gboolean *ret_again);

/* Whether text can be sent; says what is wrong with it otherwise. */
gboolean console_check(Cli *cli, const char *text);

/* Sends a command on the open connection and waits for the answer: any bytes but NUL. */
ConsoleResult console_run(Console *c, const char *command, GString **ret_answer);

/* Whether after one of these commands the server ends the connection, and whether one of them ends the server itself or takes left4med's
 * password from it. */
gboolean console_ends_session(const char *command);
gboolean console_ends_server(const char *command);
gboolean console_sets_password(const char *command);
