/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lines of a game server's log, and the datagrams that carry them (logaddress_add). A line is "L MM/DD/YYYY - HH:MM:SS: TEXT", in the
 * server's local time; a player stands in it as "NAME<USERID><ACCOUNT><TEAM>", in L4D2's lines of deaths with more fields behind.
 *
 * A log line is no evidence. Names, messages and the reason of a disconnect are the players' words, and may hold quotes and what looks like
 * another player; a reason may even hold a line end. Of several readings the first one counts that fits to the end of the line, so a
 * message cannot pretend to be another line, but a name can. Ask `status` before acting on a player.
 *
 * Facts: developer.valvesoftware.com/wiki/HL_Log_Standard; source-sdk-2013 EventLog.cpp; lines of L4D2 from public parsers' tests (hlstatsx
 * hlstats.pl) and run logs.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define LOGLINE_MAX 4096U     /* bytes of a line */
#define LOGLINE_NAME_MAX 127U /* bytes of a player's name, Source's limit; L4D2's is 31 */

typedef enum LogEvent {
        LOG_EVENT_OTHER,         /* a line of the log, of none of the kinds below; text: all of it */
        LOG_EVENT_CONNECTED,     /* player; address: 203.0.113.7:27005, or none for a bot */
        LOG_EVENT_VALIDATED,     /* player: Steam knows the account */
        LOG_EVENT_ENTERED,       /* player: is in the game */
        LOG_EVENT_JOINED_TEAM,   /* player; text: Survivor, Infected, Spectator */
        LOG_EVENT_RENAMED,       /* player, with the old name; text: the new one */
        LOG_EVENT_SAID,          /* player; text */
        LOG_EVENT_SAID_TEAM,     /* player; text */
        LOG_EVENT_DISCONNECTED,  /* player; text: the reason */
        LOG_EVENT_KILLED,        /* player killed victim; text: weapon; headshot */
        LOG_EVENT_INCAPACITATED, /* player incapped victim; text: weapon */
        LOG_EVENT_SUICIDE,       /* player; text: by what */
        LOG_EVENT_TRIGGERED,     /* player; text: what */
        LOG_EVENT_WORLD,         /* text: Round_Start */
        LOG_EVENT_MAP_LOADING,   /* text: map */
        LOG_EVENT_MAP_STARTED,   /* text: map */
        LOG_EVENT_MAP_CHANGE,    /* text: the next map */
        LOG_EVENT_CVARS_START,
        LOG_EVENT_CVAR, /* name, text: value; between the two others, or by itself: it was changed */
        LOG_EVENT_CVARS_END,
        LOG_EVENT_SERVER_SAID,  /* text */
        LOG_EVENT_SERVER_NAME,  /* text */
        LOG_EVENT_STARTED,      /* of the log; text: file */
        LOG_EVENT_CLOSED,       /* of the log */
        LOG_EVENT_RCON,         /* address; text: command */
        LOG_EVENT_RCON_REFUSED, /* address: wrong password */
        LOG_EVENT_MAX,
} LogEvent;

typedef struct LogPlayer {
        char *name;        /* NULL: there is no such player in this line */
        unsigned userid;   /* 0: the console */
        char *account;     /* STEAM_1:Y:Z, BOT, Console, "" for common infected */
        uint64_t steam_id; /* 64-bit number, 0: none */
        char *team;        /* "" before one is joined */
} LogPlayer;

typedef struct LogLine {
        LogEvent event;
        int year, month, day, hour, minute, second; /* local to the server; month and day from 1 */
        LogPlayer player;
        LogPlayer victim;
        char *name; /* all strings that an event does not have are NULL */
        char *text;
        char *address;
        bool headshot;
} LogLine;

void logline_free(LogLine *l); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogLine, logline_free)

/*
 * Reads one line, with or without its end (CR, LF, NUL). Strings become valid UTF-8. *ret is the caller's.
 * -EBADMSG: no line of a log; -EMSGSIZE: longer than LOGLINE_MAX.
 */
int logline_parse(const char *line, size_t size, LogLine **ret);

/* The beginning of a line, "L 05/19/2026 - 18:20:01: ", from the first fields of l. Owned by the caller. */
char *logline_format_time(const LogLine *l);

/* A player as in a line, with the quotes. Owned by the caller. */
char *logline_format_player(const LogPlayer *p);

const char *log_event_to_string(LogEvent event); /* "connected"; NULL for what is none */

/*
 * Finds the line in one datagram that a server sent: FF FF FF FF 'R' LINE, or 'S' SECRET LINE when it has an sv_logsecret. *ret_line
 * points into data, *ret_secret is 0 without one.
 * -EBADMSG: no such datagram.
 */
int logline_decode_datagram(
        const void *data, size_t size, uint64_t *ret_secret, const char **ret_line, size_t *ret_size);

/* Appends the datagram for a line without its end; secret 0: none. */
void logline_encode_datagram(GByteArray *out, uint64_t secret, const char *line);
