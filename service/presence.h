/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service/types.h"

/*
 * Whether somebody is on a game server, by what it has printed in this run: "Server is hibernating" and "waking up", and, where
 * its log is on, who connected and disconnected. A player chooses his name and can make a line look like another, so this is one
 * witness, never the only one.
 */

typedef enum PresenceState {
        PRESENCE_READING, /* what is there already has not been read to its end */
        PRESENCE_UNKNOWN, /* the server has printed nothing that tells */
        PRESENCE_EMPTY,
        PRESENCE_PLAYERS,
} PresenceState;

/* What follows from the lines so far: pure, a value for presence.c and its tests. */
typedef struct PresenceCount {
        GHashTable *players; /* userid: connected and not disconnected */
        bool heard;          /* some line told who is there */
        bool logged;         /* its log is on */
        bool awake;          /* not hibernating, by its last word on it */
        bool overflow;       /* more players than there can be: the count is lost until it hibernates */
} PresenceCount;

void presence_count_init(PresenceCount *c);
void presence_count_clear(PresenceCount *c);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PresenceCount, presence_count_clear)

/* Takes one line of the console, of the log or not. */
void presence_count_line(PresenceCount *c, const char *line);
PresenceState presence_count_state(const PresenceCount *c);

/* Follows the journal of the current run of a server's unit. changed() is called from the loop whenever the state has changed. */
int presence_new(Manager *m, const Unit *u, void (*changed)(void *userdata), void *userdata, Presence **ret);
Presence *presence_free(Presence *p);
PresenceState presence_state(const Presence *p);
