/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "service/bus-error.h"
#include "service/bus-objects.h"
#include "service/bus-options.h"
#include "service/journal.h"
#include "service/log-stream.h"
#include "service/manager.h"
#include "service/util.h"

/* Each that is read takes a descriptor for each file of two journals (LimitNOFILE= of left4med.service). Nobody gets all of them. */
#define LOGS_MAX 256U
#define LOGS_OF_ONE_MAX 128U
#define LINES_DEFAULT 100U
#define LINES_MAX 10000U
#define LINES_UNSET UINT32_MAX

typedef struct LogOptions {
        uint32_t lines;
        uint64_t since, until;
        const char *cursor, *from_cursor;
        bool follow, cursors;
} LogOptions;

static const BusOption log_options[] = {
        { "Lines", "u", offsetof(LogOptions, lines) },
        { "Since", "t", offsetof(LogOptions, since) },
        { "Until", "t", offsetof(LogOptions, until) },
        { "Follow", "b", offsetof(LogOptions, follow) },
        { "Cursor", "s", offsetof(LogOptions, cursor) },
        { "FromCursor", "s", offsetof(LogOptions, from_cursor) },
        { "Cursors", "b", offsetof(LogOptions, cursors) },
};

static int read_options(sd_bus_message *call, LogQuery *query, bool *ret_follow, sd_bus_error *error) {
        LogOptions o = { .lines = LINES_UNSET };
        int r;

        r = bus_read_options(call, log_options, G_N_ELEMENTS(log_options), &o, error);
        if (r < 0)
                return r;

        if (o.lines > LINES_MAX && o.lines != LINES_UNSET)
                return sd_bus_error_setf(
                        error, LEFT4ME_ERROR_INVALID_ARGUMENT, "Lines: at most %u", LINES_MAX);
        if (o.cursor && o.from_cursor)
                return sd_bus_error_set(
                        error, LEFT4ME_ERROR_INVALID_ARGUMENT, "Only one of Cursor and FromCursor can be.");

        query->cursor = o.cursor ?: o.from_cursor;
        query->with_cursor = o.from_cursor;
        query->cursors = o.cursors;
        query->since = o.since;
        query->until = o.until;
        /* Lines from a cursor on, to be followed, have no end. */
        if (query->cursor && (o.follow || o.lines == LINES_UNSET))
                query->lines = UINT64_MAX;
        else
                query->lines = o.lines == LINES_UNSET ? LINES_DEFAULT : o.lines;
        *ret_follow = o.follow;
        return 0;
}

int bus_open_log(Manager *m, sd_bus_message *call, uid_t uid, const char *const *units, const char *field,
        const char *value, uint64_t begin, const char *const *last, sd_bus_error *error) {
        LogQuery query = { .units = units, .field = field, .value = value };
        bool follow;
        int fd, r;

        r = read_options(call, &query, &follow, error);
        if (r < 0)
                return r;

        if (log_streams_of(m, uid) >= LOGS_OF_ONE_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "You have %u logs open already. Close one and try again.", LOGS_OF_ONE_MAX);
        if (m->n_logs >= LOGS_MAX)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_LIMITS_EXCEEDED,
                        "%u logs are open already. Try again when one has been closed.", m->n_logs);

        /* A time to come is one of a clock that was wrong. */
        if (begin <= now_usec())
                query.since = MAX(query.since, begin);

        r = log_stream_new(m, uid, &query, follow && (!last || *last), last, &fd);
        if (r == -EBADMSG && query.cursor)
                return sd_bus_error_setf(
                        error, LEFT4ME_ERROR_INVALID_ARGUMENT, "'%s' is no cursor of a log.", query.cursor);
        if (r < 0)
                return bus_error_set_io(error, r, "Cannot read the journal");

        r = sd_bus_reply_method_return(call, "h", fd);
        (void) close(fd);
        return r;
}
