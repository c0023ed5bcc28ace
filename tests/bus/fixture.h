/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The real left4med on a private bus, with stand-ins for systemd and polkit, on a root directory of its own. */

#include <gio/gio.h>
#include <stdbool.h>

#include "client.h"
#include "loop.h"
#include "mirror.h"
#include "polkit.h"
#include "systemd.h"

/* What happens when a unit runs; see world.h. */
typedef enum World {
        WORLD_IDLE,   /* nothing */
        WORLD_WORKS,  /* jobs do their work */
        WORLD_MOUNTS, /* and overlays are mounted */
} World;

typedef struct Fixture {
        char *directory; /* everything below is removed at the end */
        char *root;      /* what left4med takes for / */
        char *log;       /* left4med's standard error */
        char *address;   /* of the private bus */
        GSubprocess *bus;
        GSubprocess *daemon;
        Systemd *systemd;
        Polkit *polkit;
        GDBusConnection *client;
        Mirror *mirror;
        World world;
        guint imports;
} Fixture;

/* Adds a test; it starts with a running left4med and an empty store, and ends with a look at its signals and its exit. */
void fixture_add(const char *path, void (*test)(Fixture *f));
/* The same, without starting left4med. */
void fixture_add_stopped(const char *path, void (*test)(Fixture *f));

/* g_test_init() and g_test_run(). */
int fixture_main(int argc, char *argv[], void (*add_tests)(void));

/* Whether overlays can be mounted, in the mount namespace of this process and the daemon; skips the test if not. */
bool fixture_may_mount(void);

/* Whether the process and the daemon are in a network namespace of their own, with loopback only; skips the test if not. Where they are
 * not, the daemon has no right to change the machine's. */
bool fixture_may_network(void);

/* What left4me.conf's [Manager] says; needs a (re)start of the daemon, or Reload. */
void fixture_configure(Fixture *f, const char *keys);

/* Waits for the name and for what the mirror asked. */
void fixture_start(Fixture *f);
/* Its two halves. */
void fixture_begin_start(Fixture *f);
void fixture_wait_started(Fixture *f);
/* SIGTERM; it must exit with 0. */
void fixture_stop(Fixture *f);
/* SIGKILL, in the middle of whatever it does; stand-ins and files stay as they are. */
void fixture_kill(Fixture *f);
bool fixture_is_running(Fixture *f);
/* Starts it and waits for its end, for starts that must be refused; returns the exit code. */
int fixture_start_refused(Fixture *f);

/* Calls as the fixture's client. */
GVariant *call(Fixture *f, const char *path, const char *interface, const char *method, GVariant *arguments);
void call_refused(Fixture *f, const char *path, const char *interface, const char *method,
        GVariant *arguments, const char *error_name);

/* When it returns, the daemon has done all that it was told before, by the client and by the stand-ins, as far as it waits for
 * nothing else; for looking at what has *not* happened. */
void fixture_ping(Fixture *f);

/* A path below the root; whether it is there; its content ("" when not). */
char *fixture_path(Fixture *f, const char *path);
bool fixture_exists(Fixture *f, const char *path);
char *fixture_read(Fixture *f, const char *path);
void fixture_write(Fixture *f, const char *path, const char *content);
/* Those of an installed package; set up already, but not below what is mounted later. */
void fixture_make_directories(Fixture *f);
/* What a boot does to /run/left4me. */
void fixture_empty_run(Fixture *f);
/* All that left4med wrote to its log until now. */
char *fixture_read_log(Fixture *f);
