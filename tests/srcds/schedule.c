/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "combat.h"
#include "console.h"
#include "game.h"
#include "schedule.h"
#include "server.h"
#include "util.h"

#define EVENTS_AT_ONCE 64 /* then the rest of the server gets a turn */
#define RETRY_MS 30000    /* somebody who was not let in tries again */

/* Names as they come: with quotes, brackets, other scripts, broken UTF-8. */
static const char *const names[] = { "Ann", "a \"quoted\" name", "Player Six", "<2><BOT><Survivor>", "Jörg",
        "Зоя", "楽しい", "Mr. 100%s", "; quit", "caf\xe9", "Ben # 3", "x\" connected, address \"", "Dora",
        "emil", "FRIDA", "gus.tav", "Heidi", "ivan_the_3rd", "J", "KILLER QUEEN", "lars", "m0rgan", "Nora",
        "[clan] Otto", "Paula", "quentin", "R2", "S a m", "tin@", "Uwe|DE", "vera" };

static const char *const texts[] = { "hi", "gg", "wait", "\"pills\" here", "where is the safe room", "лол",
        "tank!", "!vote", "100% dead", "go go go", "brb", "who has a medkit? (last one)", "/me runs", "<3" };

static const char *const reasons[] = { "Disconnect by user.", "Disconnect by user.", "Disconnect by user.",
        "Connection timed out", "Client left game (Steam auth ticket has been canceled)" };

_Static_assert(ELEMENTSOF(names) >= PLAYERS_MAX - 1, "a name for each");

static uint64_t virtual_now(const Schedule *h) {
        return h->clock_ms + (uint64_t) ((double) (now_ms() - h->real_ms) * h->speed);
}

static void begin(Schedule *h, size_t i) {
        uint64_t random = h->seed ^ (i + 1) * 0x632be59bd9b4e019;

        h->personas[i] = (Persona){ .random = random };
        h->personas[i].due_ms = h->clock_ms + random_between(&h->personas[i].random, 500, 15000);
}

void schedule_init(Schedule *h) {
        *h = (Schedule){ .seed = 1, .speed = 1, .real_ms = now_ms() };
}

/* Whatever changes the schedule's rules happens at one time of its clock. */
static void stop_clock(Schedule *h) {
        h->clock_ms = virtual_now(h);
        h->real_ms = now_ms();
}

static void come(Server *s, Persona *e, size_t i) {
        uint32_t account = (uint32_t) (fnv1a(&i, sizeof(i)) ^ s->schedule.seed * 2654435761U) % 900000000 +
                           1000;
        char address[24];
        Player *p;

        (void) snprintf(
                address, sizeof(address), "198.51.100.%u:%u", (unsigned) i + 1, 27005 + account % 30000);
        p = player_connect(s, names[i], account, address);
        if (!p) {
                e->due_ms += RETRY_MS;
                return;
        }
        e->userid = p->userid;
        e->renamed = false;
        e->step = STEP_VALIDATE;
        e->due_ms += random_between(&e->random, 200, 800);
        e->leave_ms = e->due_ms + random_between(&e->random, 180000, 1200000);
}

static void rename_player(Server *s, Persona *e, Player *p) {
        char name[sizeof(p->name)];

        if (e->renamed)
                return;
        (void) snprintf(name, sizeof(name), "%.29s^^", p->name);
        player_rename(s, p, name);
        e->renamed = true;
}

/* One thing that a player does. */
static void play(Server *s, Persona *e, Player *p) {
        uint64_t what = random_between(&e->random, 0, 999);

        e->due_ms += random_between(&e->random, 800, 6000);
        p->ping += random_between(&e->random, 0, 4);
        p->ping -= p->ping > 22 ? 2 : 0;
        p->loss = what % 37 == 0;
        if (!p->alive) {
                p->alive = true; /* a companion opened the closet */
                p->health = 50;
        } else if (p->team == TEAM_INFECTED && what < 890) {
                if (what < 60)
                        combat_attack(s, p, &e->random);
        } else if (what < 40 && p->health == 1)
                p->health = 80; /* a medkit */
        else if (what < 700)
                combat_kill_common(s, p, &e->random);
        else if (what < 800)
                combat_kill_special(s, p, &e->random);
        else if (what < 830)
                combat_grab(s, p, &e->random);
        else if (what < 870)
                combat_incap(s, p, &e->random);
        else if (what < 890) {
                combat_die(s, p, &e->random);
                e->due_ms += random_between(&e->random, 15000, 60000);
        } else if (what < 990)
                player_say(s, p, texts[random_between(&e->random, 0, ELEMENTSOF(texts) - 1)], what >= 960);
        else
                rename_player(s, e, p);
}

static void leave(Server *s, Persona *e, Player *p) {
        player_leave(s, p, reasons[random_between(&e->random, 0, ELEMENTSOF(reasons) - 1)]);
        e->step = STEP_CONNECT;
        e->due_ms += random_between(&e->random, 30000, 120000);
}

