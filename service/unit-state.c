/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "service/bus-entry.h"
#include "service/unit-internal.h"
#include "service/util.h"

/* How many calls systemd is to answer at a time. */
#define CALLS_MAX 48U

/* Where a property of systemd's goes. */
typedef struct Target {
        const char *name;
        char type; /* as in D-Bus; 'a' for the one that is an ay: an id of 128 bits */
        size_t offset;
        size_t size; /* of a string */
} Target;

#define STRING_TARGET(name, field) \
        { name, 's', offsetof(UnitState, field), sizeof(((UnitState *) NULL)->field) }
#define TARGET(name, type, field) \
        { name, type, offsetof(UnitState, field), 0 }

static const Target targets[] = {
        STRING_TARGET("ActiveState", active),
        STRING_TARGET("SubState", sub),
        STRING_TARGET("Result", result),
        { "InvocationID", 'a', offsetof(UnitState, invocation), 0 },
        TARGET("MainPID", 'u', main_pid),
        TARGET("NRestarts", 'u', restarts),
        TARGET("ActiveEnterTimestamp", 't', entered),
        TARGET("InactiveEnterTimestamp", 't', down),
        TARGET("ExecMainCode", 'i', exit_code),
        TARGET("ExecMainStatus", 'i', exit_status),
        TARGET("ExecMainExitTimestamp", 't', exited),
};

/* Into 32 hexadecimal digits, or none when there is no id. */
static int read_id(sd_bus_message *m, char *field) {
        const uint8_t *bytes;
        const void *raw;
        size_t size;
        int r;

        r = sd_bus_message_read_array(m, 'y', &raw, &size);
        if (r < 0)
                return r;

        bytes = raw;
        *field = '\0';
        for (size_t k = 0; k < size && size == 16; k++)
                (void) snprintf(field + 2 * k, 3, "%02x", bytes[k]);

        return 0;
}

static int read_target(sd_bus_message *m, const Target *t, UnitState *state) {
        const char contents[] = { t->type, t->type == 'a' ? 'y' : '\0', '\0' };
        char *field = (char *) state + t->offset;
        const char *s;
        int r;

        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r < 0)
                return r;

        if (t->type == 's') {
                r = sd_bus_message_read(m, "s", &s);
                if (r >= 0)
                        (void) g_strlcpy(field, s, t->size);
        } else if (t->type == 'a')
                r = read_id(m, field);
        else
                r = sd_bus_message_read_basic(m, t->type, field);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);

        return r < 0 ? r : 1;
}

static int read_property(sd_bus_message *m, const char *name, void *userdata) {
        for (size_t i = 0; i < G_N_ELEMENTS(targets); i++)
                if (g_str_equal(targets[i].name, name))
                        return read_target(m, &targets[i], userdata);

        return 0;
}

int unit_read_properties(sd_bus_message *m, UnitState *state) {
        return bus_read_entries(m, read_property, state);
}

void unit_take_state(Unit *u, const UnitState *state) {
        u->state = *state;

        /* systemd keeps the time of the last activation; to us it counts only while the unit is active. */
        u->state.active_since = g_str_equal(u->state.active, "active") ? u->state.entered : 0;

        if (u->changed)
                u->changed(u, u->userdata);
}

/* A match filters what the bus broadcasts, not what somebody sends to us alone: anybody could forge systemd's signals. */
static bool sent_by_systemd(Units *us, sd_bus_message *m) {
        return us->owner && g_strcmp0(sd_bus_message_get_sender(m), us->owner) == 0;
}

static int on_properties_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Units *us = userdata;
        Unit *u = g_hash_table_lookup(us->by_path, sd_bus_message_get_path(m));
        UnitState state;
        const char *interface;

        /* The match hears of every unit of the host. */
        if (!u || !sent_by_systemd(us, m))
                return 0;

        if (sd_bus_message_read(m, "s", &interface) < 0)
                return 0;
        if (!g_str_equal(interface, SYSTEMD_UNIT) && !g_str_equal(interface, SYSTEMD_SERVICE))
                return 0;

        state = u->state;
        if (unit_read_properties(m, &state) >= 0)
                unit_take_state(u, &state);

        return 0;
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *path, *result;
        uint32_t id;

        if (sent_by_systemd(userdata, m) && sd_bus_message_read(m, "uoss", &id, &path, NULL, &result) >= 0)
                units_on_job_removed(userdata, path, result);

        return 0;
}

void unit_is_gone(Unit *u) {
        UnitState state = u->state;

        if (g_str_equal(state.active, "inactive"))
                return;

        (void) g_strlcpy(state.active, "inactive", sizeof(state.active));
        (void) g_strlcpy(state.sub, "dead", sizeof(state.sub));
        state.main_pid = 0;
        state.invocation[0] = '\0';
        unit_take_state(u, &state);
}

/* A unit that nobody holds is unloaded when it has ended, and then changes no more: for us it is inactive. A failed one as well, once its
 * failure was reset. */
static int on_unit_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Units *us = userdata;
        const char *path;
        Unit *u;

        if (us->reloading || !sent_by_systemd(us, m) || sd_bus_message_read(m, "so", NULL, &path) < 0)
                return 0;

        u = g_hash_table_lookup(us->by_path, path);
        if (u)
                unit_is_gone(u);
        return 0;
}

static int on_reloading(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Units *us = userdata;
        int active;

        if (!sent_by_systemd(us, m) || sd_bus_message_read(m, "b", &active) < 0)
                return 0;

        us->reloading = active;
        if (!active) {
                units_review_jobs(us);
                us->resync(us->userdata);
        }

        return 0;
}

