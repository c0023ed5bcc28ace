/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/cpu-set.h"
#include "service/instance-config.h"
#include "service/types.h"

/* The edge: what is on the bus. Documented in dbus/: this is how, not what. */

int bus_add_objects(Manager *m); /* all of them */

int bus_add_instances(Manager *m);
int bus_add_overlays(Manager *m);
int bus_add_jobs(Manager *m);
int bus_add_qos(Manager *m);
int bus_add_shield(Manager *m);
int bus_add_cpus(Manager *m);
int bus_add_slices(Manager *m);

/* Asks polkit and makes the request: 1 with *ret, 0 when the answer is yet to come, < 0. what: "instance" or "overlay", the
 * detail for polkit, NULL for neither; name: of it, and what the log says. */
int bus_begin(Manager *m, sd_bus_message *call, const char *action, const char *verb, const char *what,
        const char *name, Request **ret, sd_bus_error *error);

/* Reads the settings of CreateInstance and the like into c. changing: those of Configure. Error: InvalidArgument. */
int bus_read_settings(
        Manager *m, sd_bus_message *call, InstanceConfig *c, bool changing, sd_bus_error *error);
int bus_append_settings(sd_bus_message *reply, const InstanceConfig *c);
int bus_append_held(sd_bus_message *m, const InstanceConfig *c); /* a{su} */

/* Appends an au. */
int bus_append_cpu_set(sd_bus_message *m, const CpuSet *s);

/* Reads a name. Error: InvalidArgument. what has it, with its article: "a server", "an overlay". */
int bus_read_name(sd_bus_message *call, const char *what, const char **ret, sd_bus_error *error);

/* Whether it may be a path inside an overlay or a server: relative, UTF-8 without control characters, no empty, "." and ".."
 * elements. */
bool bus_path_is_valid(const char *path);

/* A path to look at, as file_name_escape() tells its names. root: it may be "". Error: InvalidArgument. */
int bus_unescape_path(const char *text, bool root, char **ret, sd_bus_error *error);

/* Reads the options of OpenLog, opens the log and answers its pipe. units: NULL-terminated. begin: nothing older belongs to the
 * object. last: message ids that end it, NULL when it has no end, none when it has ended. Errors: InvalidArgument, LimitsExceeded. */
int bus_open_log(Manager *m, sd_bus_message *call, uid_t uid, const char *const *units, const char *field,
        const char *value, uint64_t begin, const char *const *last, sd_bus_error *error);

/* Answer Instance.ListFiles(), OpenFile(), FindConflicts(). */
int bus_list_files(Instance *i, sd_bus_message *call, sd_bus_error *error);
int bus_open_file(Instance *i, sd_bus_message *call, sd_bus_error *error);
int bus_find_conflicts(Instance *i, sd_bus_message *call, sd_bus_error *error);

/* Answer Instance.StopWhenEmpty() and CancelIntent(), and append Intents. */
int bus_stop_when_empty(Instance *i, sd_bus_message *call, sd_bus_error *error);
int bus_cancel_intent(Instance *i, sd_bus_message *call, sd_bus_error *error);
int bus_append_intents(sd_bus_message *reply, const Instance *i);

/* Reads a path inside an overlay, not "". Error: InvalidArgument. */
int bus_overlay_check_path(const char *path, sd_bus_error *error);

/* Methods of an overlay that are in a file of their own. */
int bus_overlay_list_files(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_overlay_diff(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_overlay_open_file(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_overlay_build(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_overlay_set_source(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_overlay_get_source(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_overlay_set_items(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_overlay_pin(sd_bus_message *call, void *userdata, sd_bus_error *error);

/* And properties. */
int bus_overlay_get_wanted_items(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error);
int bus_overlay_get_items(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error);
int bus_overlay_get_campaigns(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error);
int bus_overlay_get_update_available(sd_bus *bus, const char *path, const char *interface,
        const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error);
int bus_overlay_get_app(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error);
int bus_overlay_get_branch(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error);
int bus_overlay_set_app(sd_bus_message *call, void *userdata, sd_bus_error *error);

/* Answers Manager1.RefreshWorkshop(). */
int bus_refresh_workshop(sd_bus_message *call, void *userdata, sd_bus_error *error);

/* That it may be the source of a script. Error: InvalidArgument. */
int bus_check_source(const char *source, sd_bus_error *error);

/* Instance.Freeze() and Manager1.SeedScriptOverlays(), in files of their own. */
int bus_freeze(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_seed_scripts(sd_bus_message *call, void *userdata, sd_bus_error *error);

#define BUS_LABEL_MAX 100U

/* The label that a version gets. Error: InvalidArgument. */
int bus_overlay_check_label(const char *label, sd_bus_error *error);

/* Members of org.left4me.Manager1.QoS that are in a file of their own: its shaping half. */
int bus_set_shaper(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_clear_shaper(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_get_shapers(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *message, void *userdata, sd_bus_error *error);
/* Adds the entry Shapers to an a{sv}. figures: ShaperFigures; NULL for none. */
int bus_append_shaper_figures(sd_bus_message *m, GArray *figures);

/* Answers Check(): (ssss) of each. */
int bus_check(Manager *m, sd_bus_message *call, sd_bus_error *error);

/* Answers Manager1.GetStatistics() and Instance.GetStatistics(). Error: LimitsExceeded. */
int bus_statistics(Manager *m, sd_bus_message *call, sd_bus_error *error);
int bus_statistics_of(Instance *i, sd_bus_message *call, sd_bus_error *error);
