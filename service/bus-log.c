/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>
#include <unistd.h>

#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/bus-options.h"
#include "service/journal.h"
#include "service/log-stream.h"
#include "service/manager.h"

#define LOGS_MAX 64U
#define LINES_DEFAULT 100U
#define LINES_MAX 10000U

typedef struct LogOptions {
        uint32_t lines;
        uint64_t since, until;
        bool follow;
} LogOptions;

static const BusOption log_options[] = {
        { "Lines", "u", offsetof(LogOptions, lines) },
        { "Since", "t", offsetof(LogOptions, since) },
        { "Until", "t", offsetof(LogOptions, until) },
        { "Follow", "b", offsetof(LogOptions, follow) },
};

int bus_open_log(Manager *m, sd_bus_message *call, const char *const *units, const char *field,
        const char *value, sd_bus_error *error) {
        LogOptions options = { .lines = LINES_DEFAULT };
        LogQuery query = { .units = units, .field = field, .value = value };
        int fd, r;

        r = bus_read_options(call, log_options, G_N_ELEMENTS(log_options), &options, error);
        if (r < 0)
                return r;

        if (options.lines > LINES_MAX)
                return sd_bus_error_setf(
                        error, LEFT4ME_ERROR_INVALID_ARGUMENT, "Lines: at most %u", LINES_MAX);

        if (m->n_logs >= LOGS_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "%u logs are open already. Close one and try again.", m->n_logs);

        query.lines = options.lines;
        query.since = options.since;
        query.until = options.until;
        r = log_stream_new(m, &query, options.follow, &fd);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot read the journal");

        r = sd_bus_reply_method_return(call, "h", fd);
        (void) close(fd);
        return r;
}
