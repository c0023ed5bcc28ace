/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/console.h"
#include "service/instance.h"
#include "service/unit.h"

/* What instance.c (the object), instance-run.c (start, stop, restart) and instance-files.c (what the server reads) share. */

/* The stack as it is set now. Error: MissingLayer. */
int instance_plan_stack(const Instance *i, Stack **ret, sd_bus_error *error);

/* The version of a layer that the next start takes. */
uint32_t instance_wanted_version(const Instance *i, const Overlay *o);

/* That what c holds is in its stack (which is there) and has that version. Errors: NoSuchVersion, InvalidArgument. */
int instance_check_held(Manager *m, const InstanceConfig *c, sd_bus_error *error);
bool instance_held_equal(const InstanceConfig *a, const InstanceConfig *b);
void instance_rename_held(Instance *i, const char *from, const char *to);

/* The stack that was written for the last start. */
int instance_read_stack(const Instance *i, Stack **ret);

/* Writes stack, argv, server.cfg and left4me.cfg, with a new RCON password. Errors: MissingLayer, NoSpace, Failed. */
int instance_write_files(Instance *i, sd_bus_error *error);

/* Opens the remote console of a server that runs, see console_new(). -EACCES: it has refused the password in this run. */
int instance_new_console(Instance *i, ConsoleDone done, void *userdata, Console **ret);

/* The server has refused the password: it is not asked again in this run. */
void instance_note_refusal(Instance *i);

/* A call of OpenConsole under way, in Manager.consoles. */
void console_call_free(gpointer call);

/* The two units changed: called for each of them. */
void instance_on_server(Unit *u, void *userdata);
void instance_on_mount(Unit *u, void *userdata);

/* Takes over what the server's unit says now, and notes what is new. */
void instance_take_state(Instance *i);

/* Reads which layers are mounted now. */
void instance_read_layers(Instance *i);

/* Busy, InstanceRunning: no operation is under way, and nothing runs. */
int instance_check_idle(const Instance *i, sd_bus_error *error);
int instance_check_down(const Instance *i, sd_bus_error *error);

/* Tells that the users of the overlays in this configuration may have changed. */
void instance_tell_overlays(Manager *m, const InstanceConfig *c);

/* Stops or restarts a server that runs, for nobody in particular. -EBUSY: an operation is under way; other errors: a restart would not
 * find its stack. */
int instance_begin(Instance *i, bool restart);

/* Starts an instance that is down and idle, for nobody in particular: whether it worked goes to the log. */
void instance_begin_autostart(Instance *i);
