/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/types.h>

#include "service/types.h"

/*
 * Reads the journal entry by entry, the host's own and the namespace of the games together. A reader keeps its place in the journal, not
 * entries in memory: whoever is slow costs nothing. The kernel tells one watch what is new, for all readers: a user gets 128 of
 * its (inotify) instances.
 */

/* Whose entries: what these units logged, and what systemd and left4med noted about them. */
typedef struct LogQuery {
        const char *const *units; /* full unit names */
        const char *invocation;   /* of these not what belongs to another run; NULL for all */
        const char *field;        /* left4med's own records with this field ... */
        const char *value;        /* ... of this value; NULL for none */
        const char *cursor;       /* to begin there; NULL for none */
        bool with_cursor;         /* with the entry that stands at the cursor */
        bool cursors;             /* each entry is to tell its cursor */
        uint64_t lines;           /* the last so many, with a cursor the first so many; UINT64_MAX for all */
        uint64_t since, until;    /* usec, 0 for no bound */
} LogQuery;

typedef struct LogEntry {
        uint64_t time; /* usec, CLOCK_REALTIME */
        int priority;
        char *identifier;
        char *message;
        char *message_id;  /* NULL for none */
        bool from_systemd; /* written by PID 1 about the unit */
        char *cursor;      /* NULL when it was not asked for */
} LogEntry;

void log_entry_clear(LogEntry *e);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LogEntry, log_entry_clear)

/* -EBADMSG: the cursor is none. */
int journal_reader_new(const LogQuery *query, JournalReader **ret);
JournalReader *journal_reader_free(JournalReader *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JournalReader, journal_reader_free)

/* 1: *ret is the next entry; 0: no more for now; < 0: the journal failed. The caller clears *ret. */
int journal_reader_next(JournalReader *r, LogEntry *ret);

/* Begins anew, where the query begins: for entries that came late, which have an earlier time than some that were read. */
int journal_reader_again(JournalReader *r);

/* Lets go of the journal's files, all but the place in them; the next read opens them again. For one who does not read for long. */
void journal_reader_rest(JournalReader *r);

/* Calls more() whenever entries may have been added, until the reader is freed. The watch holds nothing while it has no readers. */
int journal_reader_watch(
        JournalReader *r, JournalWatch *watch, void (*more)(void *userdata), void *userdata);

JournalWatch *journal_watch_new(sd_event *event);
JournalWatch *journal_watch_free(JournalWatch *w);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JournalWatch, journal_watch_free)
