/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "service/bus-entry.h"
#include "service/bus-error.h"
#include "service/bus-figures.h"
#include "service/bus-objects.h"
#include "service/bus-options.h"
#include "service/firewall.h"
#include "service/manager.h"
#include "service/request.h"
#include "service/shield-rules.h"
#include "service/shield.h"

#define SOURCES_MAX 100U

/* -- properties ------------------------------------------------------------------------------------------------ */

static int property_get_word(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Shield *s = userdata;

        return sd_bus_message_append(reply, "s",
                g_str_equal(property, "Mode") ? shield_mode_to_string(s->config.mode) : shield_state(s));
}

static int property_get_limits(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Shield *s = userdata;
        char *each;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{su}");
        for (unsigned i = 0; r >= 0 && (each = shield_config_number_name(i)); i++) {
                g_autofree char *name = each;

                r = sd_bus_message_append(reply, "{su}", name, *shield_config_number(&s->config, name));
        }

        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* -- Configure ------------------------------------------------------------------------------------------------- */

/* What is to change: all limits become the defaults before the numbers are taken, wherever Reset stands. */
typedef struct Change {
        ShieldConfig names; /* only to know which there are */
        GHashTable *numbers;
        ShieldMode mode; /* < 0: not given */
        bool reset;
} Change;

static const char *setting_type(const char *key, void *userdata) {
        Change *c = userdata;

        return g_str_equal(key, "Mode")               ? "s"
               : g_str_equal(key, "Reset")            ? "b"
               : shield_config_number(&c->names, key) ? "u"
                                                      : NULL;
}

static int take_setting(const BusValue *value, void *userdata, sd_bus_error *error) {
        Change *c = userdata;

        if (g_str_equal(value->key, "Reset"))
                c->reset = value->number != 0;
        else if (!g_str_equal(value->key, "Mode"))
                g_hash_table_insert(
                        c->numbers, g_strdup(value->key), GUINT_TO_POINTER((uint32_t) value->number));
        else {
                c->mode = shield_mode_from_string(value->text);
                if (c->mode < 0)
                        return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                                "Mode is \"off\", \"count\" or \"on\".");
        }

        return 0;
}

static int read_change(Shield *s, sd_bus_message *call, ShieldConfig *ret, sd_bus_error *error) {
        g_autoptr(GHashTable) numbers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        Change c = { .numbers = numbers, .mode = _SHIELD_MODE_INVALID };
        const BusReader reader = { "setting", setting_type, take_setting, &c };
        g_autofree char *why = NULL;
        ShieldConfig config = s->config;
        gpointer key, value;
        GHashTableIter iter;
        int r;

        shield_config_init(&c.names);
        r = bus_read_dictionary(call, &reader, error);
        if (r < 0)
                return r;

        if (c.reset) {
                shield_config_init(&config);
                config.mode = s->config.mode;
        }
        if (c.mode >= 0)
                config.mode = c.mode;
        g_hash_table_iter_init(&iter, numbers);
        while (g_hash_table_iter_next(&iter, &key, &value))
                *shield_config_number(&config, key) = GPOINTER_TO_UINT(value);

        if (shield_config_check(&config, &why) < 0)
                return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT, why);

        *ret = config;
        return 0;
}

static int method_configure(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Shield *s = userdata;
        ShieldConfig config;
        Request *request;
        int r;

        r = read_change(s, call, &config, error);
        if (r < 0)
                return r;

        r = bus_begin(s->object.manager, call, LEFT4ME_ACTION_MANAGE_HOST, "configure", NULL, "shield",
                &request, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        return request_return(request, shield_configure(s, &config, request, error), error);
}

/* -- GetStatistics --------------------------------------------------------------------------------------------- */

static uint64_t counted(Manager *m, ShieldKind kind, ShieldCounter counter) {
        g_autofree char *name = shield_counter_name(kind, counter);

        return firewall_counter(m->firewall, name).packets;
}

static int append_counters(Manager *m, sd_bus_message *reply, const char *key, ShieldCounter counter) {
        int r;

        r = bus_open_array_entry(reply, key, "a{st}");
        for (ShieldKind kind = 0; r >= 0 && kind < _SHIELD_LIMITED_MAX; kind++)
                r = sd_bus_message_append(
                        reply, "{st}", shield_kind_to_string(kind), counted(m, kind, counter));

        return r < 0 ? r : bus_close_array_entry(reply);
}

static int append_sources(sd_bus_message *reply, const GArray *figures) {
        int r;

        r = bus_open_array_entry(reply, "Sources", "a(sqsttt)");
        for (unsigned i = 0; r >= 0 && i < MIN(figures->len, SOURCES_MAX); i++) {
                const ShieldFigure *f = &g_array_index(figures, ShieldFigure, i);

                r = sd_bus_message_append(reply, "(sqsttt)", f->source, f->port,
                        shield_kind_to_string(f->kind), f->packets, f->bytes, f->last);
        }

        return r < 0 ? r : bus_close_array_entry(reply);
}

static int append_statistics(Manager *m, sd_bus_message *reply, const GArray *figures) {
        int r;

        r = append_counters(m, reply, "Passed", SHIELD_PASSED);
        if (r >= 0)
                r = append_counters(m, reply, "OverSource", SHIELD_OVER_SOURCE);
        if (r >= 0)
                r = append_counters(m, reply, "OverPort", SHIELD_OVER_PORT);
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}", "Empty", "t", counted(m, SHIELD_EMPTY, SHIELD_OVER_SOURCE));
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}", "Malformed", "t", counted(m, SHIELD_MALFORMED, SHIELD_OVER_SOURCE));
        if (r >= 0)
                r = append_sources(reply, figures);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "SourcesTotal", "u", (uint32_t) figures->len);

        return r;
}

static void on_figures(int r, const char *why, GArray *figures, void *userdata) {
        FiguresCall *c = userdata;

        c->r = r >= 0 ? append_statistics(c->manager, c->reply, figures) : r;
        if (c->r < 0)
                c->why = g_strdup_printf("Cannot read the counters: %s", why ?: g_strerror(-c->r));
        figures_call_unref(c);
}

static int method_get_statistics(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Shield *shield = userdata;
        FiguresCall *c;
        int r;

        r = figures_call_new(shield->object.manager, call, "{sv}", &c, error);
        if (r < 0)
                return r;

        shield_get_figures(shield, on_figures, c);
        return 1;
}

/* -- the object ------------------------------------------------------------------------------------------------ */

static const sd_bus_vtable shield_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Configure", SD_BUS_ARGS("a{sv}", settings), SD_BUS_NO_RESULT,
                method_configure, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatistics", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", statistics),
                method_get_statistics, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Mode", "s", property_get_word, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("State", "s", property_get_word, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Limits", "a{su}", property_get_limits, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

int bus_add_shield(Manager *m) {
        return sd_bus_add_object_vtable(
                m->bus, NULL, m->shield->object.path, LEFT4ME_SHIELD_INTERFACE, shield_vtable, m->shield);
}
