/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/journal.h"
#include "service/log-stream.h"
#include "service/manager.h"

#define LOGS_MAX 64U
#define LINES_DEFAULT 100U
#define LINES_MAX 10000U

static const struct {
        const char *key;
        const char *type;
} options[] = { { "Lines", "u" }, { "Since", "t" }, { "Until", "t" }, { "Follow", "b" } };

static const char *option_type(const char *key) {
        for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
                if (g_str_equal(options[i].key, key))
                        return options[i].type;

        return NULL;
}

static int read_option(sd_bus_message *call, LogQuery *query, bool *follow, sd_bus_error *error) {
        const char *key, *type, *contents;
        uint32_t lines;
        int b, r;

        r = sd_bus_message_read(call, "s", &key);
        if (r < 0)
                return r;

        type = option_type(key);
        if (!type)
                return sd_bus_error_setf(
                        error, LEFT4ME_ERROR_INVALID_ARGUMENT, "There is no option '%s'.", key);

        r = sd_bus_message_peek_type(call, NULL, &contents);
        if (r < 0)
                return r;
        if (!g_str_equal(contents, type))
                return sd_bus_error_setf(error, LEFT4ME_ERROR_INVALID_ARGUMENT,
                        "The option '%s' has the type %s, not %s.", key, type, contents);

        if (g_str_equal(key, "Follow")) {
                r = sd_bus_message_read(call, "v", "b", &b);
                *follow = r >= 0 && b;
        } else if (g_str_equal(key, "Lines")) {
                r = sd_bus_message_read(call, "v", "u", &lines);
                if (r >= 0 && lines > LINES_MAX)
                        return sd_bus_error_setf(
                                error, LEFT4ME_ERROR_INVALID_ARGUMENT, "Lines: at most %u", LINES_MAX);
                query->lines = r >= 0 ? lines : 0;
        } else
                r = sd_bus_message_read(
                        call, "v", "t", g_str_equal(key, "Since") ? &query->since : &query->until);

        return r;
}

static int read_options(sd_bus_message *call, LogQuery *query, bool *follow, sd_bus_error *error) {
        int r;

        r = sd_bus_message_enter_container(call, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(call, 'e', "sv")) > 0) {
                r = read_option(call, query, follow, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(call);
                if (r < 0)
                        return r;
        }

        return r < 0 ? r : sd_bus_message_exit_container(call);
}

int bus_open_log(Manager *m, sd_bus_message *call, const char *const *units, const char *field,
        const char *value, sd_bus_error *error) {
        LogQuery query = { .units = units, .field = field, .value = value, .lines = LINES_DEFAULT };
        bool follow = false;
        int fd, r;

        r = read_options(call, &query, &follow, error);
        if (r < 0)
                return r;

        if (m->n_logs >= LOGS_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "%u logs are open already. Close one and try again.", m->n_logs);

        r = log_stream_new(m, &query, follow, &fd);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot read the journal");

        r = sd_bus_reply_method_return(call, "h", fd);
        (void) close(fd);
        return r;
}
