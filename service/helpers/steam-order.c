/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "fail.h"
#include "protocol/steamcmd.h"
#include "steam.h"

#define PAUSE_MAX 3600U

void steam_order_free(SteamOrder *order) {
        if (!order)
                return;

        g_free(order->branch);
        g_free(order->installer);
        g_free(order);
}

static int fail_key(const char *key, GError **error) {
        return fail(error, EINVAL, "%s= in the job file is missing or not valid", key);
}

static int read_number(GKeyFile *file, const char *key, guint64 max, guint64 *ret, GError **error) {
        g_autofree char *text = g_key_file_get_value(file, "Job", key, NULL);

        if (!text || !g_ascii_string_to_unsigned(text, 10, 0, max, ret, NULL))
                return fail_key(key, error);
        return 0;
}

static int read_app(GKeyFile *file, const char *operation, SteamOrder *order, GError **error) {
        g_autofree char *validate = g_key_file_get_value(file, "Job", "Validate", NULL);
        guint64 app;
        int r;

        if (g_strcmp0(operation, "steam") != 0 && g_strcmp0(operation, "steam-check") != 0)
                return fail(error, EINVAL, "Operation= in the job file is not for left4me-steam");

        r = read_number(file, "App", UINT32_MAX, &app, error);
        if (r < 0)
                return r;

        order->branch = g_key_file_get_value(file, "Job", "Branch", NULL);
        if (!order->branch || !steam_branch_is_valid(order->branch))
                return fail_key("Branch", error);

        order->check_only = g_str_equal(operation, "steam-check");
        order->validate = g_strcmp0(validate, "true") == 0;
        order->app = (uint32_t) app;
        return app > 0 ? 0 : fail_key("App", error);
}

static int read_order(GKeyFile *file, SteamOrder *order, GError **error) {
        g_autofree char *operation = g_key_file_get_value(file, "Job", "Operation", NULL);
        guint64 pause;
        int r;

        order->items = g_strcmp0(operation, "workshop") == 0;
        r = order->items ? 0 : read_app(file, operation, order, error);
        if (r >= 0)
                r = read_number(file, "Pause", PAUSE_MAX, &pause, error);
        if (r < 0)
                return r;

        order->pause = (unsigned) pause;
        order->installer = g_key_file_get_value(file, "Job", "Installer", NULL);
        if (!order->installer || (!g_str_has_prefix(order->installer, "https://") &&
                                         !g_str_has_prefix(order->installer, "http://")))
                return fail_key("Installer", error);
        return 0;
}

int steam_order_parse(const char *text, size_t size, SteamOrder **ret, GError **error) {
        g_autoptr(SteamOrder) order = g_new0(SteamOrder, 1);
        g_autoptr(GKeyFile) file = g_key_file_new();
        int r;

        if (memchr(text, '\0', size) || !g_key_file_load_from_data(file, text, size, G_KEY_FILE_NONE, NULL))
                return fail(error, EINVAL, "the job file is not a key file");

        r = read_order(file, order, error);
        if (r >= 0)
                *ret = g_steal_pointer(&order);
        return r;
}
