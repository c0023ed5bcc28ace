/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/bus-options.h"
#include "service/bus-error.h"

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

static int read_numbers(sd_bus_message *m, GHashTable **ret) {
        g_autoptr(GHashTable) numbers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        const char *key;
        uint32_t value;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{su}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read(m, "{su}", &key, &value)) > 0)
                g_hash_table_replace(numbers, g_strdup(key), GUINT_TO_POINTER(value));
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&numbers);
        return sd_bus_message_exit_container(m);
}

/* Reads what is in a variant that was entered. */
static int read_content(sd_bus_message *m, const char *type, BusValue *value) {
        uint16_t q = 0;
        uint32_t u = 0;
        int32_t i = 0;
        int b = 0, r;

        if (g_str_equal(type, "s"))
                return sd_bus_message_read(m, "s", &value->text);
        if (g_str_equal(type, "as"))
                return read_strings(m, &value->list);
        if (g_str_equal(type, "a{ss}"))
                return read_table(m, &value->table);
        if (g_str_equal(type, "a{su}"))
                return read_numbers(m, &value->numbers);
        if (g_str_equal(type, "t"))
                return sd_bus_message_read(m, "t", &value->number);

        if (g_str_equal(type, "i")) {
                r = sd_bus_message_read(m, "i", &i);
                value->number = (uint64_t) i;
                return r;
        }

        r = g_str_equal(type, "b")   ? sd_bus_message_read(m, "b", &b)
            : g_str_equal(type, "q") ? sd_bus_message_read(m, "q", &q)
                                     : sd_bus_message_read(m, "u", &u);
        if (r >= 0)
                value->number = (uint64_t) b + q + u;

        return r;
}

static int read_entry(sd_bus_message *call, const BusReader *reader, GHashTable *seen, sd_bus_error *error) {
        BusValue value = { 0 };
        const char *type, *contents;
        int r;

        r = sd_bus_message_read(call, "s", &value.key);
        if (r < 0)
                return r;

        type = reader->type_of(value.key, reader->userdata);
        if (!type)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT, "There is no %s '%s'.",
                        reader->what, value.key);
        if (!g_hash_table_add(seen, (char *) (uintptr_t) value.key))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT, "The %s '%s' comes twice.",
                        reader->what, value.key);

        r = sd_bus_message_peek_type(call, NULL, &contents);
        if (r < 0)
                return r;
        if (!g_str_equal(contents, type))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "The %s '%s' has the type %s, not %s.", reader->what, value.key, type, contents);

        r = sd_bus_message_enter_container(call, 'v', type);
        if (r >= 0)
                r = read_content(call, type, &value);
        if (r >= 0)
                r = sd_bus_message_exit_container(call);
        if (r >= 0)
                r = reader->take(&value, reader->userdata, error);

        g_strfreev(value.list);
        g_clear_pointer(&value.table, g_hash_table_unref);
        g_clear_pointer(&value.numbers, g_hash_table_unref);
        return r;
}

int bus_read_dictionary(sd_bus_message *call, const BusReader *reader, sd_bus_error *error) {
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
        int r;

        r = sd_bus_message_enter_container(call, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(call, 'e', "sv")) > 0) {
                r = read_entry(call, reader, seen, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(call);
                if (r < 0)
                        return r;
        }

        return r < 0 ? r : sd_bus_message_exit_container(call);
}

typedef struct OptionTable {
        const BusOption *options;
        size_t n;
        void *target;
} OptionTable;

static const BusOption *find_option(const OptionTable *table, const char *key) {
        for (size_t i = 0; i < table->n; i++)
                if (g_str_equal(table->options[i].key, key))
                        return &table->options[i];

        return NULL;
}

static const char *option_type(const char *key, void *userdata) {
        const BusOption *o = find_option(userdata, key);

        return o ? o->type : NULL;
}

static int take_option(const BusValue *value, void *userdata, sd_bus_error *error) {
        const OptionTable *table = userdata;
        const BusOption *o = find_option(table, value->key);
        void *member = (char *) table->target + o->offset;

        if (o->given > 0)
                *(bool *) (void *) ((char *) table->target + o->given) = true;

        switch (*o->type) {
        case 'b':
                *(bool *) member = value->number != 0;
                return 0;
        case 'i':
                *(int32_t *) member = (int32_t) value->number;
                return 0;
        case 'u':
                *(uint32_t *) member = (uint32_t) value->number;
                return 0;
        case 't':
                *(uint64_t *) member = value->number;
                return 0;
        case 's':
                *(const char **) member = value->text;
                return 0;
        default:
                g_assert_not_reached();
        }
}

int bus_read_options(
        sd_bus_message *call, const BusOption *options, size_t n, void *target, sd_bus_error *error) {
        OptionTable table = { options, n, target };
        const BusReader reader = { "option", option_type, take_option, &table };

        return bus_read_dictionary(call, &reader, error);
}
