/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "fail.h"
#include "protocol/workshop.h"
#include "workshop-order.h"

void workshop_order_free(WorkshopOrder *order) {
        if (!order)
                return;

        address_rules_done(&order->rules);
        g_ptr_array_unref(order->wanted);
        g_hash_table_unref(order->pins);
        g_hash_table_unref(order->have);
        g_string_free(order->seen, TRUE);
        g_free(order);
}

static int read_line(WorkshopOrder *order, const char *line) {
        g_auto(GStrv) words = g_strsplit(line, " ", 4);
        unsigned n = g_strv_length(words);

        if (n < 2 || !workshop_id_valid(words[1]))
                return -EINVAL;
        if (n == 2 && g_str_equal(words[0], "want")) {
                if (order->wanted->len == WORKSHOP_ITEMS_MAX)
                        return -E2BIG;
                g_ptr_array_add(order->wanted, g_strdup(words[1]));
                return 0;
        }

        if (n != 3)
                return -EINVAL;
        if (g_str_equal(words[0], "seen") &&
                (g_str_equal(words[2], "-") || workshop_revision_valid(words[2]))) {
                g_string_append_printf(order->seen, "%s\n", line);
                return 0;
        }
        if (!workshop_revision_valid(words[2]))
                return -EINVAL;
        if (g_str_equal(words[0], "pin"))
                g_hash_table_replace(order->pins, g_strdup(words[1]), g_strdup(words[2]));
        else if (g_str_equal(words[0], "have"))
                g_hash_table_replace(order->have, g_strdup(words[1]), g_strdup(words[2]));
        else
                return -EINVAL;
        return 0;
}

static int read_items(WorkshopOrder *order, const char *text, size_t size, GError **error) {
        g_autofree char *copy = g_strndup(text, size);
        g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);

        for (char **line = lines; *line; line++)
                if (**line != '\0' && read_line(order, *line) < 0)
                        return fail(error, EINVAL, "the file items is not valid: %.100s", *line);
        g_ptr_array_add(order->wanted, NULL);
        return 0;
}

int workshop_order_parse(const char *job, size_t job_size, const char *items, size_t items_size,
        WorkshopOrder **ret, GError **error) {
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *operation = NULL, *api = NULL, *hosts = NULL;
        g_autoptr(WorkshopOrder) order = g_new0(WorkshopOrder, 1);
        int r;

        order->wanted = g_ptr_array_new_with_free_func(g_free);
        order->pins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        order->have = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        order->seen = g_string_new(NULL);

        if (memchr(job, '\0', job_size) ||
                !g_key_file_load_from_data(file, job, job_size, G_KEY_FILE_NONE, NULL))
                return fail(error, EINVAL, "the job file is not a key file");
        operation = g_key_file_get_value(file, "Job", "Operation", NULL);
        if (g_strcmp0(operation, "workshop") != 0)
                return fail(error, EINVAL, "Operation= in the job file is not for left4me-workshop");

        api = g_key_file_get_string(file, "Job", "WorkshopAPI", NULL);
        hosts = g_key_file_get_string(file, "Job", "WorkshopHosts", NULL);
        if (!api || !hosts)
                return fail(error, EINVAL, "WorkshopAPI= or WorkshopHosts= is missing in the job file");
        r = address_rules_parse(api, hosts, &order->rules, error);
        if (r >= 0)
                r = read_items(order, items, items_size, error);
        if (r < 0)
                return r;

        *ret = g_steal_pointer(&order);
        return 0;
}
