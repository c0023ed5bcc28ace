/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A host with content: the real left4me-build and left4me-tree run as what their units run, and overlays and instances are made
 * through the bus as any client would. */

#include "fixture.h"

/* Lets the units of jobs do their work: left4me-tree's code in this process, left4me-build as a child, and of left4me-overlay the
 * directories only (nothing is mounted: a build sees an empty tree, and its new files are the upper layer). */
void world_perform(Fixture *f);

/* Besides, lets left4me-overlay mount for real, which takes rights that not every machine gives: false (and the test is skipped)
 * without them. */
bool world_mount(Fixture *f);

/* An overlay without a version; with one version of a few files, by way of Import. Returns the path. */
char *world_empty_overlay(Fixture *f, const char *name);
char *world_overlay(Fixture *f, const char *name);

/* What a child that does a unit's work does first (see systemd_watch_child()); it ends with the test. */
void world_in_child(gpointer data);

/* One more version. */
void world_import(Fixture *f, const char *name);

/* Stopped, on the next free port, with this overlay as its game. Returns the path. */
char *world_instance(Fixture *f, const char *name, const char *game);

/* The usual pair: the overlay "game", not imported, and an instance on it. */
char *world_server(Fixture *f, const char *name);

/* The same with a game that can be started. */
char *world_startable(Fixture *f, const char *name);

/* Begins an upload: the job's path, and the end of the pipe to write to. */
char *world_begin_import(Fixture *f, const char *overlay, const char *options, int *ret_pipe);

/* Begins whatever answers a job and a pipe: Import, PutFile. arguments: all of them, taken. */
char *world_begin_upload(
        Fixture *f, const char *overlay, const char *method, GVariant *arguments, int *ret_pipe);

/* Puts a file, and waits for the end of the job; its State. options: GVariant text. */
const char *world_put(
        Fixture *f, const char *overlay, const char *path, const char *content, const char *options);

/* A small tar archive: a directory and two files; one with a single file of that name. Size through ret. */
GBytes *world_archive(void);
GBytes *world_archive_of(const char *name, const char *content);

/* Writes while the main loop runs, and closes. Returns 0 or the errno at which it ended. */
int world_write(int pipe, GBytes *data);

/* Waits for the job to end and returns its State. */
const char *world_wait_job(Fixture *f, const char *job);

/* Waits until no job is queued or running. */
void world_wait_idle(Fixture *f);

/* Lets left4me-cpus@LIST run the real left4me-cpus. */
void world_divide_cpus(Fixture *f);

/* Starts left4me-cpus; list NULL for verbs that take none. The child is the caller's. */
GPid world_run_cpus(Fixture *f, const char *verb, const char *list);

/* The only child of a reply, an object path. */
char *world_take_path(GVariant *reply);
