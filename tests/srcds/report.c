/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "console.h"
#include "report.h"
#include "server.h"
#include "util.h"

#define BUILD 10097 /* of the game, as status shows it */

/* 05:40 or 1:02:33 */
static const char *duration(uint64_t since_ms, char buf[static 16]) {
        unsigned seconds = (unsigned) ((now_ms() - since_ms) / 1000);

        if (seconds >= 3600)
                (void) snprintf(
                        buf, 16, "%u:%02u:%02u", seconds / 3600 % 10000, seconds / 60 % 60, seconds % 60);
        else
                (void) snprintf(buf, 16, "%02u:%02u", seconds / 60, seconds % 60);
        return buf;
}

static const char *state_name(PlayerState state) {
        return state == PLAYER_CONNECTING ? "connecting" : state == PLAYER_SPAWNING ? "spawning" : "active";
}

static void print_player(Server *s, const Player *p) {
        char id[STEAMID_LEN], time[16];

        if (p->bot)
                console_print("#%u \"%s\" BOT active", p->userid, p->name);
        else
                console_print("# %u %u \"%s\" %s %s %u %u %s %d %s", p->userid,
                        (unsigned) (p - s->players.slots) + 1, p->name, format_steamid(p->account, id),
                        duration(p->since_ms, time), p->ping, p->loss, state_name(p->state), 30000,
                        p->address);
}

static void run_status(Server *s, const Command *c) {
        char reserved[40] = "unreserved", public[40];

        (void) c;
        if (*s->reservation)
                (void) snprintf(reserved, sizeof(reserved), "reserved %.20s", s->reservation);
        (void) snprintf(
                public, sizeof(public), s->steam_connected ? "%s:%u" : "n/a", PUBLIC_ADDRESS, s->net.port);

        console_print("hostname: %s", cvar_string(&s->cvars, "hostname"));
        console_print("version : %s %d %s  (unknown)", s->content.version, BUILD,
                s->offline ? "insecure" : "secure");
        console_print("udp/ip  : %s:%u [ public %s ]", s->net.ip, s->net.port, public);
        console_print("os      : Linux Dedicated");
        console_print("map     : %s", s->map);
        console_print("players : %u humans, %u bots (%u max) (%shibernating) (%s)", players_count(s, false),
                players_count(s, true), players_max(s), s->hibernating ? "" : "not ", reserved);
        console_print("%s", "");
        console_print("# userid name uniqueid connected ping loss state rate adr");
        for (Player *p = NULL; (p = player_next(s, p));)
                print_player(s, p);
        console_print("#end");
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
        return percent;
}

/* A player takes some 3 KB/s from the server and gives it 1.5, at 30 ticks. */
static void run_stats(Server *s, const Command *c) {
        unsigned humans = players_count(s, false);
        double share = humans * (double) s->tickrate / 30;

        (void) c;
        console_print("CPU   In    Out   Uptime  Users   FPS    Players");
        console_print("%5.2f %5.2f %5.2f %7u %5u %7.2f %7u", cpu_percent(s), share * 1.5, share * 3,
                (unsigned) ((now_ms() - s->stats.start_ms) / 60000), s->players.connects,
                s->hibernating ? 10.0 : (double) s->tickrate, humans);
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
