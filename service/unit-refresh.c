/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "service/unit-internal.h"

/* Asking systemd how units are, where its signals do not tell: at the start, and when it has loaded its units anew. */

typedef struct Settled {
        void (*done)(void *userdata);
        void *userdata;
} Settled;

void units_tell_settled(Units *us) {
        while (us->refreshing == 0 && us->settled->len > 0) {
                g_autofree Settled *s = g_ptr_array_steal_index(us->settled, 0);

                s->done(s->userdata);
        }
}

void units_when_settled(Units *us, void (*done)(void *userdata), void *userdata) {
        Settled *s = g_new(Settled, 1);

        *s = (Settled){ .done = done, .userdata = userdata };
        g_ptr_array_add(us->settled, s);
        units_tell_settled(us);
}

void unit_drop_refresh(Unit *u, unsigned index) {
        if (!u->refresh[index])
                return;

        u->refresh[index] = queued_call_free(u->refresh[index]);
        u->units->refreshing--;
}

static int unit_ask(Unit *u, unsigned index);

static int on_refresh(Unit *u, unsigned index, sd_bus_message *reply) {
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        Units *us = u->units;
        UnitState state = u->state;

        unit_drop_refresh(u, index);

        /* systemd executes itself anew: the new one is asked. */
        if (sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY) && unit_ask(u, index) >= 0)
                return 1;

        if (!e && unit_read_properties(reply, &state) >= 0)
                unit_take_state(u, &state);
        if (!u->refresh[0] && !u->refresh[1])
                unit_on_refreshed(u);

        units_tell_settled(us);
        return 1;
}

static int on_refresh_unit(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return on_refresh(userdata, 0, reply);
}

static int on_refresh_service(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return on_refresh(userdata, 1, reply);
}

QueuedCall *units_get_all(Units *us, const char *path, const char *interface,
        sd_bus_message_handler_t handler, void *userdata) {
        g_autoptr(sd_bus_message) m = NULL;

        if (sd_bus_message_new_method_call(
                    us->bus, &m, SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties", "GetAll") < 0 ||
                sd_bus_message_append(m, "s", interface) < 0)
                return NULL;

        return call_queue_add(us->calls, m, handler, userdata);
}

QueuedCall *unit_get_all(Unit *u, const char *interface, sd_bus_message_handler_t handler, void *userdata) {
        return units_get_all(u->units, u->path, interface, handler, userdata);
}

/* A state that is asked for already is asked for anew: the answer under way may be older than what the caller knows. */
static int unit_ask(Unit *u, unsigned index) {
        static const struct {
                const char *interface;
                sd_bus_message_handler_t handler;
        } parts[] = { { SYSTEMD_UNIT, on_refresh_unit }, { SYSTEMD_SERVICE, on_refresh_service } };

        unit_drop_refresh(u, index);
        u->refresh[index] = unit_get_all(u, parts[index].interface, parts[index].handler, u);
        if (!u->refresh[index])
                return -ENOTCONN;

        u->units->refreshing++;
        return 0;
}

int unit_refresh(Unit *u) {
        int r;

        r = unit_ask(u, 0);
        return r < 0 ? r : unit_ask(u, 1);
}

void units_refresh_loaded(Units *us, GHashTable *loaded) {
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, us->by_path);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Unit *u = value;

                if (g_hash_table_contains(loaded, u->name) || !unit_is_down(u))
                        (void) unit_refresh(u);
        }
}
