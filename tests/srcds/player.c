/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ban.h"
#include "combat.h"
#include "console.h"
#include "player.h"
#include "protocol/steam-id.h"
#include "server.h"
#include "util.h"

#define SURVIVORS 4

static const char *const team_names[] = {
        [TEAM_NONE] = "", [TEAM_SURVIVOR] = "Survivor", [TEAM_INFECTED] = "Infected"
};

/* The two casts: campaigns 7 to 13 are played with the survivors of the first game. */
static const struct {
        const char *name;
        const char *character;
} casts[2][SURVIVORS] = {
        { { "Coach", "Coach" }, { "Nick", "Gambler" }, { "Ellis", "Mechanic" }, { "Rochelle", "Producer" } },
        { { "Bill", "NamVet" }, { "Zoey", "TeenGirl" }, { "Louis", "Manager" }, { "Francis", "Biker" } },
};

char *format_steamid(uint32_t account, char buf[static STEAMID_LEN]) {
        (void) snprintf(buf, STEAMID_LEN, "STEAM_1:%u:%u", account & 1, account >> 1);
        return buf;
}

bool parse_steamid(const char *text, uint32_t *ret) {
        uint64_t id;

        if (!steam_id_parse(text, &id))
                return false;
        *ret = (uint32_t) (id - STEAM_ID_BASE);
        return true;
}

const char *player_tag(const Player *p, char buf[static TAG_LEN]) {
        char id[STEAMID_LEN];

        (void) snprintf(buf, TAG_LEN, "\"%s<%u><%s><%s>\"", p->name, p->userid,
                p->bot ? "BOT" : format_steamid(p->account, id), team_names[p->team]);
        return buf;
}

Player *player_next(Server *s, const Player *p) {
        for (size_t i = p ? (size_t) (p - s->players.slots) + 1 : 0; i < PLAYERS_MAX; i++)
                if (s->players.slots[i].state != PLAYER_FREE)
                        return &s->players.slots[i];
        return NULL;
}

Player *player_by_userid(Server *s, unsigned userid) {
        for (Player *p = NULL; (p = player_next(s, p));)
                if (p->userid == userid)
                        return p;
        return NULL;
}

Player *player_by_account(Server *s, uint32_t account) {
        for (Player *p = NULL; (p = player_next(s, p));)
                if (!p->bot && p->account == account)
                        return p;
        return NULL;
}

Player *player_by_name(Server *s, const char *name) {
        for (Player *p = NULL; (p = player_next(s, p));)
                if (strcasecmp(p->name, name) == 0)
                        return p;
        return NULL;
}

unsigned players_count(Server *s, bool bots) {
        unsigned n = 0;

        for (Player *p = NULL; (p = player_next(s, p));)
                n += p->bot == bots;
        return n;
}

bool players_play(Server *s) {
        for (Player *p = NULL; (p = player_next(s, p));)
                if (!p->bot && p->team != TEAM_NONE)
                        return true;
        return false;
}

static bool is_versus(Server *s) {
        const char *mode = cvar_string(&s->cvars, "mp_gamemode");

        return strcasecmp(mode, "versus") == 0 || strcasecmp(mode, "scavenge") == 0 ||
               strncasecmp(mode, "team", 4) == 0;
}

/* Slots come from the mode; sv_maxplayers is what a well-known extension sets to have more. */
unsigned players_max(Server *s) {
        double more = cvar_number(&s->cvars, "sv_maxplayers");

        if (more >= 1)
                return more > 31 ? 31 : (unsigned) more;
        return is_versus(s) ? 8 : 4;
}

static Player *take_slot(Server *s, const char *name, bool bot) {
        for (size_t i = 0; i < PLAYERS_MAX; i++) {
                Player *p = &s->players.slots[i];

                if (p->state != PLAYER_FREE)
                        continue;
                *p = (Player){
                        .state = PLAYER_CONNECTING,
                        .bot = bot,
                        .alive = true,
                        .userid = ++s->players.last_userid,
                        .health = 100,
                        .since_ms = now_ms(),
                };
                (void) snprintf(p->name, sizeof(p->name), "%s", name);
                return p;
        }
        return NULL;
}

Player *player_connect(Server *s, const char *name, uint32_t account, const char *address) {
        char tag[TAG_LEN];
        Player *p;

        if (players_count(s, false) >= players_max(s) || ban_has_account(s, account))
                return NULL;
        p = take_slot(s, name, false);
        if (!p)
                return NULL;
        p->account = account;
        p->ping = 30 + account % 90;
        (void) snprintf(p->address, sizeof(p->address), "%s", address);
        s->players.connects++;
        log_line(&s->log, &s->cvars, "%s connected, address \"%s\"", player_tag(p, tag), address);
        return p;
}

void player_validate(Server *s, Player *p) {
        char tag[TAG_LEN];

        log_line(&s->log, &s->cvars, "%s STEAM USERID validated", player_tag(p, tag));
}

void player_enter(Server *s, Player *p) {
        char tag[TAG_LEN];

        p->state = PLAYER_ACTIVE;
        log_line(&s->log, &s->cvars, "%s entered the game", player_tag(p, tag));
}

