/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus-entry.h"
#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/bus-options.h"
#include "service/manager.h"

typedef struct SettingsTarget {
        Manager *manager;
        InstanceConfig *config;
        bool changing;
} SettingsTarget;

static const char *setting_type(const char *key, void *userdata) {
        const SettingsTarget *target = userdata;

        return instance_config_type(key, target->changing);
}

static int take_setting(const BusValue *value, void *userdata, sd_bus_error *error) {
        const SettingsTarget *target = userdata;
        const Config *config = &target->manager->config;
        const Setting setting = {
                .key = value->key,
                .number = value->number,
                .text = value->text,
                .list = value->list,
                .table = value->table,
                .numbers = value->numbers,
        };
        g_autofree char *why = NULL;

        if (instance_config_set(target->config, &setting, config->first_port, config->last_port, &why) < 0)
                return sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT, why);

        return 0;
}

int bus_read_settings(
        Manager *m, sd_bus_message *call, InstanceConfig *c, bool changing, sd_bus_error *error) {
        SettingsTarget target = { m, c, changing };
        const BusReader reader = { "setting", setting_type, take_setting, &target };

        return bus_read_dictionary(call, &reader, error);
}

static int append_table(sd_bus_message *m, const char *key, GHashTable *table) {
        GHashTableIter iter;
        gpointer name, value;
        int r;

        r = bus_open_array_entry(m, key, "a{ss}");
        g_hash_table_iter_init(&iter, table);
        while (r >= 0 && g_hash_table_iter_next(&iter, &name, &value))
                r = sd_bus_message_append(m, "{ss}", (char *) name, (char *) value);

        return r < 0 ? r : bus_close_array_entry(m);
}

int bus_append_held(sd_bus_message *m, const InstanceConfig *c) {
        GHashTableIter iter;
        gpointer name, version;
        int r;

        r = sd_bus_message_open_container(m, 'a', "{su}");
        g_hash_table_iter_init(&iter, c->held);
        while (r >= 0 && g_hash_table_iter_next(&iter, &name, &version))
                r = sd_bus_message_append(m, "{su}", (char *) name, GPOINTER_TO_UINT(version));

        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_held(sd_bus_message *m, const InstanceConfig *c) {
        int r;

        r = bus_open_entry(m, "Held", "a{su}");
        if (r >= 0)
                r = bus_append_held(m, c);

        return r < 0 ? r : bus_close_entry(m);
}

static int append_strings(sd_bus_message *m, const char *key, GStrv strings) {
        int r;

        r = bus_open_entry(m, key, "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, strings);

        return r < 0 ? r : bus_close_entry(m);
}

int bus_append_settings(sd_bus_message *reply, const InstanceConfig *c) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "Port", "q", c->port, "Game", "s",
                        c->game, "Autostart", "b", (int) c->autostart, "UpdateWhenEmpty", "b",
                        (int) c->update_when_empty);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "OpenRcon", "b", (int) c->open_rcon);
        if (r >= 0)
                r = append_strings(reply, "Overlays", c->overlays);
        if (r >= 0)
                r = append_held(reply, c);
        if (r >= 0)
                r = append_strings(reply, "Arguments", c->arguments);
        if (r >= 0)
                r = append_strings(reply, "Lines", c->lines);
        if (r >= 0)
                r = append_table(reply, "Cvars", c->cvars);

        return r < 0 ? r : sd_bus_message_close_container(reply);
}
