/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "service/auth.h"
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/firewall.h"
#include "service/instance.h"
#include "service/job.h"
#include "service/manager.h"
#include "service/request.h"
#include "service/unit.h"
#include "service/util.h"

/* -- properties ------------------------------------------------------------------------------------------------ */

static int property_get_string(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Instance *i = userdata;

        return sd_bus_message_append(reply, "s", g_str_equal(property, "Name") ? i->name : i->config->game);
}

static int property_get_state(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Instance *i = userdata;

        return sd_bus_message_append(reply, "s", g_str_equal(property, "ActiveState") ? i->active : i->sub);
}

static int property_get_port(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Instance *i = userdata;

        return sd_bus_message_append(reply, "q", i->config->port);
}

static int property_get_overlays(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Instance *i = userdata;

        return sd_bus_message_append_strv(reply, i->config->overlays);
}

static int property_get_flag(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Instance *i = userdata;

        return sd_bus_message_append(reply, "b",
                (int) (g_str_equal(property, "Autostart") ? i->config->autostart : i->update_pending));
}

static int property_get_last_exit(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Instance *i = userdata;

        return sd_bus_message_append(
                reply, "(sit)", i->last_exit.result, (int32_t) i->last_exit.status, i->last_exit.when);
}

static int property_get_layers(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Instance *i = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(su)");
        for (unsigned k = 0; k < i->layers->len && r >= 0; k++) {
                const Layer *l = &g_array_index(i->layers, Layer, k);

                r = sd_bus_message_append(reply, "(su)", l->overlay, l->version);
        }

        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int property_get_held(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Instance *i = userdata;

        return bus_append_held(reply, i->config);
}

static int property_get_intents(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return bus_append_intents(reply, userdata);
}

/* -- methods --------------------------------------------------------------------------------------------------- */

static int control(sd_bus_message *call, Instance *i, const char *verb,
        int (*act)(Instance *, Request *, sd_bus_error *), sd_bus_error *error) {
        Request *q;
        int r;

        r = bus_begin(
                i->manager, call, LEFT4ME_ACTION_CONTROL_INSTANCE, verb, "instance", i->name, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        return request_return(q, act(i, q, error), error);
}

static int method_start(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return control(call, userdata, "start", instance_start, error);
}

static int method_stop(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return control(call, userdata, "stop", instance_stop, error);
}

static int method_restart(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return control(call, userdata, "restart", instance_restart, error);
}

static int method_stop_when_empty(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return bus_stop_when_empty(userdata, call, error);
}

static int method_cancel_intent(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return bus_cancel_intent(userdata, call, error);
}

static int start_job(sd_bus_message *call, Instance *i, const char *verb,
        int (*act)(Instance *, Job **, sd_bus_error *), sd_bus_error *error) {
        Request *q;
        Job *j;
        int r;

        r = bus_begin(
                i->manager, call, LEFT4ME_ACTION_MANAGE_INSTANCES, verb, "instance", i->name, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = act(i, &j, error);
        if (r >= 0)
                request_ok_path(q, j->object.path);

        return r < 0 ? request_return(q, r, error) : 1;
}

static int method_reset(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return start_job(call, userdata, "reset", instance_reset, error);
}

static int method_delete(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return start_job(call, userdata, "delete", instance_delete, error);
}

/* Takes config, whatever comes of it. */
static int configure(
        sd_bus_message *call, Instance *i, InstanceConfig *config, const char *verb, sd_bus_error *error) {
        g_autoptr(InstanceConfig) owned = config;
        bool rcon = config->open_rcon != i->config->open_rcon;
        Request *q;
        int r;

        r = bus_begin(
                i->manager, call, LEFT4ME_ACTION_MANAGE_INSTANCES, verb, "instance", i->name, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = instance_configure(i, &owned, error);
        if (r >= 0 && rcon)
                firewall_settle(i->manager->firewall, request_in_force, q);
        else if (r >= 0)
                request_ok(q);

        return r < 0 ? request_return(q, r, error) : 1;
}

static int method_configure(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Instance *i = userdata;
        g_autoptr(InstanceConfig) config = instance_config_copy(i->config);
        int r;

        r = bus_read_settings(i->manager, call, config, true, error);
        return r < 0 ? r : configure(call, i, g_steal_pointer(&config), "configure", error);
}

static int method_set_overlays(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Instance *i = userdata;
        g_autoptr(InstanceConfig) config = instance_config_copy(i->config);
        g_autofree char *why = NULL;
        char **overlays = NULL;
        Setting s = { .key = "Overlays" };
        int r;

        r = sd_bus_message_read_strv(call, &overlays);
        if (r < 0)
                return r;

        /* An empty array reads as no list at all. */
        s.list = overlays ?: g_new0(char *, 1);
        r = instance_config_set(config, &s, 0, UINT16_MAX, &why);
        g_strfreev(s.list);
        if (r < 0)
                return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT, why);

        return configure(call, i, g_steal_pointer(&config), "set-overlays", error);
}

static int method_set_autostart(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Instance *i = userdata;
        g_autoptr(InstanceConfig) config = instance_config_copy(i->config);
        int autostart, r;

        r = sd_bus_message_read(call, "b", &autostart);
        if (r < 0)
                return r;

        config->autostart = autostart;
        return configure(call, i, g_steal_pointer(&config), "set-autostart", error);
}

static int method_get_settings(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        g_autoptr(sd_bus_message) reply = NULL;
        Instance *i = userdata;
        uid_t uid;
        int r;

        r = auth_check(i->manager->auth, call, LEFT4ME_ACTION_MANAGE_INSTANCES, "get-settings", "instance",
                i->name, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = bus_append_settings(reply, i->config);

        return r < 0 ? r : sd_bus_message_send(reply);
}

static int method_rename(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Instance *i = userdata;
        const char *to;
        Request *q;
        int r;

        r = bus_read_name(call, "a server", &to, error);
        if (r < 0)
                return r;

        r = bus_begin(
                i->manager, call, LEFT4ME_ACTION_MANAGE_INSTANCES, "rename", "instance", i->name, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        return request_return(q, instance_rename(i, to, q, error), error);
}

static int method_clone(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Instance *i = userdata, *made;
        g_autoptr(InstanceConfig) config = instance_config_copy(i->config);
        const char *name;
        Request *q;
        int r;

        config->port = 0;
        config->autostart = false;
        config->open_rcon = false;

        r = bus_read_name(call, "a server", &name, error);
        if (r >= 0)
                r = bus_read_settings(i->manager, call, config, false, error);
        if (r < 0)
                return r;

        r = bus_begin(
                i->manager, call, LEFT4ME_ACTION_MANAGE_INSTANCES, "clone", "instance", i->name, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        instance_forget_held(config, i->config);
        r = instance_create(i->manager, name, &config, &made, error);
        if (r >= 0)
                request_ok_path(q, made->object.path);

        return r < 0 ? request_return(q, r, error) : 1;
}

static int method_open_log(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Instance *i = userdata;
        const char *units[] = { unit_name(i->server), unit_name(i->mount), NULL };
        uid_t uid;
        int r;

        r = auth_check(i->manager->auth, call, LEFT4ME_ACTION_READ_LOGS, "open-log", "instance", i->name,
                &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        return bus_open_log(
                i->manager, call, uid, units, "LEFT4ME_INSTANCE", i->name, i->named, NULL, error);
}

static int method_open_console(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Instance *i = userdata;
        Request *q;
        int r;

        r = bus_begin(i->manager, call, LEFT4ME_ACTION_USE_CONSOLE, "open-console", "instance", i->name, &q,
                error);
        if (r <= 0)
                return r < 0 ? r : 1;

        return request_return(q, instance_open_console(i, q, error), error);
}

static int method_list_files(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return bus_list_files(userdata, call, error);
}

static int method_open_file(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return bus_open_file(userdata, call, error);
}

static int method_find_conflicts(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return bus_find_conflicts(userdata, call, error);
}

static int method_get_statistics(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return bus_statistics_of(userdata, call, error);
}

static const sd_bus_vtable instance_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS(
                "Start", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_start, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Stop", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_stop, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Restart", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_restart, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("StopWhenEmpty",
                SD_BUS_ARGS("b", restart, "t", deadline, "at", announcements), SD_BUS_NO_RESULT,
                method_stop_when_empty, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CancelIntent", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_cancel_intent,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Reset", SD_BUS_NO_ARGS, SD_BUS_RESULT("o", job), method_reset, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Freeze", SD_BUS_ARGS("s", overlay, "a{sv}", options),
                SD_BUS_RESULT("o", job), bus_freeze, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_NO_ARGS, SD_BUS_RESULT("o", job), method_delete,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Configure", SD_BUS_ARGS("a{sv}", settings), SD_BUS_NO_RESULT,
                method_configure, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetSettings", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", settings),
                method_get_settings, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetOverlays", SD_BUS_ARGS("as", overlays), SD_BUS_NO_RESULT,
                method_set_overlays, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetAutostart", SD_BUS_ARGS("b", autostart), SD_BUS_NO_RESULT,
                method_set_autostart, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Rename", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", instance),
                method_rename, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Clone", SD_BUS_ARGS("s", name, "a{sv}", settings),
                SD_BUS_RESULT("o", instance), method_clone, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenLog", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("h", log),
                method_open_log, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenConsole", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", console),
                method_open_console, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListFiles", SD_BUS_ARGS("s", directory, "b", all_layers),
                SD_BUS_RESULT("a(ssttsub)", files), method_list_files, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenFile", SD_BUS_ARGS("s", path, "s", layer), SD_BUS_RESULT("h", file),
                method_open_file, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("FindConflicts", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssas)", conflicts),
                method_find_conflicts, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatistics", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", statistics),
                method_get_statistics, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Name", "s", property_get_string, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Port", "q", property_get_port, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Game", "s", property_get_string, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Overlays", "as", property_get_overlays, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Autostart", "b", property_get_flag, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("ActiveState", "s", property_get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("SubState", "s", property_get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(
                "MainPID", "u", NULL, offsetof(Instance, main_pid), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(
                "Restarts", "u", NULL, offsetof(Instance, restarts), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("ActiveSince", "t", NULL, offsetof(Instance, active_since),
                SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("LastExit", "(sit)", property_get_last_exit, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("LayersInUse", "a(su)", property_get_layers, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("UpdatePending", "b", property_get_flag, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(
                "Intents", "a(ssttats)", property_get_intents, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Held", "a{su}", property_get_held, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

static int find_instance(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
        sd_bus_error *error) {
        g_autofree char *name = NULL;
        Instance *i;
        int r;

        r = sd_bus_path_decode(path, LEFT4ME_INSTANCE_PREFIX, &name);
        if (r <= 0 || *name == '\0')
                return r < 0 ? r : 0;

        i = instance_find(userdata, name);
        if (!i)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_INSTANCE,
                        "There is no server '%s'. See: left4mectl list", name);

        *ret = i;
        return 1;
}

static int list_paths(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        Manager *m = userdata;

        return objects_list_paths(m->instances, ret);
}

int bus_add_instances(Manager *m) {
        int r;

        r = sd_bus_add_fallback_vtable(m->bus, NULL, LEFT4ME_INSTANCE_PREFIX, LEFT4ME_INSTANCE_INTERFACE,
                instance_vtable, find_instance, m);
        return r < 0 ? r : sd_bus_add_node_enumerator(m->bus, NULL, LEFT4ME_INSTANCE_PREFIX, list_paths, m);
}
