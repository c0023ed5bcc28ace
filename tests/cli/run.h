/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "fake.h"

/* One run of left4mectl beside the test's main loop. */

typedef enum {
        RUN_PIPES = 0,         /* output to pipes, no input */
        RUN_STDIN = 1 << 0,    /* a pipe to write into */
        RUN_TERMINAL = 1 << 1, /* all of it a terminal of 80 columns */
        RUN_NARROW = 1 << 3,   /* of 40 columns and 4 rows */
        RUN_NOBODY = 1 << 2,   /* not as root; only where the test is root */
} RunFlags;

typedef struct {
        GPid pid;
        GString *out, *err; /* a terminal's output is all in out */
        int in;             /* to write into: a pipe or the terminal; -1 when there is none */
        unsigned open;      /* outputs that have not ended */
        gboolean exited;
        int status;
} Run;

Run *run_start(Fake *f, RunFlags flags, const char *const *words);
void run_wait(Run *r);
void run_until(Run *r, const char *text);
void run_send(Run *r, const char *text);
void run_close_input(Run *r);
void run_free(Run *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Run, run_free)

Run *run_to_end(Fake *f, RunFlags flags, int code, ...) G_GNUC_NULL_TERMINATED;
#define RUN(f, code, ...) run_to_end(f, RUN_PIPES, code, __VA_ARGS__, NULL)
#define RUN_ON_TERMINAL(f, code, ...) run_to_end(f, RUN_TERMINAL, code, __VA_ARGS__, NULL)

void assert_has(const GString *text, const char *part);
void assert_lacks(const GString *text, const char *part);
void run_loop_until(gboolean (*done)(gconstpointer data), gconstpointer data);
