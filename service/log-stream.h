/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/types.h>

#include "service/journal.h"
#include "service/types.h"

/*
 * Copies journal entries into a pipe, a line each, as fast as the other side reads: what it does not read stays in the journal. The
 * stream ends by itself: after the last entry, or with follow when the other side is closed; then also after an entry with one of the
 * message ids in last (NULL: none is the last). It is counted in m->n_logs, and as one of
 * the user's.
 */
int log_stream_new(
        Manager *m, uid_t uid, const LogQuery *query, bool follow, const char *const *last, int *ret_fd);

/* How many this user has open. */
unsigned log_streams_of(const Manager *m, uid_t uid);
