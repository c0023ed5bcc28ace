/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * Opens the remote console of a game server on this host: connects, sends the password, and gives the connection away once the server
 * has accepted it. One password is sent once: the server bans an address that sends wrong ones. Knows nothing of instances.
 */

typedef enum ConsoleResult {
        CONSOLE_OPEN,
        CONSOLE_NOT_LISTENING, /* nobody takes connections on the port, for some seconds */
        CONSOLE_DROPPED,       /* the connection ended instead of an answer: that is what a ban looks like */
        CONSOLE_WRONG_PASSWORD, /* trying again brings the ban closer */
        CONSOLE_SILENT,         /* no answer within the deadline, as while a map is loaded */
        CONSOLE_STRANGER, /* who listens there is no server of left4me's, or does not speak the protocol */
        CONSOLE_FAILED,   /* on this side */
} ConsoleResult;

typedef struct Console Console;

/* fd: with CONSOLE_OPEN the connection, authenticated, all that was sent before is read, blocking, the taker's; else -1. Whatever the
 * result, the console is freed when this is called. */
typedef void (*ConsoleDone)(ConsoleResult result, int fd, void *userdata);

/* port: TCP, on 127.0.0.1, where a server that listens on all addresses takes connections; the password is for a listener of the user uid
 * only. -EINVAL: the password cannot be sent. */
int console_new(sd_event *event, uint16_t port, uid_t uid, const char *password, ConsoleDone done,
        void *userdata, Console **ret);

/* Gives it up: done is not called. */
Console *console_free(Console *c);
