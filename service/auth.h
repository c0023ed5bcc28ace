/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "dbus/names.h"
#include "service/types.h"

/*
 * The only caller of polkit. A check takes a round trip, so a handler runs twice: the first time auth_check() asks and says 0, and
 * the handler returns 1 ("answered later"); with polkit's answer the same message is dispatched again, and then auth_check() says 1,
 * or fails. Everything a handler does above its check must therefore be repeatable.
 *
 * polkit is always asked, root passes there by itself. (sd-bus' notion of a privileged sender would let everything with the
 * manager's own uid pass.) When polkit is not there, only root passes.
 */

Auth *auth_new(Manager *m);
Auth *auth_free(Auth *a);

/* detail_key and detail_value: "instance" and its name, or "overlay"; NULL for neither. Returns 1: allowed, with *ret_uid the
 * caller's (uid (uid_t) -1 when it is not known); 0: wait; < 0: AccessDenied, InteractiveAuthorizationRequired or LimitsExceeded. */
int auth_check(Auth *a, sd_bus_message *call, const char *action, const char *verb, const char *detail_key,
        const char *detail_value, uid_t *ret_uid, sd_bus_error *error);
