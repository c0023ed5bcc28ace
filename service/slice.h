/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/cpu-set.h"
#include "service/object.h"
#include "service/pressure.h"
#include "service/types.h"

/* A unit of systemd's that has CPUs of its own: what it may use, as systemd says it, and what it uses. */

typedef enum SliceId {
        SLICE_GAME,
        SLICE_BUILD,
        SLICE_SYSTEM,
        SLICE_USER,
        SLICE_INIT, /* of PID 1, which stands outside of all slices; not on the bus */
        _SLICE_MAX,
} SliceId;

/* Each figure that nobody knows is UINT64_MAX. */
typedef struct SliceFigures {
        CpuSet allowed;   /* empty: any */
        CpuSet effective; /* as the kernel says; empty when it does not */
        char *cgroup;     /* "" while there is none */
        uint64_t cpu_usage, memory, tasks;
        bool has_pressure[3]; /* of cpu, io, memory */
        Pressure pressure[3];
} SliceFigures;

struct Slice {
        Object object;
        Manager *manager;
        SliceId id;
        SliceFigures figures; /* as they last came; only what is allowed is kept up to date */
        void *refresh;        /* QueuedCall: is under way */
        void (*refreshed)(Slice *s, void *userdata);
        void *userdata;
};

/* Bits of what changed. */
enum {
        SLICE_CHANGED_ALLOWED = 1U << 0,
};

/* refreshed is called after each answer of systemd, and when there is none. */
Slice *slice_new(Manager *m, SliceId id, void (*refreshed)(Slice *s, void *userdata), void *userdata);
Slice *slice_free(Slice *s);

const char *slice_name(const Slice *s); /* "game" */
const char *slice_unit(const Slice *s); /* "l4d2-game.slice" */

/* Asks systemd anew. */
int slice_refresh(Slice *s);
bool slice_is_refreshing(const Slice *s);

/* Asks for the figures; done is called exactly once, unless the slice is freed before. With pressure. */
typedef void (*SliceDone)(const SliceFigures *figures, void *userdata);
int slice_get_figures(Slice *s, SliceDone done, void *userdata);
