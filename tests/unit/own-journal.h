/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A journal of the test's own: a journald for the namespace left4me, in PID and mount namespaces that the test gets. */

#include <stdbool.h>
#include <sys/types.h>

/* Returns in a grandchild; the calling process ends with its exit status. false: we may not, or there is no journald; nothing has been
 * done. */
bool own_journal_enter(void);
void own_journal_start(void);
void own_journal_stop(void);

/* Sends an entry in the journal's native format, as PID 1. */
void own_journal_send(const char *entry);

/* Sends the entries (NULL-terminated) as a process of the unit. journald looks at it when it takes them, so it stays until
 * own_journal_reap(). */
pid_t own_journal_send_as(const char *unit, const char *const *entries);
void own_journal_reap(pid_t pid);
