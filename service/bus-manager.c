/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/bus-options.h"
#include "service/cpus.h"
#include "service/firewall.h"
#include "service/instance.h"
#include "service/job.h"
#include "service/manager.h"
#include "service/overlay.h"
#include "service/request.h"
#include "service/util.h"

static int property_get_ports(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        return sd_bus_message_append(reply, "(qq)", m->config.first_port, m->config.last_port);
}

static int property_get_workers(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        return sd_bus_message_append(reply, "u", (uint32_t) m->config.job_workers);
}

static int property_get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", LEFT4ME_VERSION);
}

static int method_create_instance(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        g_autoptr(InstanceConfig) config = instance_config_new();
        Manager *m = userdata;
        const char *name;
        Instance *i;
        Request *q;
        int r;

        r = bus_read_name(call, "a server", &name, error);
        if (r >= 0)
                r = bus_read_settings(m, call, config, false, error);
        if (r < 0)
                return r;

        r = bus_begin(m, call, LEFT4ME_ACTION_MANAGE_INSTANCES, "create", "instance", name, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = instance_create(m, name, &config, &i, error);
        if (r >= 0)
                request_ok_path(q, i->object.path);

        return r < 0 ? request_return(q, r, error) : 1;
}

static int method_create_overlay(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;
        const char *name, *kind;
        Overlay *o;
        Request *q;
        int r;

        r = bus_read_name(call, "an overlay", &name, error);
        if (r >= 0)
                r = sd_bus_message_read(call, "s", &kind);
        if (r >= 0)
                r = bus_read_options(call, NULL, 0, NULL, error); /* there are none yet */
        if (r < 0)
                return r;

        if (!overlay_kind_find(kind)) {
                g_autofree char *kinds = overlay_kinds_list();

                return sd_bus_error_setf(
                        error, LEFT4ME_ERROR_INVALID_ARGUMENT, "The kind of an overlay is %s.", kinds);
        }

        r = bus_begin(m, call, LEFT4ME_ACTION_MANAGE_OVERLAYS, "create", "overlay", name, &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = overlay_create(m, name, kind, &o, error);
        if (r >= 0)
                request_ok_path(q, o->object.path);

        return r < 0 ? request_return(q, r, error) : 1;
}

static int method_get_instance(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        const char *name;
        Instance *i;
        int r;

        r = bus_read_name(call, "a server", &name, error);
        if (r < 0)
                return r;

        i = instance_find(userdata, name);
        if (!i)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_INSTANCE,
                        "There is no server '%s'. See: left4mectl list", name);

        return sd_bus_reply_method_return(call, "o", i->object.path);
}

static int method_get_overlay(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        const char *name;
        Overlay *o;
        int r;

        r = bus_read_name(call, "an overlay", &name, error);
        if (r < 0)
                return r;

        o = overlay_find(userdata, name);
        if (!o)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_OVERLAY,
                        "There is no overlay '%s'. See: left4mectl overlay list", name);

        return sd_bus_reply_method_return(call, "o", o->object.path);
}

static int method_get_job(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        uint32_t id;
        Job *j;
        int r;

        r = sd_bus_message_read(call, "u", &id);
        if (r < 0)
                return r;

        j = job_find(userdata, id);
        if (!j)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_JOB,
                        "There is no job %u. See: left4mectl job list", id);

        return sd_bus_reply_method_return(call, "o", j->object.path);
}

/* -- lists ----------------------------------------------------------------------------------------------------- */

typedef struct List {
        sd_bus_message *reply;
        int r;
} List;

static gboolean list_instance(gpointer key, gpointer value, gpointer userdata) {
        List *list = userdata;
        Instance *i = value;

        list->r = sd_bus_message_append(list->reply, "(sqssuutbbo)", i->name, i->config->port, i->active,
                i->sub, i->main_pid, i->restarts, i->active_since, (int) i->config->autostart,
                (int) i->update_pending, i->object.path);
        return list->r < 0;
}

static gboolean list_overlay(gpointer key, gpointer value, gpointer userdata) {
        List *list = userdata;
        Overlay *o = value;
        const StoredVersion *v = overlay_find_version(o, o->current);
        g_auto(GStrv) users = overlay_used_by(o);

        list->r = sd_bus_message_append(list->reply, "(sssutuo)", o->name, o->kind->name, overlay_state(o),
                o->current, v ? v->size : 0, (uint32_t) g_strv_length(users), o->object.path);
        return list->r < 0;
}