static void units_set_owner(Units *us, const char *owner) {
        g_free(us->owner);
        us->owner = *owner != '\0' ? g_strdup(owner) : NULL;
        us->reloading = false;
        if (!us->owner)
                return;

        /* systemd sends signals only while somebody is subscribed. */
        (void) sd_bus_call_method_async(
                us->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "Subscribe", NULL, NULL, "");
        units_review_jobs(us);
        us->resync(us->userdata);
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *owner;

        /* Here too: what anybody sends to us alone passes the match. The bus's own name is nobody else's sender. */
        if (g_strcmp0(sd_bus_message_get_sender(m), "org.freedesktop.DBus") == 0 &&
                sd_bus_message_read(m, "sss", NULL, NULL, &owner) >= 0)
                units_set_owner(userdata, owner);

        return 0;
}

static int on_owner(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Units *us = userdata;
        const char *owner;

        if (!sd_bus_message_get_error(reply) && sd_bus_message_read(reply, "s", &owner) >= 0)
                units_set_owner(us, owner);

        return 1;
}

static int watch_owner(Units *us) {
        sd_bus_slot *slot;
        int r;

        r = sd_bus_add_match_async(us->bus, &slot,
                "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" SYSTEMD_NAME
                "'",
                on_owner_changed, NULL, us);
        if (r < 0)
                return r;
        g_ptr_array_add(us->slots, slot);

        r = sd_bus_call_method_async(us->bus, &slot, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                "org.freedesktop.DBus", "GetNameOwner", on_owner, us, "s", SYSTEMD_NAME);
        if (r >= 0)
                g_ptr_array_add(us->slots, slot);

        return r;
}

static int add_match(Units *us, const char *path, const char *interface, const char *member,
        sd_bus_message_handler_t handler) {
        g_autofree char *match = g_strdup_printf("type='signal',sender='%s',%s,interface='%s',member='%s'",
                SYSTEMD_NAME, path, interface, member);
        sd_bus_slot *slot;
        int r;

        r = sd_bus_add_match_async(us->bus, &slot, match, handler, NULL, us);
        if (r >= 0)
                g_ptr_array_add(us->slots, slot);

        return r;
}

static void destroy_slot(gpointer slot) {
        sd_bus_slot_unref(slot);
}

int units_new(sd_bus *bus, void (*resync)(void *userdata), void *userdata, Units **ret) {
        static const char manager[] = "path='" SYSTEMD_PATH "'",
                          units[] = "path_namespace='" SYSTEMD_UNIT_PREFIX "'";
        Units *us = g_new0(Units, 1);
        int r;

        *us = (Units){
                .bus = sd_bus_ref(bus),
                .slots = g_ptr_array_new_with_free_func(destroy_slot),
                .calls = call_queue_new(bus, CALLS_MAX),
                .settled = g_ptr_array_new_with_free_func(g_free),
                .by_path = g_hash_table_new(g_str_hash, g_str_equal),
                .jobs = g_hash_table_new(g_str_hash, g_str_equal),
                .lost = g_ptr_array_new(),
                .reviewed = g_ptr_array_new(),
                .waiting = G_QUEUE_INIT,
                .resync = resync,
                .userdata = userdata,
        };

        r = add_match(
                us, units, "org.freedesktop.DBus.Properties", "PropertiesChanged", on_properties_changed);
        if (r >= 0)
                r = add_match(us, manager, SYSTEMD_MANAGER, "JobRemoved", on_job_removed);
        if (r >= 0)
                r = add_match(us, manager, SYSTEMD_MANAGER, "UnitRemoved", on_unit_removed);
        if (r >= 0)
                r = add_match(us, manager, SYSTEMD_MANAGER, "Reloading", on_reloading);
        if (r >= 0)
                r = watch_owner(us);
        if (r < 0) {
                units_free(us);
                return r;
        }

        *ret = us;
        return 0;
}

Units *units_free(Units *us) {
        if (!us)
                return NULL;

        g_ptr_array_unref(us->slots);
        g_ptr_array_unref(us->settled);
        call_queue_free(us->calls);
        g_free(us->owner);
        g_hash_table_unref(us->by_path);
        g_hash_table_unref(us->jobs);
        g_ptr_array_unref(us->lost);
        g_ptr_array_unref(us->reviewed);
        sd_bus_unref(us->bus);
        g_free(us);
        return NULL;
}

typedef struct ListCall {
        void (*each)(const char *name, const char *active, int r, void *userdata);
        void *userdata;
} ListCall;

static int on_list(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        const ListCall *call = userdata;
        const char *name, *active;
        int r = e ? -sd_bus_error_get_errno(e) : 0;

        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
        while (r >= 0) {
                r = sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, NULL, &active, NULL, NULL, NULL,
                        NULL, NULL, NULL);
                if (r <= 0)
                        break;
                call->each(name, active, 0, call->userdata);
        }

        call->each(NULL, NULL, r, call->userdata);
        return 1;
}

int units_list(Units *us, void (*each)(const char *name, const char *active, int r, void *userdata),
        void *userdata) {
        ListCall *call = g_new(ListCall, 1);
        sd_bus_slot *slot;
        int r;

        *call = (ListCall){ .each = each, .userdata = userdata };

        r = sd_bus_call_method_async(us->bus, &slot, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                "ListUnitsByPatterns", on_list, call, "asas", 0, 1, "left4me-*@*.service");
        if (r < 0) {
                g_free(call);
                return r;
        }

        /* Nobody waits for it but the call itself. */
        (void) sd_bus_slot_set_destroy_callback(slot, g_free);
        (void) sd_bus_slot_set_floating(slot, true);
        sd_bus_slot_unref(slot);
        return 0;
}
