/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "channel.h"
#include "console.h"
#include "game.h"
#include "misbehave.h"
#include "server.h"
#include "util.h"

void game_request_map(Server *s, const char *map, const char *mode, bool change) {
        (void) snprintf(s->next_map, sizeof(s->next_map), "%s", map);
        (void) snprintf(s->next_mode, sizeof(s->next_mode), "%s", mode);
        s->next_is_change = change;
}

static void count_frame(Server *s) {
        uint64_t now = now_ms(), elapsed = now - s->frames.since_ms;

        s->frames.ticks++;
        if (elapsed < 1000)
                return;
        s->frames.fps = s->frames.ticks * 1000.0 / (double) elapsed;
        s->frames.since_ms = now;
        s->frames.ticks = 0;
}

static void on_tick(Server *s) {
        uint64_t late = s->timers.late_us, missed = s->timers.missed, begin = now_us(), cpu = cpu_us(), work;

        s->ticks++;
        count_frame(s);
        channel_tick(s);
        misbehave_burn(s);
        late += now_us() - begin;
        work = cpu_us() - cpu;
        jitter_add(&s->jitter, late > work ? late - work : 0, missed);
}

/* Without players the server drops its frames, which is all that an empty one would do. Returns the
 * console line that tells of a change, to be printed when everything else about it is true. */
const char *game_update_hibernation(Server *s) {
        bool ticking = s->timers.timer[TIMER_TICK].due_us > 0, woken = s->hibernating;
        bool sleep = cvar_number(&s->cvars, "sv_hibernate_when_empty") > 0 && players_count(s, false) == 0 &&
                     s->channels.n == 0;

        if (!*s->map || (sleep ? s->hibernating : ticking))
                return NULL;
        s->hibernating = sleep;
        s->state_dirty = true;
        if (sleep)
                timer_disarm(&s->timers, TIMER_TICK);
        else {
                timer_arm(&s->timers, TIMER_TICK, 1000000 / s->tickrate, 1000000 / s->tickrate, on_tick);
                s->frames.since_ms = now_ms();
                s->frames.ticks = 0;
                s->frames.fps = s->tickrate;
        }
        return sleep ? "Server is hibernating" : woken ? "Server waking up from hibernation" : NULL;
}

static void log_cvars(Server *s) {
        log_line(&s->log, &s->cvars, "server cvars start");
        for (size_t i = 0; i < s->cvars.n; i++)
                if (s->cvars.cvars[i].flags & CVAR_NOTIFY)
                        log_line(&s->log, &s->cvars, "\"%s\" = \"%s\"", s->cvars.cvars[i].name,
                                cvar_shown(&s->cvars.cvars[i]));
        log_line(&s->log, &s->cvars, "server cvars end");
}

static void connect_steam(Server *s) {
        s->offline = s->offline || cvar_number(&s->cvars, "sv_lan") > 0;
        if (s->offline || s->steam_connected)
                return;
        s->steam_connected = true;
        console_print("Connection to Steam servers successful.");
        console_print("   Public IP is 203.0.113.66.");
        console_print("VAC secure mode is activated.");
}

/* The order is the engine's: the rules of a map are built after it is loaded and before it starts, and
 * that is when server.cfg runs, at every map start and under this name whatever servercfgfile says. */
static void load_map(Server *s, const char *map, const char *mode, bool change) {
        if (change)
                log_line(&s->log, &s->cvars, "-------- Mapchange to %s --------", map);
        if (s->hibernating) {
                s->hibernating = false;
                console_print("Server waking up from hibernation");
        }
        players_change_map(s, change);
        log_line(&s->log, &s->cvars, "Loading map \"%s\"", map);
        (void) snprintf(s->map, sizeof(s->map), "%s", map);
        if (*mode)
                (void) cvar_set(cvar_find(&s->cvars, "mp_gamemode"), mode);

        /* What takes the engine seconds, the one thread that serves everything included. */
        misbehave_stall((uint64_t) cvar_number(&s->cvars, "standin_map_load_ms"));
        console_print("Executing dedicated server config file");
        console_exec_file(s, "server.cfg");
        if (s->quit)
                return;

        log_cvars(s);
        log_line(&s->log, &s->cvars, "Started map \"%s\" (CRC \"%d\")", map,
                (int) (uint32_t) fnv1a(map, strlen(map)));
        s->map_starts++;
        s->state_dirty = true;
        standin_note("map %s starts=%u mode=%s", map, s->map_starts, cvar_string(&s->cvars, "mp_gamemode"));
        connect_steam(s);
        log_line(&s->log, &s->cvars, "World triggered \"Round_Start\"");
        bots_settle(s);
        schedule_settle(s);
}

void game_load_requested(Server *s) {
        char map[sizeof(s->next_map)], mode[sizeof(s->next_mode)];
        bool change = s->next_is_change && *s->map;

        if (!*s->next_map)
                return;
        memcpy(map, s->next_map, sizeof(map));
        memcpy(mode, s->next_mode, sizeof(mode));
        s->next_map[0] = '\0';

        if (content_has_map(&s->content, map))
                load_map(s, map, mode, change);
        else if (change)
                console_print("changelevel failed: %s not found", map);
        else {
                console_print("CModelLoader::Map_IsValid:  No such map 'maps/%s.bsp'", map);
                console_print("map load failed: %s not found or invalid", map);
        }
}
