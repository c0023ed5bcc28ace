/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "left4me-proxies.h"

/*
 * A private bus with a service on it that speaks the contract and does what a test tells it: by itself
 * every call succeeds at once. It lives in the test's own main loop, so that a test decides when a call is
 * answered.
 */

typedef struct Fake Fake;

/* Sees each call first. Returns TRUE when it has answered, or keeps the invocation to answer it later. */
typedef gboolean (*FakeHook)(
        Fake *f, const char *method, const char *name, GDBusMethodInvocation *invocation);

typedef enum {
        FAKE_IMPORT_TAKE,   /* reads all, and makes a version of it */
        FAKE_IMPORT_HOLD,   /* reads nothing: the pipe fills up */
        FAKE_IMPORT_REFUSE, /* closes the pipe, and the job fails */
        FAKE_IMPORT_READ,   /* reads all; the job goes on */
} FakeImport;

struct Fake {
        GPid daemon;
        char *address;
        GDBusConnection *bus;
        L4Manager1 *manager;
        GDBusObjectManagerServer *objects;
        GPtrArray *calls; /* "Start versus-1 ()"; with "!" in front when the user may be asked */
        FakeHook hook;
        FakeImport import;
        GString *imported;
        int import_fd;
        unsigned last_job;
        const char *log;       /* what OpenLog gives */
        const char *conflicts; /* what FindConflicts gives, as GVariant text */
        const char *checks;    /* what Check gives, as GVariant text */
        const char *locale;    /* of the runs; NULL: C.UTF-8 */
        gpointer data;         /* the test's */
};

Fake *fake_new(void);
void fake_free(Fake *f);
void fake_own_name(Fake *f);
void fake_release_name(Fake *f);
/* Offers a skeleton, whose calls are noted and shown to the hook. */
void fake_export(Fake *f, const char *path, gpointer interface);
gpointer fake_find(Fake *f, const char *path, const char *interface);

L4Manager1Instance *fake_add_instance(Fake *f, const char *name, unsigned port);
L4Manager1Overlay *fake_add_overlay(Fake *f, const char *name);
L4Manager1Job *fake_add_job(Fake *f, const char *kind, const char *subject, const char *state);
void fake_remove(Fake *f, const char *prefix, const char *name);
void fake_set_state(L4Manager1Instance *instance, const char *active, const char *sub);
void fake_set_job(L4Manager1Job *job, const char *state, double progress, const char *message);
void fake_read_import(Fake *f, L4Manager1Job *job);
L4Manager1Job *fake_job(Fake *f, unsigned number);
void fake_add_version(L4Manager1Overlay *overlay, guint64 size, guint64 files, const char *label);
gboolean fake_called(const Fake *f, const char *call);
