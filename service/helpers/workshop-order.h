/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What left4me-workshop is to do: the keys WorkshopAPI= and WorkshopHosts= of the job file, and the file `items` beside it, of lines
 *   want ID            an item or a collection, in their order
 *   pin ID REVISION    it stays at this revision
 *   have ID REVISION   the version that the build begins with has it
 *   seen ID REVISION   what the Workshop had when it was last asked, in the order of then; "-" for nothing. If these lines are there, and
 *                      nothing has changed since, there is nothing to be built */

#include <glib.h>
#include <stddef.h>

#include "workshop-address.h"

#define ORDER_SIZE_MAX (1U << 20)

typedef struct WorkshopOrder {
        AddressRules rules;
        GPtrArray *wanted; /* char *: ids, and a NULL behind them */
        GHashTable *pins;  /* id -> revision */
        GHashTable *have;  /* the same */
        GString *seen;     /* lines as in the file, "" when there are none */
} WorkshopOrder;

int workshop_order_parse(const char *job, size_t job_size, const char *items, size_t items_size,
        WorkshopOrder **ret, GError **error);
void workshop_order_free(WorkshopOrder *order); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WorkshopOrder, workshop_order_free)