static Player *find_bot(Server *s, Team team) {
        for (Player *p = NULL; (p = player_next(s, p));)
                if (p->bot && p->team == team)
                        return p;
        return NULL;
}

static unsigned humans_in(Server *s, Team team) {
        unsigned n = 0;

        for (Player *p = NULL; (p = player_next(s, p));)
                n += !p->bot && p->team == team;
        return n;
}

void player_join_team(Server *s, Player *p, Team team) {
        char tag[TAG_LEN];

        if (!p->bot && !is_versus(s))
                team = TEAM_SURVIVOR;
        else if (!p->bot && humans_in(s, team) >= players_max(s) / 2)
                team = team == TEAM_SURVIVOR ? TEAM_INFECTED : TEAM_SURVIVOR;
        log_line(&s->log, &s->cvars, "%s joined team \"%s\"", player_tag(p, tag), team_names[team]);
        p->team = team;
        s->state_dirty = true;
        if (!p->bot && team == TEAM_INFECTED)
                p->character = combat_class(p->userid);
        if (!p->bot)
                bots_settle(s);
}

void player_rename(Server *s, Player *p, const char *name) {
        char tag[TAG_LEN];

        log_line(&s->log, &s->cvars, "%s changed name to \"%s\"", player_tag(p, tag), name);
        (void) snprintf(p->name, sizeof(p->name), "%s", name);
}

void player_say(Server *s, Player *p, const char *text, bool team_only) {
        char tag[TAG_LEN];

        log_line(&s->log, &s->cvars, "%s %s \"%s\"", player_tag(p, tag), team_only ? "say_team" : "say",
                text);
}

void player_leave(Server *s, Player *p, const char *reason) {
        bool bot = p->bot;
        char tag[TAG_LEN];

        log_line(&s->log, &s->cvars, "%s disconnected (reason \"%s\")", player_tag(p, tag), reason);
        *p = (Player){ 0 };
        s->state_dirty = true;
        if (!bot)
                bots_settle(s);
}

Player *bot_add(Server *s, const char *name, const char *character, Team team) {
        Player *p = take_slot(s, name, true);
        char tag[TAG_LEN];

        if (!p)
                return NULL;
        p->character = character;
        log_line(&s->log, &s->cvars, "%s connected, address \"none\"", player_tag(p, tag));
        player_enter(s, p);
        player_join_team(s, p, team);
        return p;
}

static bool has_old_cast(const char *map) {
        unsigned campaign;

        return sscanf(map, "c%2um", &campaign) == 1 && campaign >= 7 && campaign <= 13;
}

/* Whose survivor is whose: a human takes the first that is free, bots keep the rest. */
static void cast_survivors(Server *s) {
        bool old = has_old_cast(s->map);
        bool taken[SURVIVORS] = { 0 };

        for (Player *p = NULL; (p = player_next(s, p));)
                for (size_t i = 0; i < SURVIVORS; i++)
                        if (p->team == TEAM_SURVIVOR && p->character == casts[old][i].character)
                                taken[i] = true;
        for (Player *p = NULL; (p = player_next(s, p));) {
                size_t i = 0;

                if (p->bot || p->team != TEAM_SURVIVOR || p->character)
                        continue;
                while (i < SURVIVORS - 1 && taken[i])
                        i++;
                p->character = casts[old][i].character;
                taken[i] = true;
        }
        for (size_t i = 0; i < SURVIVORS; i++) {
                unsigned survivors = 0;

                for (Player *p = NULL; (p = player_next(s, p));)
                        survivors += p->team == TEAM_SURVIVOR;
                if (!taken[i] && survivors < SURVIVORS)
                        (void) bot_add(s, casts[old][i].name, casts[old][i].character, TEAM_SURVIVOR);
        }
}

void bots_settle(Server *s) {
        bool playing = players_play(s);
        unsigned survivors = 0;
        Player *bot;

        for (Player *p = NULL; (p = player_next(s, p));)
                survivors += p->team == TEAM_SURVIVOR;
        for (; playing && survivors > SURVIVORS && (bot = find_bot(s, TEAM_SURVIVOR)); survivors--)
                player_leave(s, bot, "Kicked by Console");
        if (playing)
                cast_survivors(s);
        else
                while ((bot = find_bot(s, TEAM_SURVIVOR)) || (bot = find_bot(s, TEAM_INFECTED)))
                        player_leave(s, bot, "Punting bot, server is hibernating");
}

void players_change_map(Server *s, bool keep) {
        /* The humans first: with them, the bots go. */
        for (Player *p = NULL; (p = player_next(s, p));) {
                if (p->bot)
                        continue;
                if (keep) {
                        p->state = PLAYER_SPAWNING;
                        p->alive = true;
                        p->health = 100;
                        if (p->team == TEAM_SURVIVOR)
                                p->character = NULL; /* the next map may have another cast */
                } else
                        player_leave(s, p, "Server shutting down");
        }
        for (Player *p = NULL; (p = player_next(s, p));)
                if (p->bot)
                        player_leave(s, p, "Kicked by Console");
}
