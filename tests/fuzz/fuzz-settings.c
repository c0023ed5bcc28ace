/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Settings as a caller of the bus may send them, one after the other into one config. The input is a record for each, ended by
 * RS (0x1e), of fields ended by US (0x1f): the key, then its value; a table is name, value, name, value. An input without
 * control characters of its own can be read and written with an editor.
 */
#include <string.h>

#include "fuzz.h"
#include "tests/unit/config-rules.h"

static GHashTable *read_table(char **fields) {
        GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

        for (; fields[0] && fields[1]; fields += 2)
                g_hash_table_replace(table, g_strdup(fields[0]), g_strdup(fields[1]));
        return table;
}

static void set(InstanceConfig *c, char **fields) {
        const char *type = *fields ? instance_config_type(*fields, true) : NULL;
        g_autoptr(GHashTable) table = NULL;
        g_auto(GStrv) list = NULL;
        Setting s = { .key = *fields };
        const char *value;

        if (!type)
                return;

        value = *++fields ?: "";
        if (g_str_equal(type, "q"))
                s.number = g_ascii_strtoull(value, NULL, 10) & UINT16_MAX;
        else if (g_str_equal(type, "b"))
                s.number = *value == '1';
        else if (g_str_equal(type, "s"))
                s.text = value;
        else if (g_str_equal(type, "as"))
                s.list = list = g_strdupv(fields);
        else
                s.table = table = read_table(fields);

        if (config_try(c, &s))
                config_assert_rules(c, "versus-1", NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autofree char *text = g_strndup((const char *) data, size);
        g_auto(GStrv) records = g_strsplit(text, "\036", -1);
        g_autoptr(InstanceConfig) c = instance_config_new(), copy = NULL;
        g_autofree char *dump = NULL, *copied = NULL;

        for (char **r = records; *r; r++) {
                g_auto(GStrv) fields = g_strsplit(*r, "\037", -1);

                set(c, fields);
        }

        copy = instance_config_copy(c);
        dump = config_dump(c);
        copied = config_dump(copy);
        g_assert_cmpstr(copied, ==, dump);
        return 0;
}
