/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who is on the server: humans and bots, their slots, and the log lines of their coming and going. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "types.h"

typedef struct CommandTable CommandTable;

#define PLAYERS_MAX 32
#define STEAMID_LEN 32
#define STEAM_ID_BASE UINT64_C(76561197960265728) /* the 64-bit number of account 0 */
#define TAG_LEN 256

typedef enum Team {
        TEAM_NONE,
        TEAM_SURVIVOR,
        TEAM_INFECTED,
} Team;

typedef enum PlayerState {
        PLAYER_FREE,       /* nobody in this slot */
        PLAYER_CONNECTING, /* let in; without a name in queries */
        PLAYER_SPAWNING,   /* the map changes under it */
        PLAYER_ACTIVE,
} PlayerState;

typedef struct Player {
        PlayerState state;
        bool bot;
        bool alive;
        Team team;
        unsigned userid;
        uint32_t account; /* of the Steam id; 0 for a bot */
        char name[32];    /* any bytes: names are what players make of them */
        char address[24];
        const char *character; /* as the log has it: Producer, HUNTER */
        int health;
        int score;
        unsigned ping;
        unsigned loss;
        uint64_t since_ms;
} Player;

typedef struct Players {
        Player slots[PLAYERS_MAX];
        unsigned last_userid;
        unsigned connects; /* humans, since the start */
} Players;

extern const CommandTable player_commands;

char *format_steamid(uint32_t account, char buf[static STEAMID_LEN]);
bool parse_steamid(const char *text, uint32_t *ret);
const char *player_tag(const Player *p, char buf[static TAG_LEN]);

Player *player_by_userid(Server *s, unsigned userid);
Player *player_by_account(Server *s, uint32_t account);
Player *player_by_name(Server *s, const char *name);
Player *player_next(Server *s, const Player *p); /* NULL: the first; of all slots that are taken */

unsigned players_count(Server *s, bool bots);
bool players_play(Server *s);    /* a human is in a team */
unsigned players_max(Server *s); /* humans that are let in */

/* NULL when the server is full or the account is banned. */
Player *player_connect(Server *s, const char *name, uint32_t account, const char *address);
void player_validate(Server *s, Player *p);
void player_enter(Server *s, Player *p);
void player_join_team(Server *s, Player *p, Team team);
void player_rename(Server *s, Player *p, const char *name);
void player_say(Server *s, Player *p, const char *text, bool team_only);
void player_leave(Server *s, Player *p, const char *reason);

Player *bot_add(Server *s, const char *name, const char *character, Team team);
void bots_settle(Server *s); /* survivors that no human plays are bots; without humans there is nobody */

void players_change_map(Server *s, bool keep); /* changelevel keeps them, map sends them away */
