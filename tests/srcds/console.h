/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The console: splits text into commands, finds who answers, runs cfg files. */
#pragma once

#include "types.h"

#define COMMAND_WORDS 64

typedef struct Command {
        int argc;
        char *argv[COMMAND_WORDS];
        const char *
                rest; /* everything behind the first word, its outer quotes removed: what a cvar is set to */
} Command;

typedef struct CommandDef {
        const char *name;
        int min_words; /* without the command itself */
        const char *usage;
        void (*run)(Server *s, const Command *c);
} CommandDef;

typedef struct CommandTable {
        const CommandDef *commands; /* ends with a NULL name */
} CommandTable;

typedef struct Cvar Cvar;

void console_set_cvar(Server *s, Cvar *c, const char *value); /* with all that a write does */
void console_execute(Server *s, const char *text);
void console_exec_file(Server *s, const char *file);
