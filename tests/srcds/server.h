/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One struct owns the world of the stand-in server. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ban.h"
#include "channel.h"
#include "content.h"
#include "cvar.h"
#include "garbage.h"
#include "jitter.h"
#include "log.h"
#include "net.h"
#include "player.h"
#include "query.h"
#include "rcon-server.h"
#include "schedule.h"
#include "sourcemod.h"
#include "timer.h"
#include "types.h"

typedef struct CommandTable CommandTable;

/* A cfg file that was executed, and how often. */
typedef struct ExecRecord {
        char *file; /* below left4dead2/cfg */
        uint64_t hash;
        size_t size;
        unsigned count;
} ExecRecord;

struct Server {
        char **argv;
        const char *game; /* -game, also the directory */

        CvarTable cvars;
        Content content;
        Log log;
        Net net;
        Timers timers;
        const CommandTable *const *tables; /* who answers to which word; ends with NULL */

        Players players;
        Channels channels;
        Schedule schedule;
        Bans bans;
        Query query;
        Rcon rcon;
        Sourcemod sourcemod;
        uint64_t reservation; /* the lobby that has taken the server; 0: none */

        char map[64]; /* empty: none loaded */
        unsigned map_starts;
        /* Asked for; loaded by the main loop, since a cfg that a map start runs may ask too. */
        char next_map[64];
        char next_mode[32];
        bool next_is_change;

        unsigned tickrate;
        uint64_t ticks;
        struct {
                uint64_t since_ms; /* the beginning of the second that is counted */
                unsigned ticks;
                double fps; /* of the last whole one */
        } frames;
        Jitter jitter;
        bool hibernating;
        bool offline; /* -insecure, -nomaster or sv_lan: no word with Steam */
        bool steam_connected;

        unsigned exec_depth;
        ExecRecord *execs;
        size_t n_execs;
        char **marks; /* what standin_mark left, in order */
        size_t n_marks;

        bool state_dirty;
        bool quit;
        int exit_code;

        struct {
                uint64_t start_ms;
                uint64_t at_ms;  /* when `stats` was last asked for */
                uint64_t cpu_ms; /* used until then */
        } stats;

        /* Misbehaviour on request. */
        Garbage garbage;
        int crash_signal;
        int late_exit_code;
        unsigned flood_rate;
        uint64_t flood_lines;
        bool flood_endless;
        unsigned burn_percent; /* of each tick */
        size_t leak_rate;      /* bytes in a tenth of a second */
        int control_fd;        /* FIFO with console lines, -1 without */
        char *control_path;
};