static gboolean list_job(gpointer key, gpointer value, gpointer userdata) {
        List *list = userdata;
        Job *j = value;

        list->r = sd_bus_message_append(list->reply, "(usssdstto)", j->id, job_kind_to_string(j->kind),
                j->subject, job_state_to_string(j->state), j->progress, j->message, j->queued, j->finished,
                j->object.path);
        return list->r < 0;
}

static int reply_list(sd_bus_message *call, GTree *tree, const char *type, GTraverseFunc each) {
        g_autoptr(sd_bus_message) reply = NULL;
        List list = { 0 };
        int r;

        r = sd_bus_message_new_method_return(call, &reply);
        if (r < 0)
                return r;

        r = sd_bus_message_open_container(reply, 'a', type);
        if (r < 0)
                return r;

        list.reply = reply;
        g_tree_foreach(tree, each, &list);
        if (list.r < 0)
                return list.r;

        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int method_list_instances(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        return reply_list(call, m->instances, "(sqssuutbbo)", list_instance);
}

static int method_list_overlays(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        return reply_list(call, m->overlays, "(sssutuo)", list_overlay);
}

static int method_list_jobs(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;

        return reply_list(call, m->jobs, "(usssdstto)", list_job);
}

/* -- the host -------------------------------------------------------------------------------------------------- */

static void on_reloaded(int r, const char *why, void *userdata) {
        /* What is wrong with the host's firewall is said by QoS.Firewall and Check. */
        if (r == -ECANCELED)
                request_drop(userdata);
        else
                request_ok(userdata);
}

/* With what may have changed unseen. */
static void on_cpus_refreshed(Cpus *c, void *userdata) {
        firewall_settle(c->manager->firewall, on_reloaded, userdata);
}

static int method_reload(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;
        g_autofree char *why = NULL;
        Request *q;
        int r;

        r = bus_begin(m, call, LEFT4ME_ACTION_MANAGE_HOST, "reload", NULL, "left4me.conf", &q, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        if (manager_reload(m, &why) < 0)
                return request_return(
                        q, sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT, why), error);

        (void) sd_bus_emit_properties_changed(
                m->bus, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, "GamePorts", "JobWorkers", NULL);
        jobs_dispatch(m);
        firewall_reload(m->firewall);
        cpus_refresh(m->cpus, on_cpus_refreshed, q);
        return 1;
}

static int method_check(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return bus_check(userdata, call, error);
}

static int method_get_statistics(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return bus_statistics(userdata, call, error);
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("CreateInstance", SD_BUS_ARGS("s", name, "a{sv}", settings),
                SD_BUS_RESULT("o", instance), method_create_instance, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CreateOverlay", SD_BUS_ARGS("s", name, "s", kind, "a{sv}", settings),
                SD_BUS_RESULT("o", overlay), method_create_overlay, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SeedScriptOverlays", SD_BUS_ARGS("a{ss}", scripts, "a{sv}", options),
                SD_BUS_RESULT("a(sso)", overlays), bus_seed_scripts, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetInstance", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", instance),
                method_get_instance, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetOverlay", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", overlay),
                method_get_overlay, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetJob", SD_BUS_ARGS("u", id), SD_BUS_RESULT("o", job), method_get_job,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListInstances", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sqssuutbbo)", instances),
                method_list_instances, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListOverlays", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sssutuo)", overlays),
                method_list_overlays, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListJobs", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(usssdstto)", jobs),
                method_list_jobs, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RefreshWorkshop", SD_BUS_NO_ARGS, SD_BUS_RESULT("ao", jobs),
                bus_refresh_workshop, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Check", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssss)", results), method_check,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatistics", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{oa{sv}}", statistics),
                method_get_statistics, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", property_get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("GamePorts", "(qq)", property_get_ports, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("JobWorkers", "u", property_get_workers, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

int bus_add_objects(Manager *m) {
        int r;

        r = sd_bus_add_object_vtable(
                m->bus, NULL, LEFT4ME_ROOT_PATH, LEFT4ME_MANAGER_INTERFACE, manager_vtable, m);
        if (r >= 0)
                r = sd_bus_add_object_manager(m->bus, NULL, LEFT4ME_ROOT_PATH);
        if (r >= 0)
                r = bus_add_instances(m);
        if (r >= 0)
                r = bus_add_overlays(m);
        if (r >= 0)
                r = bus_add_jobs(m);
        if (r >= 0)
                r = bus_add_qos(m);
        if (r >= 0)
                r = bus_add_shield(m);
        if (r >= 0)
                r = bus_add_cpus(m);
        if (r >= 0)
                r = bus_add_slices(m);

        return r;
}
