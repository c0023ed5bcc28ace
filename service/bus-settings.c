/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/manager.h"
#include "service/util.h"

#define SETTINGS_MAX 32U

int bus_read_name(sd_bus_message *call, const char *what, const char **ret, sd_bus_error *error) {
        int r;

        r = sd_bus_message_read(call, "s", ret);
        if (r < 0)
                return r;

        if (!name_is_valid(*ret))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "The name of an %s is 1 to 64 of a-z, 0-9, - and _, and begins with a letter or digit.",
                        what);

        return 0;
}

static int read_strings(sd_bus_message *m, GStrv *ret) {
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        const char *s;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "s");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read(m, "s", &s)) > 0)
                g_strv_builder_add(builder, s);
        if (r < 0)
                return r;

        *ret = g_strv_builder_end(builder);
        return sd_bus_message_exit_container(m);
}

static int read_table(sd_bus_message *m, GHashTable **ret) {
        g_autoptr(GHashTable) table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        const char *key, *value;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{ss}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read(m, "{ss}", &key, &value)) > 0)
                g_hash_table_replace(table, g_strdup(key), g_strdup(value));
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&table);
        return sd_bus_message_exit_container(m);
}

/* Reads the variant of a setting, whose type is known to be right. */
static int read_value(sd_bus_message *m, const char *type, Setting *s) {
        uint16_t port;
        int b, r;

        r = sd_bus_message_enter_container(m, 'v', type);
        if (r < 0)
                return r;

        if (g_str_equal(type, "q")) {
                r = sd_bus_message_read(m, "q", &port);
                s->number = r >= 0 ? port : 0;
        } else if (g_str_equal(type, "b")) {
                r = sd_bus_message_read(m, "b", &b);
                s->number = r >= 0 && b;
        } else if (g_str_equal(type, "s"))
                r = sd_bus_message_read(m, "s", &s->text);
        else if (g_str_equal(type, "as"))
                r = read_strings(m, &s->list);
        else
                r = read_table(m, &s->table);
        if (r < 0)
                return r;

        return sd_bus_message_exit_container(m);
}

static int read_setting(
        Manager *m, sd_bus_message *call, InstanceConfig *c, bool changing, sd_bus_error *error) {
        Setting s = { 0 };
        g_autofree char *why = NULL;
        const char *type, *contents;
        int r;

        r = sd_bus_message_read(call, "s", &s.key);
        if (r < 0)
                return r;

        type = instance_config_type(s.key, changing);
        if (!type)
                return sd_bus_error_setf(
                        error, LEFT4ME_ERROR_INVALID_ARGUMENT, "There is no setting '%s'.", s.key);

        r = sd_bus_message_peek_type(call, NULL, &contents);
        if (r < 0)
                return r;
        if (!g_str_equal(contents, type))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "The setting '%s' has the type %s, not %s.", s.key, type, contents);

        r = read_value(call, type, &s);
        if (r >= 0 && instance_config_set(c, &s, m->config.first_port, m->config.last_port, &why) < 0)
                r = sd_bus_error_set(error, LEFT4ME_ERROR_INVALID_ARGUMENT, why);

        g_strfreev(s.list);
        g_clear_pointer(&s.table, g_hash_table_unref);
        return r;
}

int bus_read_settings(
        Manager *m, sd_bus_message *call, InstanceConfig *c, bool changing, sd_bus_error *error) {
        int r;

        r = sd_bus_message_enter_container(call, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(call, 'e', "sv")) > 0) {
                r = read_setting(m, call, c, changing, error);
                if (r < 0)
                        return r;

                r = sd_bus_message_exit_container(call);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        return sd_bus_message_exit_container(call);
}

static int append_table(sd_bus_message *m, GHashTable *table) {
        GHashTableIter iter;
        gpointer key, value;
        int r;

        r = sd_bus_message_open_container(m, 'v', "a{ss}");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{ss}");

        g_hash_table_iter_init(&iter, table);
        while (r >= 0 && g_hash_table_iter_next(&iter, &key, &value))
                r = sd_bus_message_append(m, "{ss}", (char *) key, (char *) value);

        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_strings(sd_bus_message *m, const char *key, GStrv strings) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, strings);
        if (r >= 0)
                r = sd_bus_message_close_container(m);

        return r < 0 ? r : sd_bus_message_close_container(m);
}

int bus_append_settings(sd_bus_message *reply, const InstanceConfig *c) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "Port", "q", c->port, "Game", "s", c->game,
                        "Autostart", "b", (int) c->autostart);
        if (r >= 0)
                r = append_strings(reply, "Overlays", c->overlays);
        if (r >= 0)
                r = append_strings(reply, "Arguments", c->arguments);
        if (r >= 0)
                r = append_strings(reply, "Lines", c->lines);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "Cvars");
        if (r >= 0)
                r = append_table(reply, c->cvars);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);

        return r < 0 ? r : sd_bus_message_close_container(reply);
}
