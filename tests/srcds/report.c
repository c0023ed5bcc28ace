/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/resource.h>

#include "console.h"
#include "protocol/rcon-text.h"
#include "protocol/steam-id.h"
#include "report.h"
#include "server.h"
#include "util.h"

#define BUILD 10097 /* of the game, as status shows it */
#define RATE 30000

static RconPlayer *describe(Server *s, const Player *p) {
        static const char *const states[] = { [PLAYER_CONNECTING] = "connecting",
                [PLAYER_SPAWNING] = "spawning",
                [PLAYER_ACTIVE] = "active" };
        RconPlayer *r = rcon_player_new();

        g_free(r->name);
        g_free(r->unique_id);
        g_free(r->state);
        g_free(r->address);
        *r = (RconPlayer){
                .userid = p->userid,
                .slot = p->bot ? 0 : (unsigned) (p - s->players.slots) + 1,
                .name = g_strdup(p->name),
                .bot = p->bot,
                .unique_id = p->bot ? g_strdup("BOT") : steam_id_format(STEAM_ID_BASE + p->account),
                .connected = (now_ms() - p->since_ms) / 1000,
                .ping = p->ping,
                .loss = p->loss,
                .state = g_strdup(states[p->state]),
                .rate = RATE,
                .address = g_strdup(p->address),
        };
        return r;
}

static void set(char **field, char *value) {
        g_free(*field);
        *field = value;
}

static void run_status(Server *s, const Command *c) {
        g_autoptr(RconStatus) r = rcon_status_new();
        g_autofree char *text = NULL;

        set(&r->hostname, g_strdup(cvar_string(&s->cvars, "hostname")));
        set(&r->version, g_strdup(s->content.version));
        set(&r->address, g_strdup_printf("%s:%u", s->net.ip, s->net.port));
        if (s->steam_connected)
                set(&r->public_address, g_strdup_printf("%s:%u", PUBLIC_ADDRESS, s->net.port));
        set(&r->os, g_strdup("Linux Dedicated"));
        set(&r->map, g_strdup(s->map));
        r->build = BUILD;
        r->secure = !s->offline;
        r->humans = players_count(s, false);
        r->bots = players_count(s, true);
        r->max_players = players_max(s);
        r->hibernating = s->hibernating;
        r->reserved = s->reservation != 0;
        r->lobby = s->reservation;
        for (Player *p = NULL; (p = player_next(s, p));)
                g_ptr_array_add(r->players, describe(s, p));
        r->complete = true;
        text = rcon_status_format(r);
        console_print_text(text);
}

/* Since the last time that somebody asked. */
static double cpu_percent(Server *s) {
        struct rusage ru = { 0 };
        uint64_t now = now_ms(), used;
        double percent;

        (void) getrusage(RUSAGE_SELF, &ru);
        used = (uint64_t) (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000 +
               (uint64_t) (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1000;
        percent = now > s->stats.at_ms
                          ? (double) (used - s->stats.cpu_ms) * 100 / (double) (now - s->stats.at_ms)
                          : 0;
        s->stats.at_ms = now;
        s->stats.cpu_ms = used;
        return percent < 100 ? percent : 100; /* one thread; what began before the clock did counts, too */
}

/* A player takes some 3 KB/s from the server and gives it 1.5, at 30 ticks. */
static void run_stats(Server *s, const Command *c) {
        unsigned humans = players_count(s, false);
        double share = humans * (double) s->tickrate / 30;
        const RconStats stats = {
                .cpu = cpu_percent(s),
                .in = share * 1.5,
                .out = share * 3,
                .uptime = (double) ((now_ms() - s->stats.start_ms) / 60000),
                .users = s->players.connects,
                .fps = s->hibernating ? 10 : s->frames.fps, /* an empty server looks around now and then */
                .players = humans,
        };
        g_autofree char *text = rcon_stats_format(&stats);

        console_print_text(text);
}

static void run_users(Server *s, const Command *c) {
        unsigned n = 0;

        (void) c;
        console_print("<slot:userid:\"name\">");
        for (Player *p = NULL; (p = player_next(s, p)); n++)
                console_print("%u:%u:\"%s\"", (unsigned) (p - s->players.slots), p->userid, p->name);
        console_print("%u users", n);
}

const CommandTable report_commands = { (const CommandDef[]){
        { "stats", 0, "", run_stats },
        { "status", 0, "", run_status },
        { "users", 0, "", run_users },
        { 0 },
} };
