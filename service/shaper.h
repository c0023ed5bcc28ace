/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/shaper-config.h"
#include "service/types.h"

/*
 * CAKE on the interfaces that it is asked for: set, looked at again, and set again when somebody took it away or the interface came
 * anew. What is asked for is in the store. An interface that another program manages is left alone unless we are told otherwise, and a
 * fight is given up for a while. What goes out is shaped on the interface itself, what comes in on an ifb device of ours behind it.
 */

#define SHAPER_ACTIVE "active"
#define SHAPER_BLIND "besteffort ignores what left4me marks: game packets wait with all others"

typedef struct ShaperInfo {
        const char *interface;
        const ShaperConfig *config;
        const char *state;   /* "active", or why not */
        const char *warning; /* NULL for none */
} ShaperInfo;

/* One CAKE that is in force on an interface that is asked for, be it ours or another program's. */
typedef struct ShaperFigures {
        const char *interface;
        bool ingress;
        CakeOptions options;
        CakeStatistics statistics;
} ShaperFigures;

/* figures: ShaperFigures, sorted by interface; NULL when the kernel does not answer. */
typedef void (*ShaperFiguresDone)(GArray *figures, void *userdata);

/* Reads what is asked for and begins to set it. changed: something that shapers_each() tells is different now. Where there is no rtnetlink
 * the states say so. */
Shapers *shapers_new(Manager *m, void (*changed)(Manager *m));
Shapers *shapers_free(Shapers *s);

/* Both take the request, and answer it when the kernel has it. */
void shapers_set(Shapers *s, Request *q, const char *interface, const ShaperConfig *c);
void shapers_clear(Shapers *s, Request *q, const char *interface);

/* By name. */
void shapers_each(Shapers *s, void (*each)(const ShaperInfo *i, void *userdata), void *userdata);

/* done() exactly once, unless this fails. */
int shapers_get_figures(Shapers *s, ShaperFiguresDone done, void *userdata);

/* Takes all of them out of the kernel, and leaves them in the store: before the program goes. */
void shapers_take_down(Shapers *s, void (*done)(void *userdata), void *userdata);

/* The doctor: whether this kernel has CAKE, and each interface. */
int shapers_check(Shapers *s, GPtrArray *findings, void (*done)(void *userdata), void *userdata);
