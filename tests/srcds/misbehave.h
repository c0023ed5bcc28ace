/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Misbehaviour on request: ends of all kinds, floods, leaks, stalls, garbage. README.md lists the words. */
#pragma once

#include <stdint.h>

#include "types.h"

typedef struct CommandTable CommandTable;

extern const CommandTable misbehave_commands;

/* Handlers that leave a minidump as the real server does; SIGUSR1 crashes at once. */
void crash_prepare(void);
/* As if somebody else had the port and -strictportbind were there. Does not return. */
void misbehave_refuse_port(Server *s) __attribute__((noreturn));
void misbehave_burn(Server *s);  /* the work of one tick */
void misbehave_flood(Server *s); /* what an endless flood prints between two looks at everything else */
void misbehave_stall(uint64_t ms);