static void act(Server *s, size_t i) {
        Persona *e = &s->schedule.personas[i];
        Player *p = e->step == STEP_CONNECT ? NULL : player_by_userid(s, e->userid);

        if (!p && e->step != STEP_CONNECT) {
                /* Kicked, or sent away by a map: back in a while. */
                e->step = STEP_CONNECT;
                e->due_ms += random_between(&e->random, 1000, 8000);
        } else if (e->step == STEP_CONNECT)
                come(s, e, i);
        else if (e->step == STEP_VALIDATE) {
                player_validate(s, p);
                e->step = STEP_ENTER;
                e->due_ms += random_between(&e->random, 1000, 6000);
        } else if (e->step == STEP_ENTER || p->state == PLAYER_SPAWNING) {
                player_enter(s, p);
                e->step = p->team == TEAM_NONE ? STEP_JOIN : STEP_PLAY;
                e->due_ms += random_between(&e->random, 500, 2000);
        } else if (e->step == STEP_JOIN) {
                player_join_team(s, p, random_between(&e->random, 0, 1) ? TEAM_SURVIVOR : TEAM_INFECTED);
                e->step = STEP_PLAY;
                e->due_ms += random_between(&e->random, 1000, 6000);
        } else if (e->due_ms >= e->leave_ms && !s->schedule.stay)
                leave(s, e, p);
        else
                play(s, e, p);
}

/* Special infected come, and the survivors reach the safe room. */
static void direct(Server *s) {
        Schedule *h = &s->schedule;

        h->director_ms += random_between(&h->director, 8000, 30000);
        if (!players_play(s))
                return;
        if (h->chapter_ms == 0)
                h->chapter_ms = h->director_ms + random_between(&h->director, 300000, 900000);
        if (h->chapters && h->director_ms >= h->chapter_ms) {
                const char *next = content_next_map(&s->content, s->map);

                h->chapter_ms = 0;
                if (next)
                        game_request_map(s, next, "", true);
        } else
                combat_spawn(s, &h->director);
}

/* What is due next: a persona's index, PLAYERS_MAX for the director. */
static size_t next_event(const Schedule *h, uint64_t *ret_due_ms) {
        size_t next = PLAYERS_MAX;

        *ret_due_ms = h->director_ms;
        for (size_t i = 0; i < h->wanted; i++)
                if (h->personas[i].due_ms < *ret_due_ms) {
                        *ret_due_ms = h->personas[i].due_ms;
                        next = i;
                }
        return next;
}

static void on_event(Server *s) {
        Schedule *h = &s->schedule;
        uint64_t now = virtual_now(h), due;

        /* A map that is asked for comes before the next event. */
        for (unsigned n = 0; n < EVENTS_AT_ONCE && !*s->next_map; n++) {
                size_t next = next_event(h, &due);

                if (due > now)
                        break;
                if (next == PLAYERS_MAX)
                        direct(s);
                else
                        act(s, next);
        }
        schedule_settle(s);
}

void schedule_settle(Server *s) {
        Schedule *h = &s->schedule;
        uint64_t now = virtual_now(h), due;

        if (!*s->map || h->wanted == 0) {
                timer_disarm(&s->timers, TIMER_SCHEDULE);
                return;
        }
        (void) next_event(h, &due);
        timer_arm(&s->timers, TIMER_SCHEDULE,
                due > now ? (uint64_t) ((double) (due - now) * 1000 / h->speed) + 1000 : 0, 0, on_event);
}

static void run_players(Server *s, const Command *c) {
        Schedule *h = &s->schedule;
        unsigned long wanted;

        if (c->argc == 1) {
                standin_note("players %u%s seed=%llu speed=%g", h->wanted, h->stay ? " stay" : "",
                        (unsigned long long) h->seed, h->speed);
                return;
        }
        if (!parse_uint(c->argv[1], PLAYERS_MAX - 1, &wanted)) {
                standin_note("%s: not a number of players: %s", c->argv[0], c->argv[1]);
                return;
        }
        stop_clock(h);
        if (h->wanted == 0 && wanted > 0) {
                h->director = h->seed;
                h->director_ms = h->clock_ms + 20000;
                h->chapter_ms = 0;
        }
        for (; h->wanted < wanted; h->wanted++)
                begin(h, h->wanted);
        while (h->wanted > wanted) {
                const Persona *e = &h->personas[--h->wanted];
                Player *p = e->step == STEP_CONNECT ? NULL : player_by_userid(s, e->userid);

                if (p)
                        player_leave(s, p, reasons[0]);
        }
        h->stay = c->argc > 2 && strcasecmp(c->argv[2], "stay") == 0;
        schedule_settle(s);
}

/* The same seed again changes nothing: a cfg says it at each map start. */
static void run_seed(Server *s, const Command *c) {
        Schedule *h = &s->schedule;
        unsigned long seed;

        if (!parse_uint(c->argv[1], UINT32_MAX, &seed))
                standin_note("%s: not a seed: %s", c->argv[0], c->argv[1]);
        else if (h->wanted > 0 && seed != h->seed)
                standin_note("%s: there are players already; standin_players 0 comes first", c->argv[0]);
        else
                h->seed = seed;
}

static void run_speed(Server *s, const Command *c) {
        double speed = strtod(c->argv[1], NULL);

        if (!(speed >= 0.01 && speed <= 100000)) {
                standin_note("%s: not a speed: %s", c->argv[0], c->argv[1]);
                return;
        }
        stop_clock(&s->schedule);
        s->schedule.speed = speed;
        schedule_settle(s);
}

static void run_chapters(Server *s, const Command *c) {
        s->schedule.chapters = strcmp(c->argv[1], "0") != 0;
}

const CommandTable schedule_commands = { (const CommandDef[]){
        { "standin_chapters", 1, "0|1", run_chapters },
        { "standin_players", 0, "[n [stay]]", run_players },
        { "standin_seed", 1, "<n>", run_seed },
        { "standin_speed", 1, "<factor>", run_speed },
        { 0 },
} };
