/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is to be known of an item's VPK: that it is one, and which campaigns it brings. */

#include <glib.h>

#include "protocol/workshop.h"

/* Sets campaigns and size of the item, and its title when it has none. -EBADMSG, with an error that says what is wrong: the file is no VPK, or
 * a broken one. What is odd in a text inside only costs that text. */
int workshop_read_vpk(int fd, WorkshopItem *item, GError **error);
