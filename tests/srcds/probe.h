/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The probe stands in the place of srcds_linux and tries what a game server must not be able to do. */
#pragma once

#include <stdbool.h>

typedef struct Probe {
        char **argv;
        const char *game;
        const char *walk; /* where the search for writable directories begins */
        unsigned port;
        char tree[4096]; /* where it was started: the merged tree */
        int shm_id;      /* what this probe has made and takes away at its end */
        bool has_queue;
        unsigned checks;
        unsigned surprises;
} Probe;

/* One JSON line. `expect` is what the sandbox of a game server shall do, NULL when either is right. */
void report(Probe *p, const char *name, const char *result, const char *expect, const char *format, ...)
        __attribute__((format(printf, 5, 6)));
/* "allowed" for error 0, else "denied" with the name of the error number. */
void report_attempt(Probe *p, const char *name, const char *expect, int error);

void probe_directories(Probe *p);
void probe_visibility(Probe *p);
void probe_configuration(Probe *p);
void probe_status(Probe *p);
void probe_kernel(Probe *p);
void probe_memory(Probe *p);
void probe_processes(Probe *p);
void probe_ipc(Probe *p);
void probe_ipc_done(Probe *p);
void probe_network(Probe *p);
