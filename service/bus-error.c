/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/bus-error.h"

static const sd_bus_error_map error_map[] = {
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_INVALID_ARGUMENT, EINVAL),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_NO_SUCH_INSTANCE, ENOENT),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_NO_SUCH_OVERLAY, ENOENT),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_NO_SUCH_VERSION, ENOENT),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_NO_SUCH_FILE, ENOENT),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_NO_SUCH_JOB, ENOENT),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_NAME_TAKEN, EEXIST),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_PORT_IN_USE, EADDRINUSE),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_NO_FREE_PORT, EADDRNOTAVAIL),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_BUSY, EBUSY),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_IN_USE, EBUSY),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_INSTANCE_RUNNING, EBUSY),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_INSTANCE_NOT_RUNNING, ENOTCONN),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_MISSING_LAYER, ENOTEMPTY),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_START_FAILED, EPROTO),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_STOP_FAILED, EPROTO),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_JOB_FAILED, EPROTO),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_CANCELLED, ECANCELED),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_CONSOLE_REFUSED, ECONNREFUSED),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_TIMED_OUT, ETIMEDOUT),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_NO_SPACE, ENOSPC),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_LIMITS_EXCEEDED, E2BIG),
        SD_BUS_ERROR_MAP(LEFT4ME_ERROR_FAILED, EIO),
        SD_BUS_ERROR_MAP_END,
};

void bus_error_register(void) {
        (void) sd_bus_error_add_map(error_map);
}

int bus_error_set_io(sd_bus_error *error, int r, const char *what) {
        if (r == -ENOSPC || r == -EDQUOT)
                return sd_bus_error_setf(error, LEFT4ME_ERROR_NO_SPACE,
                        "%s: the disk is full. Free some space below /var/lib/left4me and try again.", what);

        return sd_bus_error_setf(error, LEFT4ME_ERROR_FAILED, "%s: %s", what, strerror(-r));
}
