/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "service/auth.h"
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/job-kinds.h"
#include "service/log.h"
#include "service/manager.h"
#include "service/overlay-kinds.h"
#include "service/request.h"

static int property_get_word(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Job *j = userdata;

        return sd_bus_message_append(reply, "s",
                g_str_equal(property, "Kind") ? job_kind_to_string(j->kind) : job_state_to_string(j->state));
}

static int method_cancel(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Job *j = userdata;
        Request *q;
        int r;

        r = bus_begin(j->manager, call, job_type(j)->action, "cancel", job_type(j)->subject, j->subject, &q,
                error);
        if (r <= 0)
                return r < 0 ? r : 1;

        return request_return(q, job_cancel(j, q, error), error);
}

static int method_open_log(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Job *j = userdata;
        g_autofree char *id = g_strdup_printf("%u", j->id);
        g_auto(GStrv) units = job_units(j->id);
        static const char *const ends[] = { LEFT4ME_MESSAGE_JOB_ENDED, LEFT4ME_MESSAGE_JOB_FAILED, NULL },
                                 *const none[] = { NULL };
        uid_t uid;
        int r;

        r = auth_check(j->manager->auth, call, LEFT4ME_ACTION_READ_LOGS, "open-log", "job", id, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        /* Whoever follows it hears of the end from us: that is the last line. Of an ended job there is nothing more to come. */
        return bus_open_log(j->manager, call, uid, (const char *const *) units, "LEFT4ME_JOB", id, j->queued,
                job_has_ended(j) ? none : ends, error);
}

static const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS(
                "Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenLog", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("h", log),
                method_open_log, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Kind", "s", property_get_word, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Subject", "s", NULL, offsetof(Job, subject), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", property_get_word, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Progress", "d", NULL, offsetof(Job, progress), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Message", "s", NULL, offsetof(Job, message), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Queued", "t", NULL, offsetof(Job, queued), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Started", "t", NULL, offsetof(Job, started), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Finished", "t", NULL, offsetof(Job, finished), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY(
                "ExitStatus", "i", NULL, offsetof(Job, exit_status), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

static int find_job(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
        sd_bus_error *error) {
        g_autofree char *name = NULL;
        guint64 id = 0;
        Job *j = NULL;
        int r;

        r = sd_bus_path_decode(path, LEFT4ME_JOB_PREFIX, &name);
        if (r <= 0 || *name == '\0')
                return r < 0 ? r : 0;

        if (g_ascii_string_to_unsigned(name, 10, 1, UINT32_MAX, &id, NULL))
                j = job_find(userdata, (uint32_t) id);
        if (!j)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SUCH_JOB,
                        "There is no job '%s'. See: left4mectl job list", name);

        *ret = j;
        return 1;
}

static int list_paths(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        Manager *m = userdata;

        return objects_list_paths(m->jobs, ret);
}

int bus_add_jobs(Manager *m) {
        int r;

        r = sd_bus_add_fallback_vtable(
                m->bus, NULL, LEFT4ME_JOB_PREFIX, LEFT4ME_JOB_INTERFACE, job_vtable, find_job, m);
        return r < 0 ? r : sd_bus_add_node_enumerator(m->bus, NULL, LEFT4ME_JOB_PREFIX, list_paths, m);
}
