/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Console variables: a fixed table of the ones that configurations of L4D2 use. Any other name is an
 * unknown command. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
        CVAR_NOTIFY = 1 << 0, /* a change is told to the log as server_cvar, and listed at each map start */
        CVAR_PROTECTED = 1 << 1, /* the value never shows */
};

typedef struct Cvar {
        const char *name;
        const char *initial;
        unsigned flags;
        char *value; /* NULL: still the initial one */
        unsigned writes;
        char *added; /* the name, if it is none of the table */
} Cvar;

typedef struct CvarTable {
        Cvar *cvars;
        size_t n;
} CvarTable;

void cvar_table_init(CvarTable *t);
void cvar_table_done(CvarTable *t);

void cvar_add(
        CvarTable *t, const char *name, const char *value, unsigned flags); /* a plugin's; value: static */
Cvar *cvar_find(CvarTable *t, const char *name);
const char *cvar_value(const Cvar *c);
const char *cvar_shown(const Cvar *c);     /* what may be printed of it */
bool cvar_set(Cvar *c, const char *value); /* whether that changed it */
const char *cvar_string(CvarTable *t, const char *name);
double cvar_number(CvarTable *t, const char *name);
