/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who goes: kick and kickid. Who comes and speaks because a test wants it: standin_join and the like. */
#include <stdlib.h>
#include <string.h>

#include "combat.h"
#include "console.h"
#include "player.h"
#include "server.h"
#include "util.h"

static void kick(Server *s, Player *p, const char *reason) {
        char text[256];

        (void) snprintf(text, sizeof(text), "Kicked by Console%s%.200s", *reason ? " : " : "", reason);
        player_leave(s, p, text);
}

/* What stands behind the first argument, as it was typed but for its quotes. */
static const char *behind_first(const Command *c, char *buf, size_t size) {
        size_t n = 0;

        buf[0] = '\0';
        for (int i = 2; i < c->argc && n < size; i++)
                n += (size_t) snprintf(buf + n, size - n, "%s%s", i > 2 ? " " : "", c->argv[i]);
        return buf;
}

static void run_kickid(Server *s, const Command *c) {
        unsigned long userid;
        uint32_t account;
        Player *p = NULL;
        char reason[256];

        if (parse_uint(c->argv[1], UINT16_MAX, &userid))
                p = player_by_userid(s, (unsigned) userid);
        else if (parse_steamid(c->argv[1], &account))
                p = player_by_account(s, account);
        if (!p)
                console_print("userid \"%s\" not found", c->argv[1]);
        else
                kick(s, p, behind_first(c, reason, sizeof(reason)));
}

static void run_kick(Server *s, const Command *c) {
        Player *p = player_by_name(s, c->rest);

        if (!p)
                console_print("Can't kick \"%s\", name not found", c->rest);
        else
                kick(s, p, "");
}

/* At once and whole: connected, validated, in the game, in a team. */
static void run_join(Server *s, const Command *c) {
        uint32_t account = (uint32_t) fnv1a(c->rest, strlen(c->rest)) % 900000000 + 1000;
        char address[24];
        Player *p;

        if (!*s->map) {
                standin_note("join %s failed: no map", c->rest);
                return;
        }
        (void) snprintf(
                address, sizeof(address), "198.51.100.%u:%u", 100 + account % 100, 27005 + account % 30000);
        p = player_by_account(s, account) ? NULL : player_connect(s, c->rest, account, address);
        if (!p) {
                standin_note("join %s failed: here already, full or banned", c->rest);
                return;
        }
        player_validate(s, p);
        player_enter(s, p);
        player_join_team(s, p, TEAM_SURVIVOR);
}

static Player *find(Server *s, const Command *c) {
        Player *p = player_by_name(s, c->argv[1]);

        if (!p)
                standin_note("%s: nobody is called %s", c->argv[0], c->argv[1]);
        return p;
}

static void run_leave(Server *s, const Command *c) {
        Player *p = find(s, c);
        char reason[256];

        if (p)
                player_leave(
                        s, p, c->argc > 2 ? behind_first(c, reason, sizeof(reason)) : "Disconnect by user.");
}

static void run_chat(Server *s, const Command *c) {
        Player *p = find(s, c);
        char text[256];

        if (p)
                player_say(s, p, behind_first(c, text, sizeof(text)), false);
}

static void run_die(Server *s, const Command *c) {
        Player *p = find(s, c);
        uint64_t random = p ? p->userid : 0;

        if (!p)
                return;
        combat_incap(s, p, &random);
        combat_die(s, p, &random);
}

static void run_reserve(Server *s, const Command *c) {
        s->reservation = c->argc > 1 ? strtoull(c->argv[1], NULL, 16) : 0;
}

const CommandTable player_commands = { (const CommandDef[]){
        { "kick", 1, "<name>", run_kick },
        { "kickid", 1, "<userid | uniqueid> { message }", run_kickid },
        { "standin_chat", 2, "<name> <text>", run_chat },
        { "standin_die", 1, "<name>", run_die },
        { "standin_join", 1, "<name>", run_join },
        { "standin_leave", 1, "<name> [reason]", run_leave },
        { "standin_reserve", 0, "[lobby]", run_reserve },
        { 0 },
} };
