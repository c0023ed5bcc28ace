/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/netlink.h"
#include "service/shaper-plan.h"
#include "service/shaper.h"

/* What the files of shaper*.c share. */

typedef struct Shaper {
        Shapers *all;
        char *interface;
        ShaperConfig config;
        bool known;   /* it stands in the store: what has our handle is ours */
        bool leaving; /* to be taken out of the kernel, and then forgotten */
        bool left;    /* that was what was planned last */

        int link, ifb; /* as last seen, 0: not there */
        ShaperPlan plan;
        char *why; /* it is foreign */

        int r; /* the kernel refused, in this run */
        char *refusal;

        bool said, asked; /* something was said in this run; because a call asked for it */
        uint64_t window;  /* usec: when what we said began to be counted */
        unsigned n_said;
        bool tired;

        char *state;
} Shaper;

/* A SetShaper() or ClearShaper() that waits for its turn, or for the kernel. */
typedef struct ShaperCall {
        Request *request;
        char *interface;
        ShaperConfig config;
        bool clear;

        ShaperConfig old; /* what was asked for before, if anything */
        bool had;
        bool begun;

        char *refusal; /* it failed, and is being undone: what will be answered */
        const char *refusal_name;
} ShaperCall;

struct Shapers {
        Manager *manager;
        Netlink *netlink; /* NULL: there is none */
        void (*changed)(Manager *m);
        GTree *shapers; /* interface -> Shaper */
        GQueue calls;   /* ShaperCall; the first one may have begun */

        bool busy, again, closing;
        int r; /* the kernel could not be asked, in this run */
        unsigned rounds, awaited;
        TcSnapshot seen;
        sd_event_source *timer;

        void (*gone)(void *userdata); /* of shapers_take_down() */
        void *gone_userdata;
};

/* -- shaper-run.c ---------------------------------------------------------------------------------------------- */

/* Looks, says what is to be said, looks again, until all is as it is to be; once more afterwards if it is called meanwhile. */
void shapers_run(Shapers *s);

/* -- shaper-call.c --------------------------------------------------------------------------------------------- */

/* What is seen is fresh: the next call may begin. */
void shaper_calls_begin(Shapers *s);

/* A run has ended: what has begun is answered. */
void shaper_calls_end(Shapers *s);

/* The program ends: nobody is answered. */
void shaper_calls_drop(Shapers *s);

/* -- shaper.c -------------------------------------------------------------------------------------------------- */

Shaper *shapers_add(Shapers *s, const char *interface, const ShaperConfig *c);
void shapers_forget(Shapers *s, const char *interface);

ShaperPlan shaper_look(Shaper *shaper, GByteArray *messages);

/* Writes what is asked for, without those of `without` (NULL: with all). */
int shapers_store(Shapers *s, const char *without);

/* Sets its state from how the run went for it. */
void shaper_settle(Shaper *shaper);

bool shaper_is_unsupported(const Shaper *shaper);
