/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * A call of GetStatistics() under way, on whichever object: its answer is put together by what is asked for at the same time, and sent
 * when the last of them has come. Manager.n_statistics counts them, for a limit that all objects share.
 */
typedef struct FiguresCall {
        Manager *manager;
        sd_bus_message *call;
        sd_bus_message *reply;
        unsigned awaited;
        bool open; /* the reply is an array that is closed at the end */
        int r;     /* < 0: the answer is an error; -ECANCELED: left4med ends, nobody is answered */
        char *why; /* the error's text, NULL for the usual one */
} FiguresCall;

/* contents: what the array that is answered consists of, "{sv}" for a dictionary; NULL for an answer that the caller opens and closes.
 * The result awaits one unref. Error: LimitsExceeded. */
int figures_call_new(
        Manager *m, sd_bus_message *call, const char *contents, FiguresCall **ret, sd_bus_error *error);

/* One more is asked. */
FiguresCall *figures_call_ref(FiguresCall *c);

/* One has answered; after the last one the call is answered and freed. */
void figures_call_unref(FiguresCall *c);
