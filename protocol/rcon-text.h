/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The answers of the console's `status` and `stats`, which are text for people. Strings become valid UTF-8 (g_utf8_make_valid)
 * without control characters ('?' stands for each); lines of the log that came in between are skipped.
 *
 * Facts: `status` as captured from L4D2 2.2.4.3, build 10097; the forms of `stats` from public tests of GoldSource's and TF2's answers.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define RCON_TEXT_MAX (64U * 1024) /* bytes of an answer that is read */
#define RCON_PLAYERS_MAX 255U

typedef struct RconPlayer {
        unsigned userid; /* of this connection: `kickid USERID` */
        unsigned slot;   /* 0 for a bot, and where the server does not tell */
        char *name;      /* may hold quotes */
        bool bot;
        char *unique_id;    /* STEAM_1:Y:Z, BOT, or a word for a player whose account is not known (yet) */
        uint64_t steam_id;  /* the same as the 64-bit number, 0: not known */
        uint64_t connected; /* seconds */
        unsigned ping;      /* milliseconds */
        unsigned loss;      /* percent of packets */
        char *state;        /* active, spawning, connecting, challenging */
        unsigned rate;      /* bytes a second */
        char *address;      /* 198.51.100.4:44563, loopback, or "" when not told */
} RconPlayer;

typedef struct RconStatus {
        char *hostname;       /* may be "" */
        char *version;        /* 2.2.4.3 */
        unsigned build;       /* 10097; 0: not told */
        bool secure;          /* VAC */
        char *address;        /* where it is bound, 10.0.0.4:27015 */
        char *public_address; /* as Steam sees it; the same as address, or "" when not known */
        char *os;
        char *map; /* c2m1_highway */
        unsigned humans;
        unsigned bots;
        unsigned max_players;
        bool hibernating;
        bool reserved;      /* by a lobby */
        uint64_t lobby;     /* its id, 0: not told */
        GPtrArray *players; /* of RconPlayer, in the order of the answer */
        unsigned unread;    /* rows of players that could not be read */
        bool complete;      /* the line #end was there */
} RconStatus;

RconPlayer *rcon_player_new(void);
void rcon_player_free(RconPlayer *p);
RconStatus *rcon_status_new(void); /* all strings "", no player */
void rcon_status_free(RconStatus *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RconPlayer, rcon_player_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RconStatus, rcon_status_free)

/*
 * Reads the answer to `status`. *ret is the caller's.
 * -EBADMSG: it has no line of how many play, so it is something else (an empty one: the connection is not authenticated);
 * -EMSGSIZE: more than RCON_TEXT_MAX bytes or RCON_PLAYERS_MAX players.
 */
int rcon_status_parse(const char *text, size_t size, RconStatus **ret);

/* Writes the answer as L4D2 does. Strings are written as they are. Owned by the caller. */
char *rcon_status_format(const RconStatus *s);

/* What a server says of its work. Columns that it does not have are -1. */
typedef struct RconStats {
        double cpu; /* percent, as the game measures itself */
        double in;  /* KB a second */
        double out;
        double uptime; /* minutes */
        double users;  /* connections since the start */
        double map_changes;
        double fps;     /* frames a second; the tick rate when all is well */
        double players; /* now */
} RconStats;

/* Reads the answer to `stats`: a line of names, then one of numbers; only the known names count, in any order and number.
 * -EBADMSG: no such lines, or they do not fit; -EMSGSIZE: more than RCON_TEXT_MAX bytes. */
int rcon_stats_parse(const char *text, size_t size, RconStats *ret);

/* Writes it in the form of before 2013, which has no map_changes. Owned by the caller. */
char *rcon_stats_format(const RconStats *s);
